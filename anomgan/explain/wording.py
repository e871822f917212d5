"""Cells in words: what was observed, and what would be normal."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

DIGITS = 3, 5, 8, 17
"""Significant digits of a number: as few as tell two numbers apart."""

EARLIEST, LATEST = 1, 9999
"""Years that Python's calendar has."""


def sentence(name: str, observed: Any, expected: Any, *, odd: str = "") -> str:
    """Say what was observed in a column and what would be normal.

    Args:
        name: The column.
        observed: The cell, missing as pandas knows it.
        expected: The cell that would be normal; the same object if the observed one is.
        odd: What is odd about the cell itself, such as ``"never seen"``.

    Example:
        >>> sentence("bytes_out", 9.1e6, 23_000)
        'bytes_out = 9.1e6 where 23000 would be normal here'
        >>> sentence("country", "XX", "US", odd="never seen")
        "country = 'XX' (never seen) where 'US' would be normal here"
        >>> sentence("weight", None, 71.5)
        'weight is missing where 71.5 would be normal here'
    """
    digits = next((d for d in DIGITS if cell(observed, d) != cell(expected, d)), DIGITS[0])
    is_, note = cell(observed, digits), f" ({odd})" if odd else ""
    start = f"{name} {is_}" if is_ == "is missing" else f"{name} = {is_}{note}"
    if expected is observed:
        return f"{start}, which is normal here"
    wanted = cell(expected, digits)
    return f"{start} where {'no value' if wanted == 'is missing' else wanted} would be normal here"


def cell(value: Any, digits: int = DIGITS[0]) -> str:
    """A cell in a few letters."""
    if pd.isna(value):
        return "is missing"
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, Integral) and abs(int(value)) < 10**6:
        return str(int(value))
    if isinstance(value, Real):
        return number(float(value), digits)
    if isinstance(value, pd.Timestamp):
        return _moment(value)
    return repr(value) if isinstance(value, str) else str(value)


def number(value: float, digits: int = DIGITS[0]) -> str:
    """A number with so many significant digits, in powers of ten where it is very large or small.

    Example:
        >>> number(9_123_456.0), number(0.5), number(-1.234e-7), number(20_000.0)
        ('9.12e6', '0.5', '-1.23e-7', '20000')
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


def _moment(time: pd.Timestamp) -> str:
    """Date and time, as far as there is one."""
    if not EARLIEST <= time.year <= LATEST:
        return f"a time in the year {time.year}"  # pandas can't write more of it
    if time == time.normalize():
        return f"{time:%Y-%m-%d}"
    text = time.isoformat(sep=" ", timespec="seconds")
    return text.replace(":00+", "+") if time.second == 0 and "+" in text else text
