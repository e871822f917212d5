"""Write a detector as an ONNX graph and a description of all that isn't in the graph."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from anomgan.calibration.decision import Decision
from anomgan.errors import InputError
from anomgan.gans.blockwise import rows_per_block
from anomgan.gans.sampling import sample_records
from anomgan.persistence.model_dir import check_target, write_error
from anomgan.persistence.model_store import Model
from anomgan.persistence.onnx.builder import OPSET
from anomgan.runtime.description import (
    DESCRIPTION,
    EXPORT_VERSION,
    GRAPH,
    INPUT,
    SCORE,
    decision_to_json,
    serialize,
)
from anomgan.runtime.detector import ExportedDetector, open_session
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.utils.atomic import replace_directory
from anomgan.utils.extras import import_extra
from anomgan.utils.serialization import to_plain
from anomgan.utils.types import Floats

MAX_UNROLLED_STEPS = 50
"""Gradient steps of an inversion that a graph may hold, each some hundred nodes."""

CHECKED_RECORDS = 64
"""Generated records that the graph's scores are checked with before it is written."""

MAX_DIFFERENCE = 1e-3
"""Largest difference of the two scores of a generated record, relative to a score of at least 1.
Of tables it is mostly below 1e-5; steps through convolutions enlarge the rounding of pictures."""


def export_model(model: Model, decision: Decision, directory: str | Path) -> None:
    """Write the graph and its description, whole or not at all.

    Args:
        model: A fitted detector as :mod:`anomgan.persistence` stores it, on the CPU.
        decision: What its scores mean.
        directory: A path where nothing, an empty folder or an older export is.

    Raises:
        InputError: If the model can't be exported, something else is there, or it can't be written;
            then nothing changes.
    """
    import_extra("onnx", "onnx", "export")
    import_extra("onnxruntime", "onnx", "export")
    check_target(directory, what="export", description=DESCRIPTION, files={DESCRIPTION, GRAPH})
    reason = find_obstacle(model.ensemble)
    if reason:
        raise InputError(f"can't be exported: {reason}")
    graph = _make_graph(model.ensemble)
    description = _describe(model, decision, graph)
    difference = _compare_scores(model.ensemble, ExportedDetector(description, open_session(graph)))
    description["checked"] = {"records": CHECKED_RECORDS, "largest_difference": difference}
    try:
        replace_directory(directory, {GRAPH: graph, DESCRIPTION: serialize(description)})
    except OSError as error:
        raise write_error(directory, error) from error


def find_obstacle(ensemble: FittedEnsemble) -> str | None:
    """Why an ensemble can't be exported, and what could be; None if it can."""
    gan = ensemble.gan
    steps = gan.config.inversion_steps
    if ensemble.patches is not None:
        return "its pictures are scored in a backbone's features; fit again with --backbone none"
    if gan.inversion == "prior":
        return (
            f"{gan.name} searches the latent space for each record, from draws that generate the "
            f"nearest ones, in {gan.config.search_steps} steps; choose a method with an encoder, "
            f"such as f-anogan"
        )
    if gan.inversion != "none" and steps > MAX_UNROLLED_STEPS:
        return (
            f"the inversion takes {steps} gradient steps, and a graph holds at most "
            f"{MAX_UNROLLED_STEPS}; fit again with inversion_steps=2"
        )
    return None


def _make_graph(ensemble: FittedEnsemble) -> bytes:
    """The graph from encoded records to scores.

    Raises:
        InputError: If an operation has no equivalent in ONNX, or torch is too old.
    """
    try:
        from anomgan.persistence.onnx.conversion import convert_graph
        from anomgan.persistence.onnx.tracing import trace_score

        traced = trace_score(ensemble)
        return convert_graph(traced, (SCORE,), {"anomgan": version("anomgan")})
    except NotImplementedError as error:
        raise InputError(
            f"can't be exported: {ensemble.gan.name} by torch {version('torch')}: {error}"
        ) from error


def _describe(model: Model, decision: Decision, graph: bytes) -> dict[str, Any]:
    """The contents of ``export.json``."""
    spec, about = model.encoder.spec, model.about
    description = {
        "anomgan": version("anomgan"),
        "export_version": EXPORT_VERSION,
        "method": model.ensemble.gan.name,
        "graph": {
            "file": GRAPH,
            "sha256": hashlib.sha256(graph).hexdigest(),
            "opset": OPSET,
            "input": {"name": INPUT, "type": "float64", "shape": ["n", *spec.shape]},
            "outputs": {SCORE: {"type": "float64", "shape": ["n"]}},
            "block_rows": rows_per_block(model.ensemble.gan),
        },
        "spec": spec.to_json(),
        "schema": model.encoder.to_json(),
        "columns": about["columns"],
        "from_frame": about["from_frame"],
        "decision": decision_to_json(decision),
        "training": about["training"],
    }
    plain: dict[str, Any] = to_plain(description)
    return plain


def _compare_scores(ensemble: FittedEnsemble, exported: ExportedDetector) -> float:
    """The largest difference of a generated record's scores by the graph and by the networks.

    Raises:
        InputError: If it is too large.
    """
    spec = ensemble.gan.views.encoded
    count = CHECKED_RECORDS * spec.tiles
    records: Floats = np.concatenate(list(sample_records(ensemble.gan, count, 0, {})))
    expected, scores = ensemble.score(records), exported.score_encoded(records)
    difference = np.abs(scores - expected) / np.maximum(1, np.abs(expected))
    largest = float(difference.max())
    if largest > MAX_DIFFERENCE:
        raise InputError(
            f"can't be exported: the graph's scores differ by {largest:.1g} from those of "
            f"{ensemble.gan.name}"
        )
    return largest
