"""Say how columns of numbers were read: in the summary of a fit, and as warnings where in doubt."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.cells import Cells
from anomgan.data.table.columns.boolean import BooleanColumn
from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.data.table.columns.column import Column
from anomgan.data.table.columns.datetimes import DatetimeColumn
from anomgan.data.table.columns.numeric import NUMBER_PATTERN, NumericColumn
from anomgan.data.table.dropped import Dropped
from anomgan.data.table.missing import Sentinel, find_sentinel, is_marker
from anomgan.data.table.number_reading import NumberReading
from anomgan.data.table.options import TableOptions
from anomgan.data.table.units import is_convertible
from anomgan.utils.text import join_limited
from anomgan.utils.types import Bools, Floats

_EXAMPLES = 3

_CODE_NAME = re.compile(r"(^|[\W_])(zip|postcode|postal|plz)|code$", re.IGNORECASE)
_ROW_NAME = re.compile(r"[\W_]id$|^id$", re.IGNORECASE)
"""Names of columns whose whole numbers are probably codes, and of those that may count rows."""

_MAX_CODES, _MIN_CODE_ROWS, _FIRST_ROWS = 20, 20, 2_000
"""Most levels of whole numbers that look like codes, fewest rows for each, and rows tried first."""


class NumberRemarks:
    """Collects what is to be said about how columns of numbers were read."""

    def __init__(self, options: TableOptions) -> None:
        """For columns read with these options."""
        self._options = options
        self._notes: list[str] = []
        self._warnings: list[str] = []
        self._sentinels: dict[float, list[tuple[str, Sentinel]]] = {}
        self._codes: list[str] = []

    def add(self, column: Column | Dropped, cells: Cells, reading: NumberReading) -> None:
        """Add what is to be said about one column.

        Args:
            column: The fitted column.
            cells: Its cells, ``(n,)``.
            reading: The cells read as numbers.
        """
        asked = self._options.kinds.get(column.name)
        if isinstance(column, NumericColumn):
            censored = cells.form == "text" and self._add_form(column.name, cells, reading)
            if asked is None:
                sentinel = find_sentinel(reading.parsed.values)
                if sentinel is not None and not censored:
                    self._sentinels.setdefault(sentinel.value, []).append((column.name, sentinel))
                if column.integer and _are_codes(column.name, cells, reading.parsed.values):
                    self._codes.append(column.name)
        elif asked is None and isinstance(column, Dropped) and column.counts:
            if _begin_with_zero(cells) or _CODE_NAME.search(column.name):
                self._warnings.append(
                    f"column {column.name!r} was left out, as its numbers count the rows or rise "
                    f"with them; if they are codes, --category {column.name} makes them levels"
                )
        elif isinstance(column, BooleanColumn | DatetimeColumn) and cells.form == "text":
            self._add_gaps(column.name, cells, _to_bools(is_marker(cells.trimmed)))
        elif (
            asked is None and cells.form == "text" and isinstance(column, CategoryColumn | Dropped)
        ):
            self._add_category(column, cells, reading)

    def _add_form(self, name: str, cells: Cells, reading: NumberReading) -> bool:
        """Add how numbers are written and which cells are missing; whether some are bounds."""
        text, parsed = cells.trimmed, reading.parsed
        gaps = np.isnan(parsed.values) & ~parsed.unreadable
        if gaps.any():
            self._add_gaps(name, cells, gaps & ~cells.missing)
        if reading.words:
            words = ", ".join(map(repr, reading.words))
            self._warnings.append(
                f"column {name!r}: {_quote(text, parsed.unreadable)} beside numbers count as "
                f"missing; --category {name} makes all cells levels instead, --missing "
                f"{name}={reading.words[0]} confirms ({words})"
            )
        if reading.found is None:
            return False
        plain = pc.match_substring_regex(text, NUMBER_PATTERN)
        odd = ~_to_bools(plain) & ~np.isnan(parsed.values)
        if not odd.any():  # points that separate thousands, as the table's other columns show
            odd = _to_bools(pc.match_substring(text, "."))
        bounds = odd & _to_bools(pc.match_substring_regex(text, r"^\(?[<>≤≥]"))
        described, unit = reading.found.form.describe(), reading.found.form.unit
        if is_convertible(unit):
            alone = rf"(?:^|\PL){re.escape(unit)}(?:\PL|$)"
            same = _to_bools(pc.match_substring_regex(text, alone))
            other = odd & ~same & _to_bools(pc.match_substring_regex(text, r"\d\s*\pL"))
            if other.any():
                self._warnings.append(
                    f"column {name!r}: {_quote(text, other)} are converted to {unit}, which most "
                    f"cells are in"
                )
        if reading.found.ambiguous:
            example = reading.found.ambiguous
            at = int(np.argmax(odd)) if odd.any() else 0
            mark = "," if "," in example else "."
            meaning = "thousands" if mark == reading.found.form.thousands else "decimals"
            option = f"--decimal {mark}" if meaning == "thousands" else f"--thousands {mark}"
            self._warnings.append(
                f"column {name!r}: {text[at].as_py()!r} (row {at}) is read as "
                f"{parsed.values[at]:.15g}, as if {mark!r} separated {meaning}; if it doesn't, "
                f"give {option}"
            )
        elif (odd & ~bounds).any():
            at = int(np.argmax(odd & ~bounds))
            self._notes.append(
                f"column {name!r}: cells such as {text[at].as_py()!r} (row {at}) are read as "
                f"{parsed.values[at]:.15g}{f' ({described})' if described else ''}"
            )
        if bounds.any():
            self._notes.append(
                f"column {name!r}: {_quote(text, bounds)} only say a bound, and are read as it"
            )
        return bool(bounds.any())

    def _add_gaps(self, name: str, cells: Cells, gaps: Bools) -> None:
        """Add which cells count as missing."""
        if gaps.any():
            self._notes.append(f"column {name!r}: {_quote(cells.trimmed, gaps)} count as missing")

    def _add_category(self, column: Column | Dropped, cells: Cells, reading: NumberReading) -> None:
        """Warn of a column of numbers that wasn't read as one."""
        name, parsed = column.name, reading.parsed
        if isinstance(column, Dropped) and column.reason != "text that differs in every row":
            return
        taken = "a category" if isinstance(column, CategoryColumn) else "text"
        if reading.found is not None and reading.found.units:
            units = join_limited([f"{unit} ({count:,})" for unit, count in reading.found.units])
            self._warnings.append(
                f"column {name!r} was taken for {taken}: its numbers have different units: {units} "
                f"({_quote(cells.trimmed, parsed.unreadable)} aren't in "
                f"{reading.found.form.unit}); convert them to one"
            )
        elif reading.is_doubtful:
            numbers = int(np.count_nonzero(~np.isnan(parsed.values)))
            self._warnings.append(
                f"column {name!r} was taken for {taken}: {numbers:,} cells are numbers, but not "
                f"{_quote(cells.trimmed, parsed.unreadable)}; --number {name} reads it as numbers, "
                f"without these; --category {name} confirms"
            )
        elif reading.is_clear:
            self._notes.append(
                f"column {name!r} was taken for {taken}: whole numbers of so many digits are codes"
            )

    def notes(self) -> list[str]:
        """Sentences for the summary."""
        if not self._codes:
            return self._notes
        names = join_limited([repr(name) for name in self._codes])
        advice = f"if they are codes, --category {self._codes[0]} makes them levels"
        return [
            *self._notes,
            f"whole numbers that may be codes, read as amounts: {names}; {advice}",
        ]

    def warnings(self) -> Iterator[str]:
        """Sentences of which the user should know before anything is learnt."""
        yield from self._warnings
        for value, found in self._sentinels.items():
            columns = join_limited(
                [
                    f"{name!r} ({s.count:,}; all else {s.low:.6g} to {s.high:.6g})"
                    for name, s in found
                ]
            )
            yield (
                f"{value:.15g} comes again and again, far from all other numbers, in {columns}: if "
                f"it stands for missing, give --missing {value:.15g}"
            )


def _quote(text: pa.Array, chosen: Bools) -> str:
    """How many cells, and the first of them: ``12 cells (row 3: '?', row 8: '-')``."""
    at = np.flatnonzero(chosen)
    shown: dict[str, int] = {}
    for row in at[:_FIRST_ROWS].tolist():
        shown.setdefault(text[row].as_py(), row)
        if len(shown) == _EXAMPLES:
            break
    examples = ", ".join(f"row {row}: {cell!r}" for cell, row in shown.items())
    return f"{at.size:,} {'cell' if at.size == 1 else 'cells'} ({examples})"


def _to_bools(matches: pa.Array) -> Bools:
    return np.asarray(matches.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _begin_with_zero(cells: Cells) -> bool:
    """Whether a number of the first ones begins with a zero."""
    if cells.form != "text":
        return False
    first = cells.trimmed.slice(0, _FIRST_ROWS)
    return bool(pc.any(pc.match_substring_regex(first, r"^0\d+$")).as_py())


def _are_codes(name: str, cells: Cells, values: Floats) -> bool:
    """Whether whole numbers look like codes: by their name, leading zeros, or few levels."""
    if _begin_with_zero(cells) or _CODE_NAME.search(name) or _ROW_NAME.search(name):
        return True
    if not 2 < len(pd.unique(values[:_FIRST_ROWS])) <= _MAX_CODES:
        return False
    levels = pd.unique(values[~np.isnan(values)])
    return 2 < len(levels) <= _MAX_CODES and len(values) >= _MIN_CODE_ROWS * len(levels)
