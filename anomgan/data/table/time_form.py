"""How a column writes times: ISO 8601, a format of strptime, or a count of units since an origin.

A form is a text: a format such as ``%d/%m/%Y``, or a key of `UNITS`.  A fitted column stores those
that its cells had in training, and reads later cells by them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.cells import Cells, to_epoch_seconds
from anomgan.data.table.cycles import DAY_S
from anomgan.errors import InputError
from anomgan.utils.types import Floats

UNITS: dict[str, tuple[float, float]] = {
    "unix-s": (1.0, 0.0),
    "unix-ms": (1e-3, 0.0),
    "unix-us": (1e-6, 0.0),
    "unix-ns": (1e-9, 0.0),
    "excel": (DAY_S, -25_569 * DAY_S),
}
"""Form of numbers -> seconds in a unit, and the origin in seconds since 1970."""

UNIT_NAMES = {
    "unix-s": "seconds since 1970",
    "unix-ms": "milliseconds since 1970",
    "unix-us": "microseconds since 1970",
    "unix-ns": "nanoseconds since 1970",
    "excel": "days as Excel counts them",
}

ISO_FORM = "iso"
"""How users call ISO 8601, which columns read besides any other form."""

_ISO_PATTERN = r"^\d{4}[-/.]\d"
"""Text that is ISO 8601 beside another form, under which digits alone are something else."""

_DIGIT = r"\d"
"""What text must hold to be a time: pandas takes ``now`` and ``today`` for times, too."""

_MAX_FORMAT_LENGTH = 100

_DIGITS_ONLY = r"^(%[YmdHMS])+$"


def check_form(form: str) -> str:
    """The form that a user's text means; empty for ISO 8601.

    Raises:
        InputError: If it is neither a unit nor a format.
    """
    if form in UNITS:
        return form
    if form.lower() == ISO_FORM:
        return ""
    try:
        if "%" not in form or len(form) > _MAX_FORMAT_LENGTH:
            raise ValueError
        pd.to_datetime(pd.Series(["x"]), format=form, errors="coerce", utc=True)
    except ValueError:
        raise InputError(
            f"date format {form!r}: give a format of strptime, such as %d/%m/%Y or "
            f"'%d.%m.%Y %H:%M:%S', or one of: {ISO_FORM}, {', '.join(UNITS)}"
        ) from None
    return form


def describe_form(form: str) -> str:
    """A form in words: the unit of numbers, else the format itself."""
    return UNIT_NAMES.get(form, form or "ISO 8601")


def is_time_of_day(form: str) -> bool:
    """Whether a format has an hour and no date."""
    has_hour = "%H" in form or "%I" in form
    return has_hour and not any(f"%{part}" in form for part in "YymdbBjcx")


def is_count(form: str) -> bool:
    """Whether times of this form are numbers: units since an origin."""
    return form in UNITS


def read_times(cells: Cells, forms: tuple[str, ...]) -> Floats:
    """Times of numbers or text, ``(n,)`` in seconds since 1970 UTC; NaN where there is none.

    Args:
        cells: Numbers or text.
        forms: Tried one after the other; text of ISO 8601 is read besides, unless a form writes
            times of day.
    """
    if cells.form == "number" and not any(map(_writes_digits, forms)):
        unit = next((form for form in forms if is_count(form)), None)
        values = cells.parsed_as().values
        return np.full(len(values), np.nan) if unit is None else count_to_seconds(values, unit)
    encoded = cells.to_text().dictionary_encode()  # dates repeat, and parsing one is slow
    distinct = encoded.dictionary
    seconds = np.full(len(distinct), np.nan)
    for form in forms or ("",):
        _fill(seconds, distinct, form, _DIGIT)
    if forms and cells.form == "text" and not any(map(is_time_of_day, forms)):
        _fill(seconds, distinct, "", _ISO_PATTERN)
    codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return np.asarray(np.append(seconds, np.nan)[codes])  # NaN for code -1


def count_to_seconds(values: Floats, unit: str) -> Floats:
    """Seconds since 1970 of numbers in a key of `UNITS`; NaN beyond the years that can be written.

    Excel's are rounded to milliseconds, or the fraction of a day would be short of a second.
    """
    size, origin = UNITS[unit]
    digits = 1e3 if unit == "excel" else 1e6
    with np.errstate(over="ignore", invalid="ignore"):
        seconds = np.rint((values * size + origin) * digits) / digits
    return np.where(np.abs(seconds) < 2.5e11, seconds, np.nan)


def write_times(values: Floats, form: str, dtype: str) -> pd.Series[Any]:
    """Times as they were written: numbers of the column's dtype, or text; inverse of reading.

    Args:
        values: ``(n,)``, in seconds since 1970 UTC, NaN where missing.
        form: The form to write.
        dtype: The dtype of the training cells; integers with gaps become ``Int64``.
    """
    gaps = np.isnan(values)
    if is_count(form):
        size, origin = UNITS[form]
        numbers = (values - origin) / size
        if "int" not in dtype.lower():
            return pd.Series(numbers)
        whole = np.rint(np.where(gaps, 0, numbers)).astype(np.int64)
        return pd.Series(whole, dtype="Int64").mask(gaps, pd.NA)
    stamps = np.where(gaps, 0, np.rint(np.nan_to_num(values) * 1e6)).astype(np.int64)
    index = pd.DatetimeIndex(stamps.astype("datetime64[us]"), tz="UTC")
    text = pd.Series(index.strftime(form), dtype="str")
    if dtype == "str":
        return text.mask(gaps)
    return pd.Series(text.astype("int64").array, dtype="Int64").mask(gaps, pd.NA)


def _writes_digits(form: str) -> bool:
    """Whether a format writes whole numbers, such as 20241231."""
    return "%" in form and bool(pd.Series([form]).str.match(_DIGITS_ONLY).iloc[0])


def _fill(seconds: Floats, distinct: pa.Array, form: str, pattern: str) -> None:
    """Read the distinct texts of a pattern that weren't read yet by one form, in place."""
    matches = pc.fill_null(pc.match_substring_regex(distinct, pattern), False)
    left = np.flatnonzero(np.isnan(seconds) & matches.to_numpy(zero_copy_only=False))
    text = distinct.take(pa.array(left))
    if not len(left):
        return
    if is_count(form):
        numbers = pd.to_numeric(text.to_pandas(), errors="coerce").to_numpy(np.float64)
        seconds[left] = count_to_seconds(numbers, form)
        return
    times = pd.to_datetime(
        text.to_pandas(), format=form or "ISO8601", utc=True, errors="coerce", cache=False
    )
    stamps = to_epoch_seconds(pd.DatetimeIndex(times))
    seconds[left] = stamps % DAY_S if is_time_of_day(form) else stamps
