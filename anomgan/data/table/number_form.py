"""Numbers as people write them: ``1.234,5 €``, ``(12)``, ``<0.5``, ``24.3K``, ``12 [1]``.

A column has one form, found in training; see :mod:`anomgan.data.table.number_evidence`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.units import CURRENCIES, convert
from anomgan.utils.types import Bools, Floats

SEPARATORS = ".", ","
"""What may separate decimals; the other one may separate thousands."""

_BLANK = r"[ \t\x{a0}\x{202f}\x{2009}]"
_MINUS = r"[-−–\x{fe63}\x{ff0d}]"
_GROUPED = r"[ \x{a0}\x{202f}\x{2009}'’]"
"""What separates thousands beyond doubt."""

_LETTERS = "|".join(re.escape(name) for name in sorted(CURRENCIES, key=len, reverse=True))
_NOTE = r"(?:±|\+/-) ?[\d.,]+|[*†‡§#]+|\[\w{1,3}\]|\(\w\)|[¹²³⁴⁵⁶⁷⁸⁹⁰]+"

_UNIT = rf"(?:[°º˚%‰\x{{2032}}\x{{2033}}℃℉]{_BLANK}*|\p{{Sc}}|\pL)(?:[\pL/·⋅^²³⁻¹.%]|[23])*"

_CELL = (
    rf"""^["'=]*(?P<open>\()?{_BLANK}*(?P<bound><=?|>=?|[≤≥~≈]|ca\.)?{_BLANK}*"""
    rf"(?P<sign>[+]|{_MINUS})?{_BLANK}*(?P<prefix>\p{{Sc}}|(?:{_LETTERS})\.?)?{_BLANK}*"
    rf"(?P<inner>{_MINUS})?{_BLANK}*"
    rf"(?P<number>(?:\d(?:[\d.,]|{_GROUPED}|[eE][-+]?\d)*|[.,]\d+(?:[eE][-+]?\d+)?))"
    rf"{_BLANK}*(?P<suffix>{_UNIT}(?: \pL[\pL.]*){{0,2}})?"
    rf"""{_BLANK}*(?P<behind>{_MINUS})?(?P<note>{_NOTE})?(?P<close>\))?["']*$"""
)
"""A number with all that may stand around it."""

LETTER_NOTE = r"^[a-df]$"
"""Letters behind numbers without a unit: marks of footnotes."""


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written.

    Attributes:
        decimal: What separates decimals, one of `SEPARATORS`.
        thousands: The other separator if ``1.234`` (or ``1,234``) is a whole number, else empty.
            Blanks and apostrophes always separate thousands.
        unit: The unit that numbers are in, empty if there is none.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""

    def read(self, text: pa.Array) -> Floats:
        """Numbers in text without surrounding blanks, ``(n,)``; NaN where there is none."""
        simple = pc.fill_null(pc.match_substring_regex(text, self._simple_pattern), False)
        kept = pc.if_else(simple, text, pa.scalar(None, text.type))
        digits = pc.replace_substring_regex(kept, self._simple_pattern, r"\1\2")
        values = self._to_numbers(digits)
        odd = np.flatnonzero(np.isnan(values))
        if odd.size:
            values = values.copy()
            values[odd] = self._read_odd(text.take(pa.array(odd)))
        return values

    @property
    def _simple_pattern(self) -> str:
        """A pattern of a number with at most a minus and the unit; others take much longer."""
        point, other = (re.escape(each) for each in (self.decimal, SEPARATORS[self.decimal == "."]))
        groups = rf"|[1-9]\d{{0,2}}(?:{other}\d{{3}})+" if self.thousands else ""
        unit = f"(?:{re.escape(self.unit)})?"
        return rf"^(-?){unit} ?((?:\d+{groups})(?:{point}\d*)?) ?{unit}$"

    def _read_odd(self, text: pa.Array) -> Floats:
        """Numbers in text of any kind; arguments and result as of :meth:`read`."""
        parts = split_numbers(text)
        values = self._read_digits(parts.field("number"))
        negative = _is_filled(parts, "inner") ^ _is_filled(parts, "behind")
        negative ^= _is_filled(parts, "sign") & ~_equals(parts, "sign", "+")
        opened, closed = _is_filled(parts, "open"), _is_filled(parts, "close")
        values = np.where(negative | (opened & closed), -values, values) * self._factors(parts)
        values[opened != closed] = np.nan
        return values

    def _read_digits(self, digits: pa.Array) -> Floats:
        """Numbers from digits and separators."""
        digits = trim_digits(digits)
        valid = is_valid(digits, self)
        return self._to_numbers(pc.if_else(valid, digits, pa.scalar(None, digits.type)))

    def _to_numbers(self, digits: pa.Array) -> Floats:
        """Numbers from valid digits and separators."""
        other = SEPARATORS[self.decimal == "."]
        digits = pc.replace_substring_regex(digits, rf"{_GROUPED}|{re.escape(other)}", "")
        plain = pc.replace_substring(digits, self.decimal, ".")
        return np.asarray(
            pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64
        )

    def _factors(self, parts: pa.StructArray) -> Floats:
        """What each number is multiplied by, ``(n,)``; NaN where the unit is another one."""
        suffix, prefix = parts.field("suffix"), parts.field("prefix")
        if not self.unit:
            noted = pc.match_substring_regex(suffix, LETTER_NOTE)
            suffix = pc.if_else(noted, "", suffix)
        joined = pc.binary_join_element_wise(
            prefix, suffix, pa.scalar("\n", suffix.type)
        ).dictionary_encode()
        known = [
            convert(*affixes.split("\n"), self.unit) for affixes in joined.dictionary.to_pylist()
        ]
        codes = pc.fill_null(joined.indices, -1).to_numpy(zero_copy_only=False)
        by_code = np.array([np.nan if factor is None else factor for factor in known] + [np.nan])
        return np.asarray(by_code[codes], dtype=np.float64)

    def check(self) -> None:
        """Check that a form read from a file could have come from a fit.

        Raises:
            ValueError: If not.
        """
        if self.decimal not in SEPARATORS or self.thousands not in ("", *SEPARATORS):
            raise ValueError(f"numbers with {self.decimal!r} and {self.thousands!r}")

    def describe(self) -> str:
        """In words, empty for a plain number."""
        parts = ["decimal comma"] if self.decimal == "," else []
        parts += [f"thousands separated by {self.thousands!r}"] if self.thousands else []
        parts += [f"unit {self.unit}"] if self.unit else []
        return ", ".join(parts)


def split_numbers(text: pa.Array) -> pa.StructArray:
    """Cells as sign, number, unit and so on; null where there is no number, or more than one."""
    return pc.extract_regex(text, _CELL)


def trim_digits(digits: pa.Array) -> pa.Array:
    """Digits and separators without separators at the end, such as a blank before a unit."""
    return pc.utf8_rtrim(digits, characters=" \u00a0\u202f\u2009'’,")


def is_valid(digits: pa.Array, form: NumberForm) -> pa.Array:
    """Whether digits and separators are a number of this form."""
    return pc.match_substring_regex(digits, _valid_pattern(form.decimal, form.thousands))


def is_lone_group(digits: pa.Array, separator: str) -> pa.Array:
    """Whether the separator may as well separate thousands as decimals, as in ``1,234``."""
    return pc.match_substring_regex(digits, rf"^[1-9]\d{{0,2}}{re.escape(separator)}\d{{3}}$")


@cache
def _valid_pattern(decimal: str, thousands: str) -> str:
    """A pattern of digits and separators; groups of thousands are of three digits, in India two."""
    point, other = (re.escape(each) for each in (decimal, SEPARATORS[decimal == "."]))
    decimals, exponent = rf"(?:{point}\d*)?", r"(?:[eE][-+]?\d+)?"
    groups = rf"[1-9]\d{{0,2}}(?:{_GROUPED}\d{{3}})+{decimals}"
    twice = rf"[1-9]\d{{0,2}}(?:{other}\d{{2,3}})+{other}\d{{3}}{decimals}"
    surely = rf"[1-9]\d{{0,2}}{other}\d{{3}}{point}\d*"
    once = rf"|[1-9]\d{{0,2}}{other}\d{{3}}" if thousands else ""
    return rf"^(?:(?:\d+{decimals}|{point}\d+){exponent}|{groups}|{twice}|{surely}{once})$"


def _is_filled(parts: pa.StructArray, name: str) -> Bools:
    empty = pc.fill_null(pc.equal(parts.field(name), ""), True)
    return ~np.asarray(empty.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _equals(parts: pa.StructArray, name: str, value: str) -> Bools:
    equal = pc.fill_null(pc.equal(parts.field(name), value), False)
    return np.asarray(equal.to_numpy(zero_copy_only=False), dtype=np.bool_)
