"""Columns of numbers and durations, and parsing numbers."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomgan.data.table.cells import Cells, ParsedCells, read_cells
from anomgan.data.table.columns.column import Column, ColumnKind, Part, as_dtype, check_scale
from anomgan.data.table.number_evidence import READ_SHARE, find_number_form
from anomgan.data.table.number_form import NumberForm
from anomgan.data.table.robust_scaling import from_scale, robust_scale, to_scale
from anomgan.data.table.steps import MAX_DECIMALS, find_step, snap_to_step
from anomgan.utils.types import Floats

NUMBER_PATTERN = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
_INFINITY_PATTERN = r"^[-+]?(?i:inf|infinity)$"

_SHOWN_ROWS = 1_000
"""Unreadable cells that are tried as numbers of another form."""

_TICKS_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


@dataclass(frozen=True)
class NumericColumn(Column):
    """Numbers, scaled robustly; tails aren't clipped, since distance in them is evidence.

    Attributes:
        center: Median.
        scale: Robust standard deviation, in the column's unit.
        integer: Whether all training numbers were integers, so that decoded ones are rounded.
        form: How text writes them, the fields of `NumberForm`; empty for plain numbers only.
        low: Smallest training number; None in models that didn't keep it.
        high: Largest training number, likewise.
        decimals: Decimals of all training numbers; None if there are more than `MAX_DECIMALS`.
        step: In units of the last decimal, what all training numbers lie apart a multiple of.
    """

    center: float
    scale: float
    integer: bool = False
    form: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    decimals: int | None = None
    step: int = 1

    kind: ClassVar[ColumnKind] = "numeric"
    expected: ClassVar[str] = "a number"

    @classmethod
    def fit(
        cls,
        name: str,
        cells: Cells,
        parsed: ParsedCells,
        form: NumberForm | None = None,
        markers: tuple[str, ...] = (),
    ) -> Self:
        """Fit the scale to at least one readable number."""
        gaps = np.isnan(parsed.values)
        numbers = parsed.values[~gaps]
        center, scale = robust_scale(numbers)
        integer = bool(np.all(numbers == np.rint(numbers)))
        dtype = cells.dtype
        if cells.form == "text":
            fractional = pc.any(pc.match_substring_regex(cells.text, r"[.eE]")).as_py()
            fractional = fractional and form is None
            dtype = "int64" if integer and not fractional else "float64"
        fields = astuple(form) if form else ()
        missing = bool(gaps.any())
        return cls(
            name,
            dtype,
            missing,
            center,
            scale,
            integer,
            fields,
            float(numbers.min()),
            float(numbers.max()),
            *find_step(numbers),
            markers=markers,
        )

    @cached_property
    def number_form(self) -> NumberForm | None:
        """How text writes the numbers; None for plain numbers only."""
        return NumberForm(*self.form) if self.form else None

    def parse_filled(self, cells: Cells) -> ParsedCells:
        """Numbers; timedeltas in seconds."""
        return parse_numbers(cells, self.number_form)

    def count_other_decimals(self, series: pd.Series[Any]) -> int:
        """See :meth:`anomgan.data.table.columns.column.Column.count_other_decimals`."""
        if self.number_form is None or self.number_form.decimal == ".":
            return 0
        cells = read_cells(series)
        if cells.form != "text":
            return 0
        points = pc.match_substring_regex(cells.trimmed, r"^[-+]?(?:\d*\.\d{1,2}|\d*\.\d{4,})$")
        return int(pc.sum(points).as_py() or 0)

    def describe_form(self) -> str:
        """See :meth:`anomgan.data.table.columns.column.Column.describe_form`."""
        if self.number_form is not None:
            return self.number_form.describe()
        if self.dtype.startswith("timedelta"):
            return "seconds"
        return "whole numbers" if self.integer else ""

    def describe_range(self) -> str:
        """The smallest and the largest number."""
        if self.low is None or self.high is None:
            return f"about {self.center:.6g}"
        return f"{self.low:.7g} to {self.high:.7g}"

    def describe_other_form(self, unreadable: pd.Series[Any]) -> str:
        """That cells are numbers in another form than in training, if they are."""
        cells = read_cells(unreadable.iloc[:_SHOWN_ROWS])
        text = cells.trimmed if cells.form == "text" else pa.array([], pa.large_string())
        found = find_number_form(text, text)
        if found is None or np.mean(np.isnan(found.form.read(text))) > 1 - READ_SHARE:
            return ""
        seen = found.form.describe() or "more around them"
        learnt = self.number_form.describe() if self.number_form else ""
        return (
            f": they look like numbers with {seen}, training had them with {learnt or 'neither'}; "
            f"write them as in training, or fit on cells like these"
        )

    def value_parts(self) -> list[Part]:
        """One number."""
        return [(self.name, "numeric", 1, self.name)]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """Scaled numbers; a missing one is encoded as the median, 0."""
        out[:, 0] = to_scale(values, self.center, self.scale)

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """Numbers in the column's unit, in the range and with the step and decimals of training."""
        values = from_scale(block[:, 0], self.center, self.scale)
        if self.low is None or self.high is None:
            return np.rint(values) if self.integer else values
        values = np.clip(values, self.low, self.high)
        if self.decimals is None:
            return np.rint(values) if self.integer else values
        return snap_to_step(values, self.low, self.decimals, self.step)

    def check(self) -> None:
        """See :meth:`anomgan.data.table.columns.column.Column.check`."""
        super().check()
        check_scale(self.name, self.scale)
        decimals = 0 if self.decimals is None else self.decimals
        if self.step < 1 or not 0 <= decimals <= MAX_DECIMALS:
            raise ValueError(f"column {self.name!r} has no such step")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"column {self.name!r} has no such range")
        if self.form:
            NumberForm(*self.form).check()

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Numbers or timedeltas; integers with gaps become ``Int64``."""
        dtype: Any = pd.api.types.pandas_dtype(self.dtype)
        if dtype.kind in "iu":
            return _to_integers(values, dtype)
        plain = np.dtype(getattr(dtype, "numpy_dtype", dtype))
        if plain.kind == "m":
            return as_dtype(pd.Series(_to_durations(values, plain)), dtype)
        largest = float(min(np.finfo(plain).max, np.finfo(np.float64).max))
        return as_dtype(pd.Series(np.clip(values, -largest, largest)), dtype)


def parse_numbers(cells: Cells, form: NumberForm | None = None) -> ParsedCells:
    """Parse cells as numbers; what is too large for a float is infinite.

    Text may carry a sign, a decimal point, an exponent and surrounding blanks, and all else that
    ``form`` says; what doesn't fit the form is still read if it is such a plain number.
    """
    if cells.form == "text":
        values = text_to_numbers(cells) if form is None else form.read(cells.trimmed)
        if form is not None and np.isnan(values).any():
            values = np.where(np.isnan(values), text_to_numbers(cells), values)
        return cells.parsed_as(values)
    return cells.unparsed() if cells.form == "time" else cells.parsed_as()


def text_to_numbers(cells: Cells) -> Floats:
    """Numbers in the text of cells, ``(n,)``; NaN for all other text."""
    try:
        numbers = pc.cast(cells.text, pa.float64())
    except pa.ArrowInvalid:  # some cell isn't a plain number: find out which
        text = cells.trimmed
        readable = pc.or_(
            pc.match_substring_regex(text, NUMBER_PATTERN),
            pc.match_substring_regex(text, _INFINITY_PATTERN),
        )
        numbers = pc.cast(pc.if_else(readable, text, pa.scalar(None, text.type)), pa.float64())
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def _to_durations(seconds: Floats, dtype: np.dtype[Any]) -> NDArray[np.timedelta64]:
    """Durations of a NumPy dtype, clipped to its range; NaT for NaN."""
    counts = np.clip(
        np.rint(seconds * _TICKS_PER_SECOND[np.datetime_data(dtype)[0]]), -(2.0**62), 2.0**62
    )
    durations = np.where(np.isnan(counts), 0, counts).astype(np.int64).astype(dtype)
    durations[np.isnan(counts)] = np.timedelta64("NaT")
    return np.asarray(durations)


def _to_integers(values: Floats, dtype: Any) -> pd.Series[Any]:
    """Integers clipped to the range of a dtype; of its nullable counterpart if some are NaN."""
    bounds = np.iinfo(np.dtype(f"{dtype.kind}{dtype.itemsize}"))
    high = float(bounds.max)
    if high > bounds.max:  # 2**63 - 1 isn't a float, and the nearest one is 2**63
        high = math.nextafter(high, 0)
    gaps = np.isnan(values)
    whole = np.clip(np.rint(np.where(gaps, 0, values)), float(bounds.min), high)
    nullable = "UInt64" if dtype.kind == "u" else "Int64"
    integers = as_dtype(pd.Series(whole.astype(nullable.lower())), nullable).mask(gaps, pd.NA)
    return integers if isinstance(dtype, np.dtype) and gaps.any() else as_dtype(integers, dtype)
