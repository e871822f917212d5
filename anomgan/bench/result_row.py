"""One result and its line in ``results.csv``."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, NamedTuple

MISSING = float("nan")


class ResultKey(NamedTuple):
    """Identity of a result."""

    dataset: str
    seed: int
    detector: str


@dataclass(frozen=True)
class ResultRow:
    """Figures of one detector on one set with one seed.

    Attributes:
        dataset: The set.
        seed: Seed of the split and of the detector.
        detector: The detector.
        auroc: Area under the ROC curve, in [0, 1]; NaN, as the others, if the detector failed.
        ap: Average precision, in [0, 1].
        fit_s: Seconds to encode and fit.
        score_s: Seconds to encode and score.
        peak_mb: Peak memory of the process while the detector was fitted and scored, in MB,
            libraries and data included, a GPU's memory not.  On systems other than Linux, the peak
            since the process started.
        rows_fit: Number of rows to fit on.
        rows_scored: Number of rows to score.
        columns: Columns of the table, before encoding.
        anomalies: Abnormal rows among those to score.
        error: Reason of a failure, otherwise empty.
    """

    dataset: str
    seed: int
    detector: str
    auroc: float = MISSING
    ap: float = MISSING
    fit_s: float = MISSING
    score_s: float = MISSING
    peak_mb: float = MISSING
    rows_fit: int = 0
    rows_scored: int = 0
    columns: int = 0
    anomalies: int = 0
    error: str = ""

    figures: ClassVar[Mapping[str, str]] = {"auroc": "AUROC", "ap": "AP"}
    """Fields that tell how good a detector is -> their names; larger is better."""

    @classmethod
    def header(cls) -> str:
        """The line above such lines, with its line end."""
        return format_csv_line([field.name for field in fields(cls)])

    @property
    def key(self) -> ResultKey:
        """Identity of the result."""
        return ResultKey(self.dataset, self.seed, self.detector)

    def to_csv(self) -> str:
        """Format as a line of CSV, with its line end."""
        return format_csv_line(
            [_format_cell(field.name, getattr(self, field.name)) for field in fields(self)]
        )

    @classmethod
    def from_csv(cls, cells: Sequence[str]) -> ResultRow:
        """Undo :meth:`to_csv`.

        Raises:
            ValueError: If these aren't the cells of such a line.
        """
        named = zip(fields(cls), cells, strict=True)
        return cls(**{field.name: PARSERS[str(field.type)](cell) for field, cell in named})


@dataclass(frozen=True)
class SeriesRow(ResultRow):
    """Figures of one detector on one series; those of each point are compared with its label.

    Attributes:
        vus_pr: Volume under the surface, see :mod:`anomgan.evaluation.series_metrics`.
        range_f1: Range-based F1 at the threshold of the detector's calibration.
        event_recall: Share of abnormal intervals found at the budget of false alarms.
        window: Tolerance of these, in points.
    """

    vus_pr: float = MISSING
    range_f1: float = MISSING
    event_recall: float = MISSING
    window: int = 0

    figures: ClassVar[Mapping[str, str]] = {
        "vus_pr": "VUS-PR",
        "ap": "AUC-PR",
        "range_f1": "range F1",
        "event_recall": "event recall",
    }


COLUMNS = [field.name for field in fields(ResultRow)]

PARSERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": lambda cell: float(cell or "nan"),
    "str": str,
}
"""Type of a field -> function that parses its cell."""

DECIMALS = {"fit_s": 3, "score_s": 3, "peak_mb": 1}
"""Decimals of a figure; the others have six."""


def format_csv_line(cells: Sequence[str]) -> str:
    """Format cells as a line of CSV, with its line end."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _format_cell(name: str, value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return "" if math.isnan(value) else f"{value:.{DECIMALS.get(name, 6)}f}"
