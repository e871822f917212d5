"""Find the header of delimited text: its line, and what comes between it and the records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from anomgan.data.readers.cell_kinds import find_kind, to_numbers
from anomgan.data.readers.head import HeadRecord
from anomgan.data.readers.top_rows import MAX_TOP_ROWS, TopRows
from anomgan.data.table.units import is_convertible, normalize_unit

_MIN_ROWS, _MIN_TEXT_ROWS = 3, 5
"""Rows needed below a first line that is no header; more if there are no numbers."""

_MAX_UNIT_ROWS = 3
_LOGGER_MARK, _LOGGER_ROWS = "TOA5", 4
"""First cell and number of the header lines that Campbell's data loggers write."""

_YEARS = 1900, 2100

_FURTHER_UNITS = frozenset(
    ("C", "F", "K", "rpm", "RPM", "ppm", "ppb", "pH", "deg", "count", "int", "float", "string")
)


@dataclass(frozen=True)
class Header:
    """Where the header is and what its fields mean.

    Attributes:
        at: Which of the records it is; None if there is none.
        body: The first of the records below it.
        first: The first field that is a column: 1 if row names come before.
        trailing: Empty fields at the end of each record that the header doesn't name.
        notes: What was guessed, for warnings.
    """

    at: int | None
    body: int
    first: int = 0
    trailing: int = 0
    notes: tuple[str, ...] = ()


def place_header(rows: TopRows, at: int | None, note: str = "") -> Header:
    """The header at a given record, or none, and where the records begin."""
    notes = [note]
    if at is None:
        body = next(i for i, each in enumerate(rows.records) if len(each.fields) == rows.fields)
        if body > 0:
            lines = _name_lines(rows.records[:body])
            notes.append(f"left out above the records: {lines}, {_quote(rows.records[0])}")
        return Header(None, body, notes=tuple(filter(None, notes)))
    first, trailing = rows.match(at) or (0, 0)
    body = _skip_units(rows, at)
    if body > at + 1:
        units = rows.records[at + 1 : body]
        notes.append(
            f"left out below the header, as units or descriptions: {_name_lines(units)}, "
            f"{_quote(units[0])}; --header LINE names another header"
        )
    if first:
        notes.append(
            "the header has one name fewer than the records have fields, so that the first field "
            "is a row's name, as R writes it, and left out; name it in the header to keep it"
        )
    return Header(at, body, first, trailing, tuple(filter(None, notes)))


def place_no_header(rows: TopRows) -> Header:
    """No header, and a doubt if the first line looks like one."""
    values, texts = rows.count_values(0)
    record = rows.records[0]
    looks_like_one = bool(texts and rows.first_record) and not values
    note = (
        f"line {record.line} looks like a header, {_quote(record)}, and is read as a record; "
        f"--header {record.line} makes it the header"
    )
    return place_header(rows, None, note if looks_like_one else "")


def find_header(rows: TopRows) -> Header:
    """Find the header, titles above it and units below it.

    It is the first record as long as the others whose cells are all text where later ones hold
    numbers; titles above are left out only if such a record follows.
    """
    records, first = rows.records, rows.first_record
    if records[0].fields[0].strip() == _LOGGER_MARK and len(records) > _LOGGER_ROWS:
        note = f"{_LOGGER_MARK}: line 2 is the header, of lines 1 to 4 all else is left out"
        return Header(1, _LOGGER_ROWS, notes=(note,))
    if first == 0:
        return _judge_first_line(rows)
    if first is None:
        if _recurs(rows):
            return place_header(
                rows, None, _say_no_header(rows, "is made of cells that come again")
            )
        first = min(len(records), MAX_TOP_ROWS)
    fitting = [at for at in range(first) if rows.match(at) is not None]
    if not fitting:
        return Header(0, 1)  # reading the records says what is wrong
    most = max(map(rows.count_filled, fitting))
    if not rows.value_columns and 2 * rows.count_filled(0) >= most and fitting[0] == 0:
        return place_header(rows, 0)
    at = next(each for each in fitting if rows.count_filled(each) == most)
    if at - 1 in fitting and _holds_units(rows, at) and rows.count_filled(at - 1) > 1:
        at -= 1
    elif at + 1 in fitting and rows.count_filled(at + 1) == most and _is_title(rows, at):
        at += 1
    note = ""
    if at > 0:
        line = records[at].line
        note = (
            f"line {line} is taken as the header, and what is above it left out: "
            f"{_quote(records[0])}; --header LINE names another"
        )
    return place_header(rows, at, note)


def _judge_first_line(rows: TopRows) -> Header:
    """Whether the first line, which looks like a record, is a header all the same."""
    if len(rows.records) <= _MIN_ROWS:
        cells = rows.records[0].fields
        what = "only numbers" if to_numbers(cells) is not None else "values as those below"
        note = f"the first line holds {what} and was taken as the header; --no-header if it isn't"
    elif _counts_up(rows):
        note = (
            f"the first line, {_quote(rows.records[0])}, was taken as the header, since its "
            f"numbers follow each other as in no other line; --no-header if it is a record"
        )
    else:
        return place_header(rows, None, _say_no_header(rows, "holds values as those below"))
    return place_header(rows, 0, note)


def _say_no_header(rows: TopRows, why: str) -> str:
    last = rows.fields - 1
    names = "x0" if last == 0 else "x0, x1" if last == 1 else f"x0 to x{last}"
    record = rows.records[0]
    return (
        f"has no header: line {record.line}, {_quote(record)}, {why}; columns are called {names}; "
        f"--header {record.line} makes that line the header, --no-header ends this warning"
    )


def _counts_up(rows: TopRows) -> bool:
    """Whether the numbers of the first line are names: years, or in a row as no others are."""
    columns = rows.value_columns
    cells = [rows.records[0].fields[at] for at in columns]
    numbers = to_numbers([cell for cell in cells if cell.strip()])
    if not numbers or len(numbers) < len(columns) - 1:
        return False
    low, high = _YEARS
    others = [to_numbers([row[at] for at in columns]) or [] for row in rows.body]

    def holds_years(values: Sequence[float]) -> bool:
        is_rising = all(a < b for a, b in pairwise(values))
        return is_rising and all(low <= each <= high and each == int(each) for each in values)

    def is_even(values: Sequence[float]) -> bool:
        steps = {round(b - a, 9) for a, b in pairwise(values)}
        enough = len(values) > 2 or (len(values) == 2 and values[0] in (0, 1) and steps == {1})
        return enough and len(steps) == 1 and steps != {0}

    def rises(values: Sequence[float]) -> bool:
        return len(values) > 3 and all(a < b for a, b in pairwise(values))

    return any(
        is_special(numbers) and sum(map(is_special, filter(None, others))) <= len(others) / 20
        for is_special in (holds_years, is_even, rises)
    )


def _recurs(rows: TopRows) -> bool:
    """Whether there are no values, and each cell of the first line comes again below it."""
    first, *later = (record.fields for record in rows.records)
    later = [row for row in later if len(row) == rows.fields]
    if rows.value_columns or len(later) < _MIN_TEXT_ROWS or len(first) != rows.fields:
        return False
    columns = zip(first, zip(*later, strict=True), strict=True)
    return all(cell in column for cell, column in columns) and len(first) > 1


def _skip_units(rows: TopRows, at: int) -> int:
    """The first record below a header and its units.

    Units are rows of text above two columns of values, or what looks like units above one.
    """
    first = rows.first_record
    between = [] if first is None else range(at + 1, first)
    if not 0 < len(between) <= _MAX_UNIT_ROWS:
        return at + 1
    if any(_may_be_record(rows, each, at) for each in between):
        return at + 1
    return between[-1] + 1


def _may_be_record(rows: TopRows, each: int, header: int) -> bool:
    """Whether a record below the header is more than its units; it may repeat the header."""
    fields, (values, texts) = rows.records[each].fields, rows.count_values(each)
    if len(fields) != rows.fields:  # a line of dashes, or a record that is cut off
        return any(find_kind(cell) not in ("", "text") for cell in fields)
    if values or fields == rows.records[header].fields:
        return True
    return texts < 2 and not (texts and _holds_units(rows, each))


def _holds_units(rows: TopRows, at: int) -> bool:
    """Whether most filled cells of a record are units."""
    cells = [cell.strip() for cell in rows.records[at].fields if cell.strip()]
    return 2 * sum(map(_is_unit, cells)) > len(cells)


def _is_title(rows: TopRows, at: int) -> bool:
    """Whether a record as long as the next one is a title: ``operator: Jo``, or a sentence."""
    cells, below = (
        [cell.strip() for cell in rows.records[each].fields if cell.strip()]
        for each in (at, at + 1)
    )
    notes = sum(re.search(r"\w: *\S", cell) is not None for cell in cells)
    words, words_below = (len(" ".join(each).split()) / len(each) for each in (cells, below))
    return 2 * notes > len(cells) or words >= 2 * words_below > 0


def _is_unit(cell: str) -> bool:
    is_marked = re.search(r"[°%‰²³·/Ω]|^[\[(].*[\])]$|^\W*$", cell) is not None
    return is_marked or cell in _FURTHER_UNITS or is_convertible(normalize_unit(cell))


def _name_lines(records: Sequence[HeadRecord]) -> str:
    """The lines of records that come one after the other."""
    first, last = records[0].line, records[-1].end
    return f"line {first}" if first == last else f"lines {first} to {last}"


def _quote(record: HeadRecord) -> str:
    """The beginning of a record for a message."""
    text = ", ".join(cell.strip() for cell in record.fields if cell.strip())
    return repr(text if len(text) <= 40 else f"{text[:39]}…")
