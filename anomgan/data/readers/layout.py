"""How a file of delimited text is laid out: separator, header, where its records begin."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from anomgan.data.readers.head import MAX_HEAD_BYTES, HeadStream, split_records
from anomgan.data.readers.header import Header, find_header, place_header, place_no_header
from anomgan.data.readers.options import ReadOptions
from anomgan.data.readers.preamble import Preamble
from anomgan.data.readers.separator import Separator, describe_separator, find_separator
from anomgan.data.readers.top_rows import TopRows
from anomgan.errors import InputError
from anomgan.utils.text import join_limited

LAYOUT = "anomgan_layout"
"""Entry of a frame's attributes that holds the layout of the file it was read from."""

_JSON = re.compile(rb"\s*(\[\s*)?\{\s*\"[^\"]*\"\s*:")
_MIN_RECORDS = 2
"""Records that must be seen, the header among them, if there are so many."""

_MIN_BLOCK_BYTES, _BLOCK_PER_LINE_BYTE = 2**20, 32
"""A record must fit into a block."""

_MAX_NAMED_LINES = 20
"""Records among which the header is that a model's columns tell."""


@dataclass(frozen=True)
class Layout:
    """How to read the records of delimited text.

    Attributes:
        separator: What separates fields, as :mod:`.separator` has it.
        names: Names of the columns, unique.
        texts: What the header has for them, if there is one of several columns.
        header: Line of the header, from 1; None if there is none.
        first: Fields before the columns: 1 if there are row names.
        trailing: Fields behind the columns, which are empty.
        usual: Fields that most of the first records have.
        skipped: Lines that are left out above the records, blank ones not among them.
        body_line: Lines before the first record.
        block: Bytes to read at a time: enough for several records.
        notes: What was guessed, for warnings.
        given_separator: The separator if the user named it, else empty.
    """

    separator: str
    names: list[str]
    texts: list[str]
    header: int | None
    first: int
    trailing: int
    usual: int
    skipped: tuple[int, ...]
    body_line: int
    block: int
    notes: tuple[str, ...]
    given_separator: str = ""

    @property
    def fields(self) -> int:
        """Number of fields in a record."""
        return self.first + len(self.names) + self.trailing

    def to_json(self) -> dict[str, Any]:
        """What is kept with a model, as plain data."""
        return {
            "separator": self.separator,
            "header": self.header,
            "skipped": list(self.skipped[:20]),
            "given_separator": self.given_separator,
        }


def describe_layout(layout: dict[str, Any]) -> str:
    """A layout, as :meth:`Layout.to_json` gives it, in words."""
    header, skipped = layout["header"], layout["skipped"]
    mark = layout["separator"]
    parts = [f"separated by {describe_separator(mark)}"] if mark else []  # sheets have none
    parts.append("no header" if header is None else f"header in line {header}")
    if skipped:
        lines = "line" if len(skipped) == 1 else "lines"
        parts.append(f"left out: {lines} {join_limited([str(line) for line in skipped], 5)}")
    return ", ".join(parts)


def find_layout(stream: HeadStream, options: ReadOptions, name: str) -> Layout:
    """Find out how text is laid out, and read up to its first record.

    Raises:
        InputError: If there is no record to be seen, or an option doesn't fit.
    """
    if _JSON.match(stream.head):
        raise InputError(
            f"{name}: is JSON; end its name in .jsonl or .json (standard input takes text with "
            f"separators alone)"
        )
    while True:
        lines = stream.lines()
        preamble = Preamble.find(lines)
        given = options.separator or preamble.separator
        found = Separator(given) if given else find_separator(lines[preamble.lines :])
        try:
            records = split_records(
                lines, found.mark, first=preamble.lines, is_whole=stream.is_whole
            )
        except csv.Error as error:
            raise InputError(f"{name}: can't read the header line: {error}") from None
        if len(records) >= _MIN_RECORDS or not stream.grow():
            break
    if not records and stream.is_whole:
        raise InputError(f"{name}: is empty")
    if not records:
        raise InputError(
            f"{name}: the header goes on for more than {MAX_HEAD_BYTES:,} bytes; the file isn't "
            f"delimited text, or a quote is opened in its header and never closed"
        )
    rows = TopRows(records)
    if options.separator and rows.fields == 1:
        found = replace(found, note=_doubt_separator(found.mark, lines[preamble.lines :]))
    comment = preamble.split_last(found.mark)
    header, texts = _choose_header(rows, options, preamble, comment, name)
    names, renamed = name_columns(texts)
    body_line = records[header.body - 1].end if header.body else preamble.lines
    header_line = None if header.at is None else records[header.at].line
    if any(texts is each for each in comment):
        header_line = preamble.comments[-1]
    left_out = (each for at, each in enumerate(records[: header.body]) if at != header.at)
    above = [line for each in left_out for line in range(each.line, each.end + 1)]
    skipped = (line for line in (*preamble.comments, *above) if line != header_line)
    notes = (found.note, preamble.describe_comments(header_line), *header.notes, renamed)
    stream.read(sum(len(line.encode()) for line in lines[:body_line]))
    return Layout(
        separator=found.mark,
        names=names,
        texts=texts if header_line is not None and len(texts) > 1 else [],
        header=header_line,
        first=header.first,
        trailing=header.trailing,
        usual=rows.fields,
        skipped=tuple(skipped),
        body_line=body_line,
        block=max(_MIN_BLOCK_BYTES, _BLOCK_PER_LINE_BYTE * len(max(lines, key=len).encode())),
        notes=tuple(filter(None, notes)),
        given_separator=options.separator,
    )


def _doubt_separator(mark: str, lines: Sequence[str]) -> str:
    """That the separator that was given isn't that of these lines, if another one is."""
    other = find_separator(lines).mark
    if other == mark or other not in lines[0]:
        return ""
    return (
        f"{describe_separator(mark)}, the separator given, makes one column of all; "
        f"--separator {describe_separator(other)} fits the lines"
    )


def name_columns(texts: Sequence[str]) -> tuple[list[str], str]:
    """Names for columns, unique and not empty, and a note if some had the same."""
    names: dict[str, None] = {}
    taken = {text.strip() for text in texts}
    counts: Counter[str] = Counter()
    doubled = []
    for at, text in enumerate(texts):
        name = text.strip() or f"unnamed_{at}"
        while name in names:
            counts[text] += 1
            new = f"{text.strip() or f'unnamed_{at}'}.{counts[text]}"
            if new not in taken and new not in names:
                doubled.append(f"{name!r} → {new!r}")
                name = new
        names[name] = None
    note = "columns with the name of an earlier one get a suffix: " if doubled else ""
    return list(names), note + join_limited(doubled, 3)


def _choose_header(
    rows: TopRows, options: ReadOptions, preamble: Preamble, comment: list[list[str]], name: str
) -> tuple[Header, list[str]]:
    """The header, and the texts of its fields.

    Raises:
        InputError: If there is no record in the line that the user names.
    """

    def holds_known(fields: list[str]) -> bool:
        return bool(options.names) and set(options.names) <= set(name_columns(fields)[0])

    known = next(filter(holds_known, comment), None)
    if known is None and comment and options.header == preamble.lines:
        known = comment[0]
    if known is not None:
        return Header(None, 0), known
    at = None
    if options.header:
        lines = enumerate(each.end for each in rows.records)
        at = next((i for i, end in lines if end >= options.header), None)
        if at is None:
            raise InputError(f"{name}: --header {options.header}: there is no such line")
    elif options.names:
        records = enumerate(rows.records[:_MAX_NAMED_LINES])
        at = next((i for i, each in records if holds_known(each.fields)), None)
    if at is not None:
        header = place_header(rows, at)
    elif options.header == 0:
        header = place_no_header(rows)
    else:
        fitting = [fields for fields in comment if len(fields) == rows.fields > 1]
        if rows.first_record == 0 and fitting:
            return Header(None, 0), fitting[0]
        header = find_header(rows)
    if header.at is None:
        return header, [f"x{i}" for i in range(rows.fields)]
    width = rows.fields - header.first - header.trailing
    fields = rows.records[header.at].fields
    return header, fields if rows.match(header.at) is None else fields[:width]
