"""What a column's cells say, whatever their dtype: numbers, truth values, times or text.

Nothing here is fitted.  :func:`read_cells` brings a column into one of four forms, and the
``as_…`` functions turn any form into the one a column of the schema wants.
"""

from __future__ import annotations

import datetime as dt
import re
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

NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
EXACT = 2.0**53
"""The whole number up to which float64 tells all apart."""
PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e6}
INFINITE = r"^[-+]?(?i:inf|infinity)$"
# Pairs of (false, true); 0 and 1 are numbers, because a 7 among them is far away.
TRUTH_WORDS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"))


@dataclass(frozen=True)
class Cells:
    """The n cells of one column in one of four forms.

    Attributes:
        form: What ``values`` mean; ``"text"`` has none.
        values: float64 (n,), NaN where missing: numbers (timedeltas in seconds), 0 or 1, or seconds
            since 1970 in UTC.
        text: Arrow strings (n,), null where missing: for the form ``"text"``, and of integers if
            there are some beyond `EXACT`, the last digits of which ``values`` lose.
        dtype: The pandas dtype the cells came with, from which generated rows get theirs.
        categorical: Whether the user declared a category, so that its text isn't to be parsed.
    """

    form: Form
    values: Floats | None
    text: pa.Array | None
    dtype: str
    categorical: bool = False

    @property
    def missing(self) -> Bools:
        """Whether each cell is empty, (n,)."""
        if self.values is not None:
            return np.isnan(self.values)
        return _flags(pc.is_null(self.trimmed))

    @cached_property
    def trimmed(self) -> pa.Array:
        """The text without surrounding blanks; what is then empty is null."""
        bare = pc.utf8_trim_whitespace(self.text)
        return pc.if_else(pc.equal(bare, ""), pa.scalar(None, bare.type), bare)


@dataclass(frozen=True)
class Reading:
    """Cells read as one kind of thing.

    Attributes:
        values: float64 (n,), NaN where missing or unreadable; numbers may be infinite, which is
            further out than any other.
        unreadable: bool (n,), True where a cell holds something else.
    """

    values: Floats
    unreadable: Bools

    @property
    def finite(self) -> Reading:
        """The same with infinite numbers unreadable: a scale can't be learnt from them."""
        infinite = np.isinf(self.values)
        if not infinite.any():
            return self
        return Reading(np.where(infinite, np.nan, self.values), self.unreadable | infinite)

    @property
    def share(self) -> float:
        """Share of the cells that hold something which could be read; 0 if none holds anything."""
        read = int(np.count_nonzero(~np.isnan(self.values)))
        filled = read + int(np.count_nonzero(self.unreadable))
        return read / filled if filled else 0.0


def read_cells(series: pd.Series[Any], *, first_row: int = 0, source: str = "the table") -> Cells:
    """Bring a column of any dtype into one of the four forms.

    Args:
        series: The column (n,): NumPy, nullable, Arrow, categorical, sparse or object.
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
            return Cells("text", None, _as_array(pa.array(series)), "str")
        except UnicodeEncodeError:  # half of a surrogate pair, which only Python can hold
            return _from_objects(series, "str")
    if isinstance(dtype, pd.ArrowDtype):
        held = arrow_to_series(pa.array(series))
        held.name = series.name
        plain = read_cells(held, first_row=first_row, source=source)
        named = plain.form in ("number", "boolean") and not pa.types.is_decimal(dtype.pyarrow_dtype)
        return replace(plain, dtype=str(dtype)) if named else plain
    if isinstance(dtype, pd.SparseDtype):
        return read_cells(
            pd.Series(np.asarray(series), name=series.name), first_row=first_row, source=source
        )
    if dtype.kind == "c":
        raise InputError(
            f"{source}: column {str(series.name)!r} holds complex numbers; give real ones"
        )
    if dtype.kind == "O":
        return _read_objects(series, first_row, source)
    return _read_typed(series)


def as_numbers(cells: Cells) -> Reading:
    """Read as numbers; what is too large for a float is infinite.

    Text may carry a sign, a decimal point, an exponent and surrounding blanks.
    """
    if cells.form == "text":
        return _reading(cells, _text_to_numbers(cells))
    if cells.form == "time":
        return _nothing(cells)
    return _reading(cells, _values(cells))


def as_booleans(cells: Cells, words: tuple[str, str]) -> Reading:
    """Read as 0 and 1.

    Args:
        cells: Truth values, or the numbers 0 and 1 (also as text), or words.
        words: The lower-case text that means false and the one that means true.
    """
    if cells.form == "time":
        return _nothing(cells)
    if cells.form != "text":
        return _reading(cells, _zeros_and_ones(_values(cells)))
    lowered = pc.utf8_lower(cells.trimmed)
    truth = _to_float(pc.index_in(lowered, value_set=pa.array(words, lowered.type)))
    if np.isnan(truth).any():
        truth = np.where(np.isnan(truth), _zeros_and_ones(_text_to_numbers(cells)), truth)
    return _reading(cells, truth)


def as_times(cells: Cells) -> Reading:
    """Read as seconds since 1970 in UTC; text must be ISO 8601, and without an offset is UTC."""
    if cells.form == "time":
        return _reading(cells, _values(cells))
    if cells.form != "text":
        return _nothing(cells)
    # Dates repeat, and parsing one is slow.
    found = cells.trimmed.dictionary_encode()
    times = pd.to_datetime(
        found.dictionary.to_pandas(), format="ISO8601", utc=True, errors="coerce"
    )
    codes = pc.fill_null(found.indices, -1).to_numpy(zero_copy_only=False)
    known = np.append(_seconds(pd.DatetimeIndex(times)), np.nan)  # the last is for code -1
    return _reading(cells, known[codes])


def as_text(cells: Cells) -> pa.Array:
    """Read as Arrow strings (n,) without surrounding blanks, null where missing.

    Whole numbers are written without a decimal point, so that a category of codes is the same
    whether a reader took them for integers or not.
    """
    if cells.text is not None:
        return cells.trimmed
    codes, distinct = pd.factorize(_values(cells))
    spelled = pa.array([_spell(cells.form, value) for value in distinct], pa.large_string())
    return spelled.take(pa.array(codes, mask=codes < 0))


def _spell(form: Form, value: float) -> str:
    if form == "boolean":
        return str(bool(value))
    if form == "time":
        # Seconds are all that matters, and can be held, thousands of years from now.
        count, unit = (round(value * 1e6), "us") if abs(value) < 1e12 else (int(value), "s")
        moment = str(np.array(count, f"datetime64[{unit}]"))
        return f"{moment.removesuffix('.000000')}+00:00"
    # Beyond, floats have lost digits, and mustn't pass for whole numbers that have all of theirs.
    return str(int(value)) if value.is_integer() and abs(value) <= EXACT else repr(float(value))


@cache
def storable(dtype: str) -> bool:
    """Whether a dtype's name says enough to rebuild it, and is one that cells may come with.

    A name can ask for more than that: cells of a gigabyte each, or a time zone from any file.
    """
    bare = dtype.removeprefix("category[").removesuffix("]") if "category[" in dtype else dtype
    if bare in ("str", "object"):
        return True
    if "tzfile" in bare or "dateutil" in bare or "/" in re.sub(r"[A-Za-z]/[A-Z]", "", bare):
        return False
    try:
        known: Any = pd.api.types.pandas_dtype(bare)
    except (TypeError, ValueError, NotImplementedError, KeyError):
        return False  # pandas has all these ways to say that it knows no such dtype
    if known.kind == "f":
        return bool(known.itemsize <= 8)  # what lies above differs between machines
    return known.kind in "biumM" or (known.kind in "OU" and known.name == bare != dtype)


# --- into one of the forms ------------------------------------------------------------------------


def _read_typed(series: pd.Series[Any]) -> Cells:
    """Cells of a NumPy or nullable dtype other than object."""
    kind, dtype = series.dtype.kind, str(series.dtype)
    if kind == "M":
        known = dtype if storable(dtype) else "datetime64[us, UTC]"  # some zones have no name
        return Cells("time", _seconds(pd.DatetimeIndex(series)), None, known)
    if kind == "m":
        return Cells("number", np.asarray(series.dt.total_seconds(), np.float64), None, dtype)
    if kind in "biuf":
        with np.errstate(over="ignore"):  # of long doubles
            values = series.to_numpy(np.float64, na_value=np.nan)
        if kind == "b":
            return Cells("boolean", values, None, dtype)
        exact = _as_array(pa.array(series)) if kind in "iu" and _inexact(values) else None
        return Cells("number", values, exact, dtype if storable(dtype) else "float64")
    return _from_objects(series.astype(object), "str")  # periods, intervals, …


def _read_categorical(series: pd.Series[Any], source: str) -> Cells:
    """Cells the user declared a category; one of truth values or times is read as those."""
    levels = read_cells(pd.Series(series.cat.categories, name=series.name), source=source)
    codes = series.cat.codes.to_numpy()
    if levels.values is not None and levels.form != "number":
        return replace(levels, values=np.append(levels.values, np.nan)[codes])
    text = as_text(levels).take(pa.array(codes, mask=codes < 0))
    dtype = f"category[{series.cat.categories.dtype}]"
    known = dtype if storable(dtype) else "category[str]"
    return Cells("text", None, text, known, categorical=True)


def _inexact(values: Floats) -> bool:
    return bool(np.any(np.abs(values) > EXACT))


def _read_objects(series: pd.Series[Any], first_row: int, source: str) -> Cells:
    """Cells of Python objects: of one type as that type, of several as text.

    Raises:
        InputError: If a cell is a list, a dict or another object that isn't one value.
    """
    with np.errstate(over="ignore"):  # of long doubles
        return _read_silenced(_silenced(series), first_row, source)


def _read_silenced(series: pd.Series[Any], first_row: int, source: str) -> Cells:
    """See :func:`_read_objects`."""
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    filled = series.where(series.notna(), None)
    if inferred in ("date", "datetime", "datetime64"):
        times = pd.to_datetime(filled, utc=True, errors="coerce")
        zoned = any(getattr(cell, "tzinfo", None) for cell in filled)
        dtype = "datetime64[us, UTC]" if zoned else "datetime64[us]"
        return Cells("time", _seconds(pd.DatetimeIndex(times)), None, dtype)
    if inferred in ("timedelta", "timedelta64"):
        try:
            return _read_typed(pd.to_timedelta(filled))
        except (OverflowError, ValueError):  # longer than 64 bits can count
            spans = [np.nan if cell is None else _length(cell) for cell in filled]
            return Cells("number", np.array(spans, np.float64), None, "timedelta64[s]")
    if inferred in ("empty", "integer", "floating", "mixed-integer-float", "decimal", "boolean"):
        try:
            values = np.asarray(filled.astype("float64"), dtype=np.float64)
        except OverflowError:  # an integer of more than 308 digits
            return _from_objects(series, "str")
        truth = inferred == "boolean"
        whole = inferred == "integer"
        fits = whole and bool(np.all(np.abs(values[~np.isnan(values)]) < 2.0**63))
        dtype = "bool" if truth else "int64" if fits else "float64"
        exact = _from_objects(series, "str").text if whole and _inexact(values) else None
        return Cells("boolean" if truth else "number", values, exact, dtype)
    if inferred != "string":
        _refuse_nested(series, first_row, source)
    return _from_objects(series, "str")


def _from_objects(series: pd.Series[Any], dtype: str) -> Cells:
    """Cells as text, each as Python writes it."""
    text = [None if pd.isna(cell) else _plain(cell) for cell in series]
    return Cells("text", None, pa.array(text, pa.large_string()), dtype)


def _silenced(series: pd.Series[Any]) -> pd.Series[Any]:
    """The same without signalling NaNs, which raise as soon as anybody looks."""
    try:
        series.isna()
    except InvalidOperation:
        cells = [None if isinstance(c, Decimal) and c.is_snan() else c for c in series]
        return pd.Series(cells, series.index, dtype=object, name=series.name)
    return series


def _length(span: dt.timedelta | np.timedelta64) -> float:
    """Seconds."""
    if isinstance(span, np.timedelta64):
        return float(span / np.timedelta64(1, "s"))
    return span.total_seconds()


def _plain(cell: object) -> str:
    """A cell in Python's words; bytes and halves of surrogate pairs that say nothing spelt out."""
    text = cell.decode(errors="backslashreplace") if isinstance(cell, bytes) else str(cell)
    return text.encode(errors="backslashreplace").decode()


def _refuse_nested(series: pd.Series[Any], first_row: int, source: str) -> None:
    for at, cell in enumerate(series):
        # Periods and the like are scalars to pandas; whatever isn't can't be compared as text.
        # Tensors pass for numbers.
        array = hasattr(cell, "__array__") and not isinstance(cell, np.generic)
        if array or not pd.api.types.is_scalar(cell):
            raise InputError(
                f"{source}: column {str(series.name)!r}, row {first_row + at}: the cell holds a "
                f"{type(cell).__name__}; give each cell one value, or drop the column"
            )


def _seconds(times: pd.DatetimeIndex) -> Floats:
    """Seconds since 1970 in UTC, NaN for NaT."""
    if times.tz is not None:
        times = times.tz_convert("UTC").tz_localize(None)
    stamps = times.to_numpy()
    if times.unit == "ns":
        stamps = stamps.astype("datetime64[us]")
    # Coarser units stay as they are: they reach further than microseconds do.
    return np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64) / PER_SECOND[times.unit])


# --- text -----------------------------------------------------------------------------------------


def _text_to_numbers(cells: Cells) -> Floats:
    """Numbers, NaN for what isn't one."""
    try:
        return _to_float(pc.cast(cells.text, pa.float64()))
    except pa.ArrowInvalid:  # some cell isn't a plain number; look at each
        text = cells.trimmed
        readable = pc.or_(
            pc.match_substring_regex(text, NUMBER), pc.match_substring_regex(text, INFINITE)
        )
        numbers = pc.if_else(readable, text, pa.scalar(None, text.type))
        return _to_float(pc.cast(numbers, pa.float64()))


def _as_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One contiguous array of large strings."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole.cast(pa.large_string())


def _to_float(numbers: pa.Array) -> Floats:
    """NumPy float64, NaN for null."""
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


def _flags(flags: pa.Array) -> Bools:
    return np.asarray(flags.to_numpy(zero_copy_only=False), dtype=np.bool_)


# --- readings -------------------------------------------------------------------------------------


def _values(cells: Cells) -> Floats:
    if cells.values is None:
        raise TypeError(f"cells of the form {cells.form!r} have no values")
    return cells.values


def _zeros_and_ones(values: Floats) -> Floats:
    return np.where(np.isin(values, (0.0, 1.0)), values, np.nan)


def _reading(cells: Cells, values: Floats) -> Reading:
    """Values and, where they are NaN, whether the cell held something nevertheless."""
    gaps = np.isnan(values)
    if not gaps.any():
        return Reading(values, gaps)
    return Reading(values, gaps & ~cells.missing)


def _nothing(cells: Cells) -> Reading:
    return _reading(cells, np.full(len(cells.missing), np.nan))
