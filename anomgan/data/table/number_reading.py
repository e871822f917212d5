"""Read a training column as numbers, whatever their form, before its kind is decided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.cells import Cells, ParsedCells
from anomgan.data.table.columns.column import excuse_markers
from anomgan.data.table.columns.numeric import parse_numbers
from anomgan.data.table.number_evidence import (
    READ_SHARE,
    FoundForm,
    find_lone_groups,
    find_number_form,
)
from anomgan.data.table.number_form import NumberForm
from anomgan.data.table.options import TableOptions

MIN_NUMBER_SHARE = 0.5
"""Share of numbers among a column's filled cells from which on other cells are pointed out."""

_MAX_WORDS, _MIN_WORD_REPEATS, _MIN_DISTINCT_NUMBERS = 10, 3, 20
"""Few words that come again and again beside many different numbers stand for missing."""


@dataclass(frozen=True)
class NumberReading:
    """A column read as numbers.

    Attributes:
        parsed: The numbers; words such as ``n.a.`` are missing.
        found: The form that was found, None for plain numbers only.
        words: Further words that are taken for missing.
    """

    parsed: ParsedCells
    found: FoundForm | None = None
    words: tuple[str, ...] = ()

    @property
    def form(self) -> NumberForm | None:
        """How the numbers are written; None for plain numbers only."""
        return None if self.found is None else self.found.form

    @property
    def is_clear(self) -> bool:
        """Whether enough cells agree that this is a column of numbers."""
        return self.parsed.readable_share >= READ_SHARE

    @property
    def is_doubtful(self) -> bool:
        """Whether half the cells are numbers, but too few agree."""
        return MIN_NUMBER_SHARE <= self.parsed.readable_share < READ_SHARE


def read_numbers(cells: Cells, options: TableOptions, usual: str = "") -> NumberReading:
    """Read cells as numbers.

    Args:
        cells: Cells of which at least one is filled.
        options: What the user says about columns.
        usual: What separates decimals elsewhere in the table, empty if it doesn't show.
    """
    plain = excuse_markers(parse_numbers(cells), cells)
    if cells.form != "text":
        return NumberReading(plain)
    odd = np.flatnonzero(plain.unreadable)
    filled = cells.trimmed
    if not odd.size:
        comma = (options.decimal or usual) == "," or options.thousands == "."
        form = find_lone_groups(filled.drop_null()) if comma else None
        if form is None:
            return NumberReading(plain)
        return NumberReading(parse_numbers(cells, form), FoundForm(form))
    found = find_number_form(
        filled.filter(pa.array(plain.unreadable | ~np.isnan(plain.values))),
        filled.take(pa.array(odd)),
        decimal=options.decimal,
        thousands=options.thousands,
        usual=usual,
    )
    reading = NumberReading(plain)
    if found is not None:
        parsed = excuse_markers(parse_numbers(cells, found.form), cells)
        if parsed.readable_share > plain.readable_share:
            reading = NumberReading(parsed, found)
    if reading.is_doubtful and not (found and found.units):
        return NumberReading(reading.parsed, reading.found, _find_words(cells, reading.parsed))
    return reading


def _find_words(cells: Cells, parsed: ParsedCells) -> tuple[str, ...]:
    """Words that stand for missing beside many different numbers; none if there are others."""
    numbers = parsed.values[~np.isnan(parsed.values)]
    others = pc.value_counts(cells.trimmed.filter(pa.array(parsed.unreadable)))
    repeats = others.field("counts").to_numpy()
    is_word = len(repeats) <= _MAX_WORDS and repeats.min() >= _MIN_WORD_REPEATS
    if not is_word or len(np.unique(numbers)) < _MIN_DISTINCT_NUMBERS:
        return ()
    return tuple(sorted(others.field("values").to_pylist()))
