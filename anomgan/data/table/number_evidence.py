"""Find out how a column's numbers are written, and say where that doesn't show."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.cells import read_cells
from anomgan.data.table.number_form import (
    LETTER_NOTE,
    SEPARATORS,
    NumberForm,
    is_lone_group,
    is_valid,
    split_numbers,
    trim_digits,
)
from anomgan.data.table.units import (
    AMBIGUOUS_POWERS,
    POWERS,
    convert,
    is_known_unit,
    is_unit,
    normalize_unit,
)

READ_SHARE = 0.9
"""Share of a column's filled cells that must agree on one form to be read as numbers."""

_SEARCHED_ROWS = 20_000
"""Most cells in which a form is searched."""

_MIN_UNIT_SHARE = 0.05
"""Least share of the numbers with a unit from which it is the unit of those without."""

_MAX_UNITS = 10
"""Most kinds of unit in a column; what stands behind the numbers of addresses differs more."""

_LETTER_NOTE = re.compile(LETTER_NOTE)

_MIN_SURPLUS = 0.02
"""Least surplus of one reading, as a share of cells that fit both, that decides between them."""

_TABLE_ROWS = 200
"""First rows in which a table shows what separates decimals."""


@dataclass(frozen=True)
class FoundForm:
    """What was found out about a column's numbers.

    Attributes:
        form: How they are written.
        ambiguous: A cell that shows nothing of it and might be read otherwise; empty if all is
            clear.
        units: Unit -> how many of the searched cells have it, if there are several kinds.
    """

    form: NumberForm
    ambiguous: str = ""
    units: tuple[tuple[str, int], ...] = ()


def find_number_form(
    text: pa.Array, odd: pa.Array, *, decimal: str = "", thousands: str = "", usual: str = ""
) -> FoundForm | None:
    """Find how a column's numbers are written.

    Args:
        text: Filled cells without surrounding blanks, ``(n,)``.
        odd: Those of them that aren't plain numbers.
        decimal: What separates decimals, if the user says so.
        thousands: What separates thousands, if the user says so.
        usual: What separates decimals elsewhere in the table, if that shows.

    Returns:
        None if less than half of the odd cells hold a number, or they are codes.
    """
    odd_parts = split_numbers(odd.slice(0, _SEARCHED_ROWS))
    if not len(odd) or odd_parts.null_count > len(odd_parts) / 2:
        return None
    step = -(-len(text) // _SEARCHED_ROWS)
    parts = split_numbers(text.take(pa.array(np.arange(0, len(text), step))))
    digits = trim_digits(pa.concat_arrays([_numbers(odd_parts), _numbers(parts)]))
    if thousands in SEPARATORS:
        decimal = decimal or SEPARATORS[thousands == "."]
    form, ambiguous = _find_separators(digits, decimal, usual)
    found = _find_unit(parts)
    if found is None:
        return None
    unit, units = found
    return FoundForm(NumberForm(form.decimal, form.thousands, unit), ambiguous, units)


def find_lone_groups(text: pa.Array) -> NumberForm | None:
    """The form of plain numbers whose points separate thousands in a table of decimal commas."""
    pointed = text.filter(pc.match_substring(text, "."))
    lone = is_lone_group(pc.utf8_ltrim(pointed, characters="+-"), ".")
    return NumberForm(",", ".") if len(pointed) and pc.all(lone).as_py() else None


def find_table_decimal(frame: pd.DataFrame, source: str) -> str:
    """What separates decimals in a table, by its first rows; empty if it doesn't show."""
    shown = set()
    for at in range(frame.shape[1]):
        if frame.dtypes.iloc[at].kind in "biufcmM":
            continue
        cells = read_cells(frame.iloc[:_TABLE_ROWS, at], source=source)
        if cells.form != "text":
            continue
        text = cells.trimmed.drop_null()
        for point, other in (SEPARATORS, SEPARATORS[::-1]):
            whole = rf"(?:\d{{1,3}}(?:\{other}\d{{3}})+|\d+)"
            surely = rf"^[^\d.,]*(?:{whole}\{point}(?:\d\d?|\d{{4,}})|0\{point}\d+)[^\d.,:/]*$"
            if _count(pc.match_substring_regex(text, surely)) > len(text) / 10:
                shown.add(point)
    return shown.pop() if len(shown) == 1 else ""


def _numbers(parts: pa.StructArray) -> pa.Array:
    return parts.drop_null().field("number")


def _find_separators(digits: pa.Array, decimal: str, usual: str) -> tuple[NumberForm, str]:
    """The separators, and an example if it doesn't show which they are."""
    lone = {separator: is_lone_group(digits, separator) for separator in SEPARATORS}
    example = ""
    if not decimal:
        surplus = _count(is_valid(digits, NumberForm(".", ","))) - _count(
            is_valid(digits, NumberForm(",", "."))
        )
        groups = pc.or_(lone["."], lone[","])
        if abs(surplus) > _MIN_SURPLUS * _count(groups):
            decimal = "." if surplus > 0 else ","
        else:
            decimal = usual or "."
            if not usual and _count(groups):
                example = digits.filter(groups)[0].as_py()
    other = SEPARATORS[decimal == "."]
    return NumberForm(decimal, other if _count(lone[other]) else ""), example


def _find_unit(parts: pa.StructArray) -> tuple[str, tuple[tuple[str, int], ...]] | None:
    """The unit of most numbers, and how often which unit occurs if there are several kinds.

    None if letters behind numbers differ and aren't units, as in seats: 12A, 3B.
    """
    filled = parts.drop_null()
    prefix, suffix = filled.field("prefix"), filled.field("suffix")
    joined = pc.binary_join_element_wise(prefix, suffix, pa.scalar("\n", suffix.type))
    counts: Counter[tuple[str, str]] = Counter()
    for pair in pc.value_counts(joined).to_pylist():
        before, behind = (normalize_unit(each) for each in pair["values"].split("\n"))
        counts[before, behind] += pair["counts"]
    named: Counter[str] = Counter()
    for (before, behind), count in counts.items():
        if _LETTER_NOTE.match(behind) and 2 * counts["", ""] > len(filled):
            continue
        unit = before if before and behind in (*POWERS, "", before) else behind or before
        if unit and is_unit(unit):
            named[unit] += count
    powers = {unit for unit in named if unit in POWERS}
    if powers == set(named):
        only = next(iter(powers)) if len(powers) == 1 else ""
        is_bare = counts["", ""] > 0 or only not in AMBIGUOUS_POWERS
        return ("" if is_bare or _is_attached(only, filled) else only), ()
    unit, _ = max(named.items(), key=lambda each: (each[0] not in POWERS, each[1]))
    total = sum(counts.values())
    if sum(named.values()) < _MIN_UNIT_SHARE * total:
        return "", ()
    readable = sum(n for (a, b), n in counts.items() if convert(a, b, unit) is not None)
    if readable >= READ_SHARE * total:
        return unit, ()
    if len(named) > _MAX_UNITS or sum(map(is_known_unit, named)) < 2:
        return None
    return unit, tuple(named.most_common(5))


def _is_attached(power: str, filled: pa.StructArray) -> bool:
    """Whether a K stands right behind the digits, as in 24.3K, unlike kelvin."""
    return power == "K" and not _count(pc.ends_with(filled.field("number"), pattern=" "))


def _count(matches: pa.Array) -> int:
    return int(pc.sum(matches).as_py() or 0)
