"""Compare the marginal distributions of generated and real rows, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import ks_2samp, skew

from anomgan.data.table.columns.column import Column
from anomgan.evaluation.privacy import Pair
from anomgan.utils.types import Floats

Splits = Sequence[tuple[Any, Any, Any]]
"""Indices of generated rows, of real ones, and of other real ones."""


@dataclass(frozen=True)
class ColumnQuality:
    """The marginal distribution of one column, in the user's units.

    Attributes:
        name: The user's name for it.
        kind: ``numeric``, ``boolean``, ``category``, ``datetime`` or ``condition``.
        distance: The largest difference of two distribution functions (Kolmogorov and Smirnov)
            where values have an order; else half the sum of the levels' differences in share (total
            variation).  In [0, 1], 0 at best; missing cells count as a level.
        missing: Share of missing cells.
        mean: For numbers; of truth values the share that is true.
        std: Standard deviation, likewise.
        skewness: Third standardised moment, likewise.
    """

    name: str
    kind: str
    distance: Pair
    missing: Pair
    mean: Pair | None = None
    std: Pair | None = None
    skewness: Pair | None = None

    def to_row(self) -> dict[str, Any]:
        """One row of a table: each measure beside that of real rows."""
        row: dict[str, Any] = {"column": self.name, "kind": self.kind}
        for name in ("distance", "missing", "mean", "std", "skewness"):
            pair = getattr(self, name)
            row[name] = None if pair is None else pair.generated
            row[f"{name}_real"] = None if pair is None else pair.real
        return row


def column_quality(column: Column, a: Floats, b: Floats, splits: Splits) -> ColumnQuality:
    """Compare the cells of one column, as numbers.

    Args:
        column: The column.
        a: Of generated rows, ``(n,)``; NaN where they are missing.
        b: Of reference rows, ``(m,)``, likewise.
        splits: Which rows are compared.
    """
    distances = [_distance(column, a[g], b[r]) for g, r, _ in splits]
    baseline = [_distance(column, b[o], b[r]) for _, r, o in splits]
    gaps = Pair(float(np.mean(np.isnan(a))), float(np.mean(np.isnan(b))))
    moments: dict[str, Pair | None] = {}
    if is_ordered(column) or column.kind == "boolean":
        first, second = a[~np.isnan(a)], b[~np.isnan(b)]
        moments = {"mean": Pair(_mean(first), _mean(second))}
        if column.kind != "boolean":
            moments["std"] = Pair(_std(first), _std(second))
            moments["skewness"] = Pair(_skewness(first), _skewness(second))
    distance = Pair(float(np.mean(distances)), float(np.mean(baseline)))
    return ColumnQuality(column.name, column.kind, distance, gaps, **moments)


def _distance(column: Column, a: Floats, b: Floats) -> float:
    """Distance of the distributions of two samples, in [0, 1]."""
    if is_ordered(column):
        first, second = a[~np.isnan(a)], b[~np.isnan(b)]
        gaps = abs(float(np.mean(np.isnan(a)) - np.mean(np.isnan(b))))
        if not len(first) or not len(second):
            return max(gaps, float(len(first) != len(second)))
        return max(gaps, float(ks_2samp(first, second, method="asymp").statistic))
    levels, codes = np.unique(np.nan_to_num(np.concatenate([a, b]), nan=-9), return_inverse=True)
    shares = [
        np.bincount(part, minlength=len(levels)) / len(part) for part in np.split(codes, [len(a)])
    ]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _std(values: Floats) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def _skewness(values: Floats) -> float:
    return float(skew(values)) if len(values) > 2 and np.ptp(values) > 0 else float("nan")


def is_ordered(column: Column) -> bool:
    """Whether the column's values have an order."""
    return column.kind in ("numeric", "datetime", "daytime")
