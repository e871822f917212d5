"""Describe table cells in words: the observed value, and the one that would be normal."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

SIGNIFICANT_DIGITS = 3, 5, 8, 17
"""Significant digits of a number: the first that tell two numbers apart."""

MIN_YEAR, MAX_YEAR = 1, 9999
"""Years that :class:`datetime.datetime` has."""


def describe_cell(name: str, observed: Any, expected: Any, *, oddity: str = "") -> str:
    """A sentence: what was observed in a column, and what would be normal.

    Args:
        name: The column.
        observed: The cell; missing as :func:`pandas.isna` says.
        expected: The cell that would be normal; the same object if the observed one is.
        oddity: What is odd about the cell itself, such as ``"never seen"``.

    Example:
        >>> describe_cell("bytes_out", 9.1e6, 23_000)
        'bytes_out = 9.1e6 where 23000 would be normal here'
        >>> describe_cell("country", "XX", "US", oddity="never seen")
        "country = 'XX' (never seen) where 'US' would be normal here"
        >>> describe_cell("weight", None, 71.5)
        'weight is missing where 71.5 would be normal here'
    """
    digits = next(
        (d for d in SIGNIFICANT_DIGITS if format_cell(observed, d) != format_cell(expected, d)),
        SIGNIFICANT_DIGITS[0],
    )
    text, note = format_cell(observed, digits), f" ({oddity})" if oddity else ""
    start = f"{name} {text}" if text == "is missing" else f"{name} = {text}{note}"
    if expected is observed:
        return f"{start}, which is normal here"
    wanted = format_cell(expected, digits)
    return f"{start} where {'no value' if wanted == 'is missing' else wanted} would be normal here"


def format_cell(value: Any, digits: int = SIGNIFICANT_DIGITS[0]) -> str:
    """A cell as short text."""
    if pd.isna(value):
        return "is missing"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, Integral) and abs(int(value)) < 10**6:
        return str(int(value))
    if isinstance(value, Real):
        return format_number(float(value), digits)
    if isinstance(value, pd.Timestamp):
        return _format_time(value)
    return repr(value) if isinstance(value, str) else str(value)


def format_number(value: float, digits: int = SIGNIFICANT_DIGITS[0]) -> str:
    """A number with so many significant digits, in powers of ten if very large or small.

    Example:
        >>> [format_number(value) for value in (9_123_456.0, 0.5, -1.234e-7, 20_000.0)]
        ['9.12e6', '0.5', '-1.23e-7', '20000']
    """
    if not value or not math.isfinite(value):
        return f"{value:g}"
    size = math.floor(math.log10(abs(value)))
    if -4 <= size < 6:
        return np.format_float_positional(
            value, max(digits, size + 1), unique=False, fractional=False, trim="-"
        )
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    short = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{short}e{int(exponent)}"


def _format_time(time: pd.Timestamp) -> str:
    """Date and time; the date alone at midnight."""
    if not MIN_YEAR <= time.year <= MAX_YEAR:
        return f"a time in the year {time.year}"  # pandas can't write more of it
    if time == time.normalize():
        return f"{time:%Y-%m-%d}"
    text = time.isoformat(sep=" ", timespec="seconds")
    return text.replace(":00+", "+") if time.second == 0 and "+" in text else text
