"""What the page says of rows as a whole that the model has judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom

from anomgan.data.readers.files import name_rows
from anomgan.errors import InputError
from anomgan.evaluation.drift import FEWEST, Drift, DriftMonitor
from anomgan.utils.types import Floats

if TYPE_CHECKING:
    from anomgan.data.parse_report import ParseReport
    from anomgan.estimator import GANDetector

TOP = 20
"""Most abnormal rows that are shown one by one."""

MOST_NOTES = 20
"""Oddities of the input that are told."""


@dataclass(frozen=True)
class Batch:
    """Rows and what the model says of them.

    Attributes:
        source: What to call them.
        frame: n rows in the model's columns.
        names: What to call each row, (n,): its number, or the column that names rows.
        score: (n,), larger is more abnormal; NaN for what couldn't be read.
        p_value: (n,), NaN likewise.
        probability: Of being abnormal, (n,), if labelled rows calibrated the model.
        flagged: (n,), by the model's own rule.
        labels: (n,), whether abnormal, if that is known.
        report: What was odd about the cells.
        unit: What to call rows, such as pictures.
        drift: Whether they are like the training data as a whole.
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

    @classmethod
    def judge(
        cls,
        detector: GANDetector,
        frame: pd.DataFrame,
        *,
        labels: ArrayLike | None,
        names: list[str] | None,
        source: str,
    ) -> Batch:
        """Score rows.

        Raises:
            InputError: If there are none, none can be read, a column is missing, or labels are of
                another length or neither 0 nor 1.
        """
        if not len(frame):
            raise InputError(f"{source}: has no rows to report on")
        truth = None if labels is None else _truth(labels, len(frame), source)
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
    def read(self) -> NDArray[np.bool_]:
        """Which rows could be read, (n,)."""
        return np.isfinite(self.score)

    @property
    def top(self) -> NDArray[np.intp]:
        """Places of the most abnormal rows that could be read, the first the worst."""
        return np.argsort(-self.score, kind="stable")[: min(TOP, int(self.read.sum()))]

    def facts(self, alpha: float) -> dict[str, Any]:
        """What to say of the rows as a whole."""
        notes, rows, flagged = list(self.report.lines()), int(self.read.sum()), self.flagged.sum()
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
            "drift": list(_drift(self.drift, self.unit)),
            "notes": notes[:MOST_NOTES],
            "more_notes": max(0, len(notes) - MOST_NOTES),
            "abnormal": None if self.labels is None else int(self.labels.sum()),
        }


def _drift(drift: Drift, unit: str) -> Iterator[str]:
    """Whether a batch is like the training data, in sentences."""
    if drift.p_values is None:
        yield f"There are too few {unit} to say; {FEWEST} are needed."
        return
    reasons = list(drift.reasons())
    if not reasons:
        yield f"Yes, as far as can be told from {drift.rows:,} {unit}: nothing stands out."
    for reason in reasons:
        yield f"No: {reason}."


def _truth(labels: ArrayLike, rows: int, source: str) -> NDArray[np.bool_]:
    """Labels as truth values.

    Raises:
        InputError: If their number or what they are is wrong.
    """
    given: NDArray[Any] = np.asarray(labels)
    if given.shape != (rows,):
        raise InputError(
            f"{source}: has {rows:,} rows, but there are labels of shape {given.shape}"
        )
    if not np.isin(given, (0, 1)).all():
        raise InputError(f"{source}: labels must be 0 for normal or 1 for abnormal rows")
    return given.astype(np.bool_)
