"""Cells of one column, whatever its dtype, in one of four forms: numbers, booleans, times or text.

:func:`read_cells` turns a pandas column into :class:`Cells`.  Each kind of column then parses these
in its own module of :mod:`anomgan.data.table.columns` (dates in ``datetimes.py``, and so on) and
gets :class:`ParsedCells`.  Nothing here is fitted.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import cache, cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.arrow import arrow_to_series
from anomgan.errors import InputError
from anomgan.utils.types import Bools, Floats

Form = Literal["number", "boolean", "time", "text"]

MAX_EXACT_INTEGER = 2.0**53
"""Largest magnitude up to which float64 represents every integer."""

_TICKS_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e6}  # ns are cut to us first


@dataclass(frozen=True)
class Cells:
    """The n cells of one column in one of four forms.

    Attributes:
        form: What ``values`` mean; ``"text"`` has none.
        values: float64 ``(n,)``, NaN where missing: numbers (timedeltas in seconds), 0 or 1, or
            seconds since 1970 in UTC.
        text: Arrow strings ``(n,)``, null where missing: for the form ``"text"``, and for integers
            if some exceed `MAX_EXACT_INTEGER`, since ``values`` lose their last digits.
        dtype: The pandas dtype the cells came with, which generated rows get too.
        categorical: Whether the column had a categorical dtype, so that text isn't parsed further.
    """

    form: Form
    values: Floats | None
    text: pa.Array | None
    dtype: str
    categorical: bool = False

    @property
    def missing(self) -> Bools:
        """Whether each cell is empty, ``(n,)``."""
        if self.values is not None:
            return np.isnan(self.values)
        return np.asarray(pc.is_null(self.trimmed).to_numpy(zero_copy_only=False), dtype=np.bool_)

    @cached_property
    def trimmed(self) -> pa.Array:
        """The text without surrounding blanks, null where nothing is left."""
        bare = pc.utf8_trim_whitespace(self.text)
        return pc.if_else(pc.equal(bare, ""), pa.scalar(None, bare.type), bare)

    def to_text(self) -> pa.Array:
        """The cells as Arrow strings ``(n,)`` without surrounding blanks, null where missing.

        Integers are written without a decimal point, so that a category of codes is the same
        whether a reader took them for integers or floats.
        """
        if self.text is not None:
            return self.trimmed
        codes, distinct = pd.factorize(self._require_values())
        spelled = pa.array([_spell(self.form, value) for value in distinct], pa.large_string())
        return spelled.take(pa.array(codes, mask=codes < 0))

    def blank(self, markers: Sequence[str]) -> Cells:
        """The same with cells missing that hold one of these texts or, in any spelling, numbers."""
        if not markers:
            return self
        numbers = [number for number in map(_to_number, markers) if number is not None]
        if self.values is not None:
            gaps = np.isin(self.values, numbers) if self.form == "number" else None
            if gaps is None or not gaps.any():
                return self
            text = None if self.text is None else _mask_text(self.text, gaps)
            return replace(self, values=np.where(gaps, np.nan, self.values), text=text)
        whole = [f"{int(number)}" for number in numbers if float(number).is_integer()]
        spellings = "|".join([*map(re.escape, markers), *(rf"{n}[.,]?0*" for n in whole)])
        marked = pc.match_substring_regex(self.trimmed, rf"^(?:{spellings})$")
        gaps = np.asarray(pc.fill_null(marked, False).to_numpy(zero_copy_only=False), np.bool_)
        return replace(self, text=_mask_text(self.text, gaps)) if gaps.any() else self

    def parsed_as(self, values: Floats | None = None) -> ParsedCells:
        """The result of parsing these cells.

        Args:
            values: What was parsed, float64 ``(n,)``, NaN where nothing was; by default the cells'
                own values.
        """
        values = self._require_values() if values is None else values
        gaps = np.isnan(values)
        return ParsedCells(values, gaps & ~self.missing if gaps.any() else gaps)

    def unparsed(self) -> ParsedCells:
        """The result of parsing if no cell can be what is asked for."""
        return self.parsed_as(np.full(len(self.missing), np.nan))

    def _require_values(self) -> Floats:
        if self.values is None:
            raise TypeError(f"cells of the form {self.form!r} have no values")
        return self.values


@dataclass(frozen=True)
class ParsedCells:
    """Cells parsed as one kind of value.

    Attributes:
        values: float64 ``(n,)``, NaN where missing or unreadable; numbers may be infinite.
        unreadable: bool ``(n,)``, True where a cell holds something else.
    """

    values: Floats
    unreadable: Bools

    def mask_infinite(self) -> ParsedCells:
        """The same with infinite numbers marked unreadable: no scale can be fitted to them."""
        infinite = np.isinf(self.values)
        if not infinite.any():
            return self
        return ParsedCells(np.where(infinite, np.nan, self.values), self.unreadable | infinite)

    @property
    def readable_share(self) -> float:
        """Fraction of the filled cells that could be parsed; 0 if all cells are empty."""
        readable = int(np.count_nonzero(~np.isnan(self.values)))
        filled = readable + int(np.count_nonzero(self.unreadable))
        return readable / filled if filled else 0.0


def read_cells(series: pd.Series[Any], *, first_row: int = 0, source: str = "the table") -> Cells:
    """Bring a column of any dtype into one of the four forms.

    Args:
        series: The column ``(n,)``: NumPy, nullable, Arrow, categorical, sparse or object.
        first_row: Input record of the first cell, for messages.
        source: What messages call the input.

    Raises:
        InputError: If a cell holds a list or another nested value, or complex numbers.
    """
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _read_categorical(series, source)
    if isinstance(dtype, pd.StringDtype):
        try:
            return Cells("text", None, _to_large_strings(pa.array(series)), "str")
        except UnicodeEncodeError:  # a lone surrogate, which only Python can hold
            return _objects_to_text(series)
    if isinstance(dtype, pd.ArrowDtype):
        unwrapped = arrow_to_series(pa.array(series))
        unwrapped.name = series.name
        cells = read_cells(unwrapped, first_row=first_row, source=source)
        named = cells.form in ("number", "boolean") and not pa.types.is_decimal(dtype.pyarrow_dtype)
        return replace(cells, dtype=str(dtype)) if named else cells
    if isinstance(dtype, pd.SparseDtype):
        dense = pd.Series(np.asarray(series), name=series.name)
        return read_cells(dense, first_row=first_row, source=source)
    if dtype.kind == "c":
        raise InputError(
            f"{source}: column {str(series.name)!r} holds complex numbers; give real ones"
        )
    if dtype.kind == "O":
        with np.errstate(over="ignore"):  # of long doubles
            return _read_objects(_mask_signalling_nans(series), first_row, source)
    return _read_typed(series)


@cache
def is_storable(dtype: str) -> bool:
    """Whether a dtype is one that cells may come with and that its name alone can rebuild.

    Names are read back from model files, and some would ask for cells of a gigabyte each, or a
    time zone from any file.
    """
    bare = dtype.removeprefix("category[").removesuffix("]") if "category[" in dtype else dtype
    if bare in ("str", "object"):
        return True
    if "tzfile" in bare or "dateutil" in bare or "/" in re.sub(r"[A-Za-z]/[A-Z]", "", bare):
        return False
    try:
        parsed: Any = pd.api.types.pandas_dtype(bare)
    except (TypeError, ValueError, NotImplementedError, KeyError):
        return False  # pandas raises any of these for an unknown dtype
    if parsed.kind == "f":
        return bool(parsed.itemsize <= 8)  # wider floats differ between machines
    return parsed.kind in "biumM" or (parsed.kind in "OU" and parsed.name == bare != dtype)


def _spell(form: Form, value: float) -> str:
    """A value as text; numbers without a decimal point if they are exact integers."""
    if form == "boolean":
        return str(bool(value))
    if form == "time":
        # Microseconds don't reach far beyond the year 30,000; whole seconds do.
        count, unit = (round(value * 1e6), "us") if abs(value) < 1e12 else (int(value), "s")
        moment = str(np.array(count, f"datetime64[{unit}]"))
        return f"{moment.removesuffix('.000000')}+00:00"
    # Larger floats have lost digits and mustn't look like integers that kept theirs.
    is_exact = value.is_integer() and abs(value) <= MAX_EXACT_INTEGER
    return str(int(value)) if is_exact else repr(float(value))


def _read_typed(series: pd.Series[Any]) -> Cells:
    """Cells of a NumPy or nullable dtype other than object."""
    kind, dtype = series.dtype.kind, str(series.dtype)
    if kind == "M":
        zoned = dtype if is_storable(dtype) else "datetime64[us, UTC]"  # some zones have no name
        return Cells("time", to_epoch_seconds(pd.DatetimeIndex(series)), None, zoned)
    if kind == "m":
        return Cells("number", np.asarray(series.dt.total_seconds(), np.float64), None, dtype)
    if kind in "biuf":
        with np.errstate(over="ignore"):  # of long doubles
            values = series.to_numpy(np.float64, na_value=np.nan)
        if kind == "b":
            return Cells("boolean", values, None, dtype)
        digits = None
        if kind in "iu" and _exceeds_exact(values):
            digits = _to_large_strings(pa.array(series))
        return Cells("number", values, digits, dtype if is_storable(dtype) else "float64")
    return _objects_to_text(series.astype(object))  # periods, intervals, …


def _read_categorical(series: pd.Series[Any], source: str) -> Cells:
    """Cells of a categorical dtype; categories that are booleans or times are read as those."""
    categories = read_cells(pd.Series(series.cat.categories, name=series.name), source=source)
    codes = series.cat.codes.to_numpy()
    if categories.values is not None and categories.form != "number":
        return replace(categories, values=np.append(categories.values, np.nan)[codes])
    text = categories.to_text().take(pa.array(codes, mask=codes < 0))
    dtype = f"category[{series.cat.categories.dtype}]"
    stored = dtype if is_storable(dtype) else "category[str]"
    return Cells("text", None, text, stored, categorical=True)


def _read_objects(series: pd.Series[Any], first_row: int, source: str) -> Cells:
    """Cells of Python objects: of one type as that type, of several as text.

    Raises:
        InputError: If a cell is a list, a dict or another object that isn't one value.
    """
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    filled = series.where(series.notna(), None)
    if inferred in ("date", "datetime", "datetime64"):
        times = pd.to_datetime(filled, utc=True, errors="coerce")
        zoned = any(getattr(cell, "tzinfo", None) for cell in filled)
        dtype = "datetime64[us, UTC]" if zoned else "datetime64[us]"
        return Cells("time", to_epoch_seconds(pd.DatetimeIndex(times)), None, dtype)
    if inferred in ("timedelta", "timedelta64"):
        try:
            return _read_typed(pd.to_timedelta(filled))
        except (OverflowError, ValueError):  # longer than 64 bits can count
            spans = [np.nan if cell is None else _total_seconds(cell) for cell in filled]
            return Cells("number", np.array(spans, np.float64), None, "timedelta64[s]")
    if inferred in ("empty", "integer", "floating", "mixed-integer-float", "decimal", "boolean"):
        try:
            values = np.asarray(filled.astype("float64"), dtype=np.float64)
        except OverflowError:  # an integer of more than 308 digits
            return _objects_to_text(series)
        if inferred == "boolean":
            return Cells("boolean", values, None, "bool")
        digits, dtype = None, "float64"
        if inferred == "integer":
            fits = bool(np.all(np.abs(values[~np.isnan(values)]) < 2.0**63))
            dtype = "int64" if fits else "float64"
            digits = _objects_to_text(series).text if _exceeds_exact(values) else None
        return Cells("number", values, digits, dtype)
    if inferred != "string":
        _refuse_nested(series, first_row, source)
    return _objects_to_text(series)


def _mask_signalling_nans(series: pd.Series[Any]) -> pd.Series[Any]:
    """The same with signalling NaNs of `Decimal`, which raise when compared, as None."""
    try:
        series.isna()
    except InvalidOperation:
        cells = [None if isinstance(c, Decimal) and c.is_snan() else c for c in series]
        return pd.Series(cells, series.index, dtype=object, name=series.name)
    return series


def _refuse_nested(series: pd.Series[Any], first_row: int, source: str) -> None:
    """Refuse cells that hold several values.

    Raises:
        InputError: Names the first such cell.
    """
    for at, cell in enumerate(series):
        # pandas counts periods and the like as scalars, and tensors as numbers.
        is_array = hasattr(cell, "__array__") and not isinstance(cell, np.generic)
        if is_array or not pd.api.types.is_scalar(cell):
            raise InputError(
                f"{source}: column {str(series.name)!r}, row {first_row + at}: the cell holds a "
                f"{type(cell).__name__}; give each cell one value, or drop the column"
            )


def _objects_to_text(series: pd.Series[Any]) -> Cells:
    """Cells as text, each as Python writes it."""
    text = [None if pd.isna(cell) else _object_to_text(cell) for cell in series]
    return Cells("text", None, pa.array(text, pa.large_string()), "str")


def _object_to_text(cell: object) -> str:
    """``str(cell)``; bytes that aren't UTF-8 and lone surrogates are escaped."""
    text = cell.decode(errors="backslashreplace") if isinstance(cell, bytes) else str(cell)
    return text.encode(errors="backslashreplace").decode()


def _to_large_strings(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous array of large strings."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole.cast(pa.large_string())


def _mask_text(text: pa.Array, gaps: Bools) -> pa.Array:
    return pc.if_else(pa.array(gaps), pa.scalar(None, text.type), text)


def _to_number(text: str) -> float | None:
    """A plain number, None for all other text."""
    try:
        return float(text)
    except ValueError:
        return None


def _exceeds_exact(values: Floats) -> bool:
    return bool(np.any(np.abs(values) > MAX_EXACT_INTEGER))


def _total_seconds(span: dt.timedelta | np.timedelta64) -> float:
    if isinstance(span, np.timedelta64):
        return float(span / np.timedelta64(1, "s"))
    return span.total_seconds()


def to_epoch_seconds(times: pd.DatetimeIndex) -> Floats:
    """Seconds since 1970 in UTC, ``(n,)``; NaN for NaT."""
    if times.tz is not None:
        times = times.tz_convert("UTC").tz_localize(None)
    stamps = times.to_numpy()
    if times.unit == "ns":
        stamps = stamps.astype("datetime64[us]")
    # Coarser units stay as they are: they reach further than microseconds do.
    seconds = stamps.astype(np.int64) / _TICKS_PER_SECOND[times.unit]
    return np.where(np.isnat(stamps), np.nan, seconds)
