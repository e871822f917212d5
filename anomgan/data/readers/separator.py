"""Find out what separates the fields of delimited text, by evidence over many lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from anomgan.data.readers.cell_kinds import find_column_kind, find_kind
from anomgan.data.readers.head import collapse_blanks
from anomgan.data.readers.options import SEPARATOR_WORDS

CANDIDATES = ",;\t|"
BLANKS = " "
"""Stands for runs of blanks and tabs."""

NO_SEPARATOR = "\x1f"
"""Separates the fields of a file of one column, whose cells hold commas: it isn't there."""

_RARE = ":~^&!/"
"""Further characters that may separate fields, never without being asked."""

_MAX_LINES, _MAX_CELLS = 100, 5_000
"""Lines, and fields of them, that are looked at."""

_MIN_SHARE, _MIN_BLANKS_SHARE = 0.5, 0.8
"""Share of the lines that must have the same number of fields."""

_QUOTED = re.compile(r'(?<![^,;\t|\s])"(?:[^"]|"")*"')
_QUOTED_CELL = "Q"
"""What stands for a quoted cell, which may hold any separator."""

_DECIMAL_COMMA = re.compile(r"\s*[-+−]?\d+,\d+\s*")
_SPLIT_TIME = re.compile(r"\d{1,2}:\d{2}\S*")


@dataclass(frozen=True)
class Separator:
    """What separates fields.

    Attributes:
        mark: A character; `BLANKS` or `NO_SEPARATOR`.
        note: What is doubtful about it, for a warning; empty if nothing is.
    """

    mark: str
    note: str = ""


@dataclass(frozen=True)
class _Split:
    """How lines fall into fields at one separator.

    Attributes:
        mark: The separator.
        fields: Most frequent number of fields in the second half of the lines.
        share: Share of the lines that have so many.
        rivals: Share of the fields that hold another separator, and aren't numbers.
    """

    mark: str
    fields: int
    share: float
    rivals: float

    @property
    def quality(self) -> float:
        """Evidence for the separator, from 0 to 1."""
        return self.share * (1 - self.rivals)


def describe_separator(mark: str) -> str:
    """A separator in words."""
    words = {char: word for word, char in SEPARATOR_WORDS.items()}
    return {BLANKS: "blanks", NO_SEPARATOR: "nothing"}.get(mark, words.get(mark, repr(mark)))


def find_separator(lines: Sequence[str]) -> Separator:
    """Find the separator of lines, which come after comments.

    The one wins at which most lines, the header among them, have the same number of fields and the
    fewest fields hold another separator; commas within numbers don't count.  Blanks count only if
    they fit nearly all lines, and better.
    """
    text = _QUOTED.sub(_QUOTED_CELL, "".join(lines[:_MAX_LINES]))
    rows = [line for line in re.split(r"[\r\n]+", text) if line.strip()][:_MAX_LINES]
    if not rows:
        return Separator(CANDIDATES[0])
    if _is_one_decimal_column(rows):
        note = (
            f"has one column, {rows[0].strip()!r}, with commas in its numbers; if a comma "
            f"separates columns, give --separator comma"
        )
        return Separator(NO_SEPARATOR, note)
    splits = [_split(rows, mark) for mark in CANDIDATES if mark in text]
    fitting = [each for each in splits if each.fields > 1 and each.share >= _MIN_SHARE]
    if _fits_blanks(rows):
        fitting.append(_split([collapse_blanks(row.encode()).decode() for row in rows], BLANKS))
    if not fitting:  # one column, or lines that differ: what is most frequent in the first
        return Separator(max(CANDIDATES, key=rows[0].count), _hint_at_others(rows))
    best = max(fitting, key=lambda each: each.quality)
    return Separator(best.mark, _describe_rivals(best, fitting, rows))


def _split(rows: Sequence[str], mark: str) -> _Split:
    counts = [row.count(mark) + 1 for row in rows]
    usual = Counter(counts[len(counts) // 2 :]).most_common(1)[0][0]
    share = sum(count == usual for count in counts) / len(counts)
    others = re.compile(f"[{re.escape(CANDIDATES.replace(mark, ''))}]")
    cells = [cell for row in rows[: max(1, _MAX_CELLS // usual)] for cell in row.split(mark)]
    rivals = sum(
        others.search(cell) is not None and find_kind(cell) != "number" for cell in cells
    ) / len(cells)
    return _Split(mark, usual, share, rivals)


def _describe_rivals(best: _Split, fitting: Sequence[_Split], rows: Sequence[str]) -> str:
    """What speaks for another separator: it fits all lines, too, or stands in the header."""
    chosen = describe_separator(best.mark)
    for other in fitting:
        if other is not best and other.share >= best.share and other.mark != BLANKS:
            return (
                f"columns are separated by {chosen}, although {describe_separator(other.mark)} "
                f"fits as many lines; --separator decides"
            )
    header = next((row for row in rows if row.count(best.mark) + 1 == best.fields), rows[0])
    for name in header.split(best.mark):
        for rival in CANDIDATES:
            if rival in name and best.mark != BLANKS and find_kind(name) == "text":
                return (
                    f"columns are separated by {chosen}, so that {name.strip()!r} is one field, "
                    f"with {describe_separator(rival)} in it; --separator decides"
                )
    return ""


def _hint_at_others(rows: Sequence[str]) -> str:
    """Which other character may separate the fields of lines without any separator."""
    if len(rows) < 2 or any(mark in rows[0] for mark in CANDIDATES):
        return ""
    for mark in _RARE:
        counts = {row.count(mark) for row in rows}
        if counts != {0} and len(counts) == 1:
            return f"has one column; --separator {mark!r} would make {counts.pop() + 1} of it"
    counts = {len(row.split()) for row in rows[1:]}
    names, fields = len(rows[0].split()), counts.pop()
    if counts or fields < 2 or find_kind(rows[-1].split()[-1]) != "number":
        return ""
    return (
        f"has one column; blanks would make {fields} of it (--separator space), but the header has "
        f"{names} words: write as many names there, date and time apart"
    )


def _is_one_decimal_column(rows: Sequence[str]) -> bool:
    """Whether there is a name without a comma above nothing but numbers with a decimal comma."""
    if len(rows) < 2 or any(mark in rows[0] for mark in CANDIDATES):
        return False
    return find_kind(rows[0]) == "text" and all(map(_DECIMAL_COMMA.fullmatch, rows[1:]))


def _fits_blanks(rows: Sequence[str]) -> bool:
    """Whether runs of blanks separate numbers, not words or a date from its time."""
    fields = [row.split() for row in rows]
    usual = Counter(map(len, fields[len(fields) // 2 :])).most_common(1)[0][0]
    records = [each for each in fields if len(each) == usual]
    others = len(rows) - len(records)
    if usual < 2 or others > max(1, (1 - _MIN_BLANKS_SHARE) * len(rows)):
        return False
    if any(mark in cell for record in records for cell in record for mark in ";|"):
        return False
    columns = list(zip(*records[len(records) // 2 :], strict=True))
    if len(fields[0]) != usual:  # the first column has no name: of rows, or a part of a time
        is_named = len(set(columns[0])) == len(columns[0]) or set(columns[0]) == {_QUOTED_CELL}
        if not is_named or all(map(_SPLIT_TIME.fullmatch, columns[1])):
            return False
    return "number" in map(find_column_kind, columns)
