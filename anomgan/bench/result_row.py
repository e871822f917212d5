"""A row of results, and its line in ``results.csv``."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

MISSING = float("nan")


class Key(NamedTuple):
    """What a row is about."""

    dataset: str
    seed: int
    detector: str


@dataclass(frozen=True)
class Row:
    """What came of one detector, set and seed.

    Attributes:
        dataset: The set.
        seed: Seed of the split and of the detector.
        detector: The detector.
        auroc: Area under the ROC curve, in [0, 1]; NaN if the detector failed, as with the others.
        ap: Average precision, in [0, 1].
        fit_s: Seconds to encode and fit.
        score_s: Seconds to encode and score.
        peak_mb: Most memory that the process held while the detector fitted and scored, in MB:
            libraries, data and all.  Where it can't be measured anew (anywhere but on Linux), the
            most since the process began.  Memory of a GPU doesn't count.
        rows_fit: Normal rows to fit on.
        rows_scored: Rows to score.
        columns: Columns of the table, before encoding.
        anomalies: Abnormal rows among those to score.
        error: Why there is no figure; empty if there is.
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

    @property
    def key(self) -> Key:
        """What it is about."""
        return Key(self.dataset, self.seed, self.detector)

    def line(self) -> str:
        """A line of CSV, with its end."""
        return csv_line([_text(field.name, getattr(self, field.name)) for field in fields(self)])

    @classmethod
    def parse(cls, cells: Sequence[str]) -> Row:
        """Undo :meth:`line`.

        Raises:
            ValueError: If these aren't the cells of such a line.
        """
        named = zip(fields(cls), cells, strict=True)
        return cls(**{field.name: KINDS[str(field.type)](cell) for field, cell in named})


COLUMNS = [field.name for field in fields(Row)]

KINDS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": lambda cell: float(cell or "nan"),
    "str": str,
}
"""Kind of a field -> what reads its cell."""

DECIMALS = {"auroc": 6, "ap": 6, "fit_s": 3, "score_s": 3, "peak_mb": 1}


def csv_line(cells: Sequence[str]) -> str:
    """A line of CSV, with its end."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _text(name: str, value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return "" if math.isnan(value) else f"{value:.{DECIMALS[name]}f}"
