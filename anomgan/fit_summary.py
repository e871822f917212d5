"""What is to be known of a fit: its facts as plain data, its threshold, its progress, odd cells."""

from __future__ import annotations

import platform
import sys
import warnings
from importlib.metadata import version
from typing import Any, Literal, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.calibration.conformal import NEVER_FLAGGED, ConformalCalibrator
from anomgan.data.encoders.base import Encoder
from anomgan.data.parse_report import ParseReport
from anomgan.errors import DataWarning
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.health import summarize_health
from anomgan.training.history import Callback, Progress, TrainingHistory
from anomgan.utils.serialization import to_plain

MOST_LINES = 20
"""Oddities of the input that are told one by one; there may be thousands."""


class Calibration(TypedDict):
    """How scores were calibrated."""

    rows: int
    cross_fitted: bool
    rule: str
    threshold: float | None
    share_flagged: float


class SetAside(TypedDict):
    """Columns that the command line left out."""

    id: str | None
    label: str | None
    drop: list[str]


class FurtherFacts(TypedDict, total=False):
    """What is known of some fits."""

    conditions: dict[str, int]
    other_rows: int | None
    other_source: str
    abnormal_rows: int | None
    source: str
    set_aside: SetAside


class Facts(FurtherFacts):
    """What readers of :func:`training_facts` rely on; there may be more."""

    rows: int
    columns: dict[str, int]
    dropped: list[dict[str, str]]
    notes: list[str]
    seconds: float
    device: str
    seed: int
    versions: dict[str, str]
    calibration: Calibration
    health: str
    restarted: int


class About(TypedDict):
    """What a stored model says of its fit."""

    params: dict[str, Any]
    columns: list[str]
    from_frame: bool
    named: bool
    offset: float
    alpha: float | None
    probability: dict[str, Any] | None
    training: Facts


def training_facts(
    encoder: Encoder,
    ensemble: FittedEnsemble,
    history: TrainingHistory,
    report: ParseReport,
    *,
    rule: Literal["alpha", "contamination"],
    threshold: float,
    alpha: float,
    device: str,
    seed: int,
    seconds: float,
    other_rows: int | None = None,
) -> dict[str, Any]:
    """What people want to know of a fit, as plain data."""
    schema = encoder.schema
    packages = ("anomgan", "numpy", "pandas", "scikit-learn", "torch")
    losses = {key: loss for point in history.curve for key, loss in point.losses.items()}
    facts = {
        "rows": report.rows - len(report.lost),
        "lost_rows": len(report.lost),
        "columns": {kind: len(names) for kind, names in schema.names_by_kind().items()},
        "conditions": {column.name: len(column.slots) for column in schema.conditions},
        "other_rows": other_rows,
        "dropped": [{"name": each.name, "reason": each.reason} for each in schema.dropped],
        "missing": report.missing,
        "notes": [*schema.notes(), *report.lines()],
        "seconds": round(seconds, 3),
        "device": device,
        "seed": seed,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
        },
        "calibration": calibration_facts(
            encoder, ensemble, rule=rule, threshold=threshold, alpha=alpha
        ),
        "losses": losses,
        "health": summarize_health(history.held_out),
        "restarted": len(set(history.restarted)),
    }
    known: dict[str, Any] = to_plain(facts)
    return known


def calibration_facts(
    encoder: Encoder,
    ensemble: FittedEnsemble,
    *,
    rule: Literal["alpha", "contamination"],
    threshold: float,
    alpha: float,
) -> dict[str, Any]:
    """What is to be known of p-values and threshold, as plain data.

    ``flagged_interval`` is where the share of fresh normal rows that are flagged lies with 95%
    confidence, if the threshold is alpha's.
    """
    calibrator = ensemble.calibrator
    by_alpha = rule == "alpha"
    facts = {
        **calibrator.to_json(),
        "cross_fitted": ensemble.gan.views.members > ensemble.gan.config.members,
        "rule": rule,
        "threshold": None if threshold == NEVER_FLAGGED else threshold,
        "share_flagged": float(np.mean(calibrator.scores > threshold)),
        "flagged_interval": list(calibrator.flag_rate_interval(alpha)) if by_alpha else None,
    }
    if ensemble.mondrian is not None:
        apart = _levels(encoder, ensemble.mondrian.keys)
        own = [len(each.scores) for each in ensemble.mondrian.calibrators]
        known = ensemble.gan.views.conditions.unique(dim=0).cpu().numpy()
        pooled = [level for level in _levels(encoder, known) if level not in apart]
        facts["levels"] = dict(zip(apart, own, strict=True))
        facts["pooled_levels"] = pooled
    return facts


def _levels(encoder: Encoder, conditions: NDArray[np.float64]) -> list[str]:
    """Encoded conditions, (n, K), in words; ``?`` where a row is judged without one."""
    spans = [span for span in encoder.spec.spans if span.kind == "condition"]
    cells, at = {}, encoder.spec.record_size
    for column, span in zip(encoder.schema.conditions, spans, strict=True):
        block = conditions[:, span.start - at : span.stop - at]
        known = column.restore(column.decode(block, None)).astype(object)
        known = known.mask(known.isna(), "(missing)")
        cells[column.name] = known.mask(np.asarray(~block.any(1)), "?")
    return [
        ", ".join(f"{name}={cell}" for name, cell in row.items())
        for row in pd.DataFrame(cells).to_dict("records")
    ]


def flagging_threshold(calibrator: ConformalCalibrator, alpha: float) -> float:
    """The score above which rows are flagged.

    Warns:
        DataWarning: If the calibration rows are too few to ever flag one.
    """
    threshold = calibrator.threshold(alpha)
    if np.isfinite(threshold):
        return threshold
    needed = int(np.ceil(1 / alpha - 1e-9)) - 1
    warnings.warn(
        f"nothing will be flagged: {len(calibrator.scores)} calibration rows give no p-value below "
        f"{calibrator.smallest_alpha():.2g}; alpha={alpha:g} needs {needed:,} of them",
        DataWarning,
        stacklevel=3,
    )
    return NEVER_FLAGGED


def warn_of_unreadable(report: ParseReport, source: str) -> None:
    """Pass on which records and cells couldn't be read.

    Warns:
        DataWarning: For each column with such cells; for each such record, if they are few.
    """
    lines = list(report.unread_lines())
    for line in lines[:MOST_LINES]:
        warnings.warn(f"{source}: {line}", DataWarning, stacklevel=4)
    if len(lines) > MOST_LINES:
        more = f"{len(lines) - MOST_LINES:,} more oddities like these"
        warnings.warn(f"{source}: {more}", DataWarning, stacklevel=4)


def warn_of_pooled(report: ParseReport, source: str) -> None:
    """Pass on which rows are judged without their condition, and so less sharply.

    Warns:
        DataWarning: For each column with cells that don't say which range of normal holds.
    """
    for line in report.condition_lines():
        warnings.warn(f"{source}: {line}", DataWarning, stacklevel=4)


def listener(callback: Callback | None, *, verbose: bool) -> Callback | None:
    """A callback that also writes ten lines, if that is wanted."""
    if not verbose:
        return callback

    def listen(progress: Progress) -> None:
        if callback is not None:
            callback(progress)
        if progress.step * 10 // progress.steps > (progress.step - 1) * 10 // progress.steps:
            losses = ", ".join(f"{name} {loss:.4g}" for name, loss in progress.losses.items())
            sys.stderr.write(f"anomgan: step {progress.step:,} of {progress.steps:,}: {losses}\n")

    return listen
