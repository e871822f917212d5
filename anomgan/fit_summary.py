"""Summarise a fit as JSON-serialisable data; warn about unreadable cells; report progress."""

from __future__ import annotations

import contextlib
import logging
import platform
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.calibration.conformal import NEVER_FLAGGED, ConformalCalibrator
from anomgan.data.encoders.encoder import Encoder
from anomgan.data.encoders.series import SeriesEncoder
from anomgan.data.parse_report import ParseReport
from anomgan.data.table.column_reading import ColumnReading
from anomgan.errors import DataWarning
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.health import summarize_health
from anomgan.training.history import Callback, Progress, TrainingHistory
from anomgan.utils.serialization import to_plain
from anomgan.utils.text import limit_lines

if TYPE_CHECKING:
    from anomgan.training_gain import TrainingGain


LOGGER = logging.getLogger(__name__)


class Calibration(TypedDict):
    """How scores were calibrated."""

    rows: int
    cross_fitted: bool
    rule: str
    threshold: float | None
    share_flagged: float


class SetAside(TypedDict):
    """Columns that the command line didn't pass to the model."""

    id: str | None
    label: str | None
    drop: list[str]


class FileLayout(TypedDict):
    """How the training file was laid out, see :class:`anomgan.data.readers.layout.Layout`."""

    separator: str
    header: int | None
    skipped: list[int]
    given_separator: str


class FurtherFacts(TypedDict, total=False):
    """Entries that only some fits have."""

    conditions: dict[str, int]
    other_rows: int | None
    other_source: str
    abnormal_rows: int | None
    unlabelled_rows: int
    source: str
    set_aside: SetAside
    gain: dict[str, float] | None
    reading: list[dict[str, Any]]
    layout: FileLayout
    options: dict[str, Any]
    finished: int


class Facts(FurtherFacts):
    """The entries of :func:`training_facts` that other code reads; there may be more."""

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
    """Parameters and facts of the estimator in a stored model."""

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
    gain: TrainingGain | None = None,
    reading: Sequence[ColumnReading] = (),
) -> dict[str, Any]:
    """Summarise a fit as plain data: data, versions, calibration, losses, health.

    Args:
        encoder: The fitted encoder.
        ensemble: The fitted networks and calibration.
        history: Losses and health over training.
        report: Cells of the training table that couldn't be read.
        rule: Which parameter chose the threshold.
        threshold: The score above which rows are flagged.
        alpha: The significance level.
        device: Where the networks were trained.
        seed: The seed of the fit.
        seconds: How long it took.
        other_rows: Rows of a second domain, if there is one.
        gain: What training brought, if that was measured.
        reading: How each column of a table was read.
    """
    schema = encoder.schema
    packages = ("anomgan", "numpy", "pandas", "scikit-learn", "torch")
    losses = {key: loss for point in history.curve for key, loss in point.losses.items()}
    facts = {
        "rows": report.rows - len(report.lost),
        "lost_rows": len(report.lost),
        "columns": {kind: len(names) for kind, names in schema.names_by_kind().items()},
        "conditions": {column.name: len(column.slots) for column in schema.conditions},
        "other_rows": other_rows,
        "gain": None if gain is None else gain.to_json(),
        "reading": [dict(each) for each in reading],
        "dropped": [{"name": each.name, "reason": each.reason} for each in schema.dropped],
        "missing": report.missing,
        "notes": [*schema.notes(), *report.lines()],
        "seconds": round(seconds, 3),
        "finished": int(1000 * time.time()),
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
    plain: dict[str, Any] = to_plain(facts)
    return plain


def calibration_facts(
    encoder: Encoder,
    ensemble: FittedEnsemble,
    *,
    rule: Literal["alpha", "contamination"],
    threshold: float,
    alpha: float,
) -> dict[str, Any]:
    """Summarise p-values and threshold as plain data.

    ``flagged_interval`` is the 95% confidence interval of the share of fresh normal rows that are
    flagged, if the threshold is alpha's.
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
    if isinstance(encoder, SeriesEncoder):
        facts["flagged_interval"] = None  # it would take neighbouring points for independent
        if ensemble.held_out_points is not None:
            facts["false_alarms"] = encoder.count_false_alarms(ensemble.held_out_points, threshold)
    if ensemble.mondrian is not None:
        levels = _levels(encoder, ensemble.mondrian.keys)
        rows = [len(each.scores) for each in ensemble.mondrian.calibrators]
        conditions = ensemble.gan.views.conditions.unique(dim=0).cpu().numpy()
        facts["levels"] = dict(zip(levels, rows, strict=True))
        facts["pooled_levels"] = [
            level for level in _levels(encoder, conditions) if level not in levels
        ]
    return facts


def _levels(encoder: Encoder, conditions: NDArray[np.float64]) -> list[str]:
    """Encoded conditions, (n, K), as text; ``?`` where a row is scored without one."""
    spans = [span for span in encoder.spec.spans if span.kind == "condition"]
    cells, at = {}, encoder.spec.record_size
    for column, span in zip(encoder.schema.conditions, spans, strict=True):
        block = conditions[:, span.start - at : span.stop - at]
        values = column.restore(column.decode(block, None)).astype(object)
        values = values.mask(values.isna(), "(missing)")
        cells[column.name] = values.mask(np.asarray(~block.any(1)), "?")
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


def warn_limited(lines: Iterable[str], source: str) -> None:
    """Warn of cells and records that couldn't be used, line by line up to a limit.

    Args:
        lines: Such as :meth:`anomgan.data.parse_report.ParseReport.unread_lines`.
        source: What warnings call the table.

    Warns:
        DataWarning: For each line, if they are few.
    """
    for line in limit_lines(lines):
        warnings.warn(f"{source}: {line}", DataWarning, stacklevel=4)


def format_fit_time(facts: Mapping[str, Any]) -> str | None:
    """When a fit ended, in ISO 8601 and UTC, to the second; None if an old model doesn't say."""
    finished = facts.get("finished")
    return None if finished is None else format_time(datetime.fromtimestamp(finished / 1000, UTC))


def format_time(time: datetime) -> str:
    """A time in UTC in ISO 8601, to the second.

    >>> format_time(datetime(2026, 11, 28, 4, 23, 4, tzinfo=UTC))
    '2026-11-28T04:23:04Z'
    """
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@contextlib.contextmanager
def show_log(wanted: bool) -> Iterator[None]:
    """Show what a fit logs on standard error, unless the logging is configured to show it."""
    logger = logging.getLogger("anomgan")
    if not wanted or logger.isEnabledFor(logging.INFO):
        yield
        return
    handler, level = logging.StreamHandler(sys.stderr), logger.level
    handler.setFormatter(logging.Formatter("anomgan: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def progress_callback(callback: Callback | None) -> Callback | None:
    """A callback that also logs ten lines of progress, if these are shown."""
    if not LOGGER.isEnabledFor(logging.INFO):
        return callback

    def write_progress(progress: Progress) -> None:
        if callback is not None:
            callback(progress)
        if progress.step * 10 // progress.steps > (progress.step - 1) * 10 // progress.steps:
            losses = ", ".join(f"{name} {loss:.4g}" for name, loss in progress.losses.items())
            LOGGER.info("step %s of %s: %s", f"{progress.step:,}", f"{progress.steps:,}", losses)

    return write_progress
