"""The description beside an exported graph: all of a detector that the graph doesn't compute."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from anomgan.calibration.conformal import ConformalCalibrator
from anomgan.calibration.decision import Decision
from anomgan.calibration.mondrian import MondrianCalibrator
from anomgan.calibration.probability import probability_curve_from_json
from anomgan.errors import InputError
from anomgan.utils.serialization import strict_json
from anomgan.utils.text import one_line

EXPORT_VERSION = 1
"""Increased whenever the contents of an export change; other versions are refused."""

GRAPH, DESCRIPTION = "score.onnx", "export.json"
"""The files of an export."""

INPUT, SCORE = "record", "score"
"""Names of the graph's input and of its output."""


def is_export(directory: str | Path) -> bool:
    """Whether a folder holds an exported detector rather than a model."""
    return (Path(directory) / DESCRIPTION).is_file()


def read_export(directory: str | Path) -> tuple[dict[str, Any], bytes]:
    """The description and the graph of an export.

    Raises:
        InputError: If there is none, it is damaged, or a newer anomgan wrote it.
    """
    folder = Path(directory)
    if not is_export(folder):
        raise InputError(
            f"{directory}: isn't an exported detector: it has no {DESCRIPTION}; "
            f"write one by: anomgan export MODEL --to onnx DIR"
        )
    try:
        description = strict_json((folder / DESCRIPTION).read_bytes())
        graph = (folder / GRAPH).read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{directory}: can't read the export: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise damage_error(directory, f"{DESCRIPTION}: {error}") from error
    if not isinstance(description, dict) or "anomgan" not in description:
        raise damage_error(directory, f"{DESCRIPTION} isn't anomgan's")
    number = description.get("export_version")
    if number != EXPORT_VERSION:
        raise InputError(
            f"{directory}: an export of version {number!r}, and this anomgan reads version "
            f"{EXPORT_VERSION}; export the model again"
        )
    told = description.get("graph")
    if not isinstance(told, dict) or told.get("sha256") != hashlib.sha256(graph).hexdigest():
        raise damage_error(directory, f"{GRAPH} isn't as it was written")
    return description, graph


def damage_error(directory: str | Path, what: str) -> InputError:
    """The error for a damaged export."""
    return InputError(
        f"{os.fspath(directory)}: the export is damaged: {one_line(what, 500)}; "
        f"export the model again"
    )


def decision_to_json(decision: Decision) -> dict[str, Any]:
    """Plain data from which :func:`decision_from_json` rebuilds a decision."""
    mondrian = decision.mondrian
    groups = (
        []
        if mondrian is None
        else [
            {"condition": key.tolist(), "scores": each.scores.tolist()}
            for key, each in zip(mondrian.keys, mondrian.calibrators, strict=True)
        ]
    )
    return {
        "threshold": -decision.offset,
        "alpha": decision.alpha,
        "calibration": {
            "scores": decision.calibrator.scores.tolist(),
            "by_condition": None if mondrian is None else groups,
        },
        "probability": None if decision.curve is None else decision.curve.to_json(),
    }


def decision_from_json(state: Mapping[str, Any], condition_size: int) -> Decision:
    """Rebuild a decision.

    Args:
        state: What :func:`decision_to_json` returned.
        condition_size: Entries of a record's conditions.

    Raises:
        KeyError: If something is missing.
        TypeError: If something has the wrong type.
        ValueError: If something is invalid.
    """
    calibration = state["calibration"]
    pooled = _read_calibrator(calibration["scores"])
    mondrian, groups = None, calibration["by_condition"]
    if groups is not None:
        keys = np.array([group["condition"] for group in groups], dtype=np.float64)
        mondrian = MondrianCalibrator(
            pooled,
            keys.reshape(-1, condition_size),
            [_read_calibrator(group["scores"]) for group in groups],
        )
    alpha = state["alpha"]
    return Decision(
        pooled,
        mondrian,
        -float(state["threshold"]),
        None if alpha is None else float(alpha),
        probability_curve_from_json(state["probability"]),
    )


def _read_calibrator(scores: Any) -> ConformalCalibrator:
    """A calibrator from its scores."""
    array = np.array(scores, dtype=np.float64)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise ValueError("no calibration scores")
    if (np.diff(array) < 0).any():
        raise ValueError("calibration scores aren't sorted")
    return ConformalCalibrator(array)


def serialize(description: Mapping[str, Any]) -> bytes:
    """The bytes of ``export.json``."""
    text = json.dumps(description, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "surrogatepass")
