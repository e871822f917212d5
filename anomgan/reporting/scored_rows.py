"""The report's section on the scored rows as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from anomgan.data.readers.files import name_rows
from anomgan.errors import InputError
from anomgan.evaluation.drift import MIN_DRIFT_ROWS, Drift, DriftMonitor
from anomgan.utils.types import Floats

if TYPE_CHECKING:
    from anomgan.data.parse_report import ParseReport
    from anomgan.estimator import GANDetector

MAX_TOP_ROWS = 20
"""Most abnormal rows that are shown one by one."""

MAX_NOTES = 20
"""Notes about the input that are shown."""


@dataclass(frozen=True)
class ScoredRows:
    """Rows and their scores.

    Attributes:
        source: Name of the table.
        frame: n rows in the model's columns.
        names: Name of each row, (n,): its number, or the cell of the column that names rows.
        score: (n,), larger is more abnormal; NaN for rows that couldn't be read.
        p_value: (n,), NaN likewise.
        probability: Probability of being abnormal, (n,), if the model gives one.
        flagged: (n,), by the model's own threshold.
        labels: (n,), whether abnormal, if that is known.
        report: Cells that couldn't be read.
        unit: What rows are called, such as pictures.
        drift: Whether the rows as a whole are like the training data.
        peaks: Of series, the rows with the highest scores of each event, the worst first.
    """

    source: str
    frame: pd.DataFrame
    names: list[str]
    score: Floats
    p_value: Floats
    probability: Floats | None
    flagged: NDArray[np.bool_]
    labels: NDArray[np.bool_] | None
    report: ParseReport
    unit: str
    drift: Drift
    peaks: Sequence[int] = ()

    @classmethod
    def from_frame(
        cls,
        detector: GANDetector,
        frame: pd.DataFrame,
        *,
        labels: ArrayLike | None,
        names: list[str] | None,
        source: str,
    ) -> ScoredRows:
        """Score rows.

        Raises:
            InputError: If there are none, none can be read, a column is missing, or labels are of
                another length or neither 0 nor 1.
        """
        if not len(frame):
            raise InputError(f"{source}: has no rows to report on")
        truth = None if labels is None else _check_labels(labels, len(frame), source)
        scored = detector.score_frame(frame, source=source)
        if not np.isfinite(scored.score).any():
            raise InputError(f"{source}: nothing in it can be read")
        monitor = DriftMonitor(detector)
        monitor.add(scored)
        names = [str(name) for name in name_rows(frame)] if names is None else names
        return cls(
            source,
            frame,
            names,
            scored.score,
            scored.p_value,
            scored.probability,
            scored.flagged,
            truth,
            scored.report,
            detector.encoder_.unit,
            monitor.result(),
        )

    @property
    def readable(self) -> NDArray[np.bool_]:
        """Which rows could be read, (n,)."""
        return np.isfinite(self.score)

    @property
    def top(self) -> NDArray[np.intp]:
        """Indices of the most abnormal rows, or of the peaks of events, the worst first."""
        if len(self.peaks):
            return np.array(self.peaks[:MAX_TOP_ROWS], dtype=np.intp)
        return np.argsort(-self.score, kind="stable")[: min(MAX_TOP_ROWS, int(self.readable.sum()))]

    def describe(self, alpha: float) -> dict[str, Any]:
        """Counts, drift and notes, for the template."""
        notes, rows, flagged = (
            list(self.report.lines()),
            int(self.readable.sum()),
            self.flagged.sum(),
        )
        return {
            "source": self.source,
            "unit": self.unit,
            "one": self.unit.removesuffix("s"),
            "rows": rows,
            "lost": len(self.score) - rows,
            "flagged": int(flagged),
            "share": float(flagged / rows),
            "expected": alpha * rows,
            "surprising": binom.sf(flagged - 1, rows, alpha) < 0.001,
            "drift": list(_describe_drift(self.drift, self.unit)),
            "notes": notes[:MAX_NOTES],
            "more_notes": max(0, len(notes) - MAX_NOTES),
            "abnormal": None if self.labels is None else int(self.labels.sum()),
        }


def _describe_drift(drift: Drift, unit: str) -> Iterator[str]:
    """Whether the rows are like the training data, in sentences."""
    if drift.p_values is None:
        yield f"There are too few {unit} to say; {MIN_DRIFT_ROWS} are needed."
        return
    reasons = list(drift.reasons())
    if not reasons:
        yield f"Yes, as far as can be told from {drift.rows:,} {unit}: nothing stands out."
    for reason in reasons:
        yield f"No: {reason}."


def _check_labels(labels: ArrayLike, rows: int, source: str) -> NDArray[np.bool_]:
    """Convert labels to booleans.

    Raises:
        InputError: If their number is wrong, or they aren't 0 and 1.
    """
    values: NDArray[Any] = np.asarray(labels)
    if values.shape != (rows,):
        raise InputError(
            f"{source}: has {rows:,} rows, but there are labels of shape {values.shape}"
        )
    if not np.isin(values, (0, 1)).all():
        raise InputError(f"{source}: labels must be 0 for normal or 1 for abnormal rows")
    return values.astype(np.bool_)
