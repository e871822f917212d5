"""Columns of numbers and durations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomgan.data.table.columns.base import Column, ColumnKind, Part, as_dtype, check_scale
from anomgan.data.table.parsing import (
    Cells,
    Reading,
    as_numbers,
)
from anomgan.data.table.robust_scaling import from_scale, robust_scale, to_scale
from anomgan.utils.types import Floats

PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


@dataclass(frozen=True)
class NumericColumn(Column):
    """Numbers, scaled robustly; tails are kept, since distance in them is evidence.

    Attributes:
        center: Median.
        scale: About one standard deviation, from quantiles; in the column's unit.
        integer: Whether all numbers were whole, so that decoded ones are rounded.
    """

    center: float
    scale: float
    integer: bool = False

    kind: ClassVar[ColumnKind] = "numeric"
    wanted: ClassVar[str] = "a number"

    @classmethod
    def fit(cls, name: str, cells: Cells, reading: Reading) -> Self:
        """Learn the scale from at least one readable number."""
        values = reading.values
        gaps = np.isnan(values)
        known = values[~gaps]
        center, scale = robust_scale(known)
        integer = bool(np.all(known == np.rint(known)))
        dtype = cells.dtype
        if cells.form == "text":
            pointed = pc.any(pc.match_substring_regex(cells.text, r"[.eE]")).as_py()
            dtype = "int64" if integer and not pointed else "float64"
        return cls(name, dtype, bool(gaps.any()), center, scale, integer)

    def read(self, cells: Cells) -> Reading:
        """Numbers, timedeltas as seconds."""
        return as_numbers(cells)

    def value_parts(self) -> list[Part]:
        """One number."""
        return [(self.name, "numeric", 1, self.name)]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """Scale; a missing number becomes the median, 0."""
        out[:, 0] = to_scale(values, self.center, self.scale)

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """Numbers in the column's unit."""
        values = from_scale(block[:, 0], self.center, self.scale)
        return np.rint(values) if self.integer else values

    def check(self) -> None:
        """See :meth:`anomgan.data.table.columns.base.Column.check`."""
        super().check()
        check_scale(self.name, self.scale)

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Numbers or timedeltas; integers with gaps become ``Int64``."""
        dtype: Any = pd.api.types.pandas_dtype(self.dtype)
        if dtype.kind in "iu":
            return _as_integers(values, dtype)
        plain = np.dtype(getattr(dtype, "numpy_dtype", dtype))
        if plain.kind == "m":
            return as_dtype(pd.Series(_as_durations(values, plain)), dtype)
        most = float(min(np.finfo(plain).max, np.finfo(np.float64).max))
        return as_dtype(pd.Series(np.clip(values, -most, most)), dtype)


def _as_durations(seconds: Floats, dtype: np.dtype[Any]) -> NDArray[np.timedelta64]:
    """Durations of a NumPy dtype, those too long for it at its bounds; NaT for NaN."""
    counts = np.clip(np.rint(seconds * PER_SECOND[np.datetime_data(dtype)[0]]), -(2.0**62), 2.0**62)
    durations = np.where(np.isnan(counts), 0, counts).astype(np.int64).astype(dtype)
    durations[np.isnan(counts)] = np.timedelta64("NaT")
    return np.asarray(durations)


def _as_integers(values: Floats, dtype: Any) -> pd.Series[Any]:
    """Whole numbers within the bounds of an integer dtype, in its nullable kin if some are NaN."""
    bounds = np.iinfo(np.dtype(f"{dtype.kind}{dtype.itemsize}"))
    high = float(bounds.max)
    if high > bounds.max:  # that of 64 bits isn't a float, and the nearest one lies outside
        high = math.nextafter(high, 0)
    gaps = np.isnan(values)
    whole = np.clip(np.rint(np.where(gaps, 0, values)), float(bounds.min), high)
    nullable = "UInt64" if dtype.kind == "u" else "Int64"
    integers = as_dtype(pd.Series(whole.astype(nullable.lower())), nullable).mask(gaps, pd.NA)
    return integers if isinstance(dtype, np.dtype) and gaps.any() else as_dtype(integers, dtype)
