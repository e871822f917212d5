"""The beginning of delimited text, looked at before its records are read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_HEAD_BYTES = 2**24
"""The header must lie within so many bytes."""

_FIRST_BYTES, _MIN_LINES = 2**16, 3
"""Bytes that are looked at, more if they hold fewer lines."""

_MAX_RECORDS = 100


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """Read that many bytes; fewer at the end."""


@dataclass(frozen=True)
class HeadRecord:
    """A record in the first lines of a file.

    Attributes:
        fields: Its fields.
        line: Its first line, from 1.
        end: Its last line.
    """

    fields: list[str]
    line: int
    end: int


class HeadStream:
    """A stream whose beginning can be looked at before it is read.

    Attributes:
        head: The bytes that are known and not yet read, in UTF-8.
        is_whole: Whether nothing follows them.
    """

    def __init__(self, stream: _Readable) -> None:
        """Look at the beginning: `_FIRST_BYTES`, and on until there are `_MIN_LINES`."""
        self._stream = stream
        self.head, self.is_whole = b"", False
        while self.grow():
            if len(re.findall(rb"[^\r\n][\r\n]", self.head)) > _MIN_LINES:
                break

    def grow(self) -> bool:
        """Look at as much again; False if there is no more, or that would be too much."""
        if self.is_whole or len(self.head) >= MAX_HEAD_BYTES:
            return False
        wanted = max(len(self.head), _FIRST_BYTES)
        more = self._stream.read(wanted)
        self.head += more
        self.is_whole = len(more) < wanted
        return True

    def lines(self) -> list[str]:
        """The lines that are known whole, with their ends."""
        end = len(self.head)
        if not self.is_whole:
            end = max(self.head.rfind(b"\n"), self.head.rfind(b"\r", 0, -1)) + 1
        return list(io.StringIO(self.head[:end].decode(errors="replace"), newline=""))

    def read(self, size: int, /) -> bytes:
        """Read that many bytes; fewer at the end."""
        known, self.head = self.head[:size], self.head[size:]
        return known + self._stream.read(size - len(known)) if len(known) < size else known


def split_records(
    lines: Sequence[str], separator: str, *, first: int = 0, is_whole: bool = True
) -> list[HeadRecord]:
    """Split lines into records, at most `_MAX_RECORDS`.

    Args:
        lines: Whole lines.
        separator: The separator of fields; a blank stands for runs of blanks.
        first: How many lines come before the records.
        is_whole: Whether the lines are all there are; else a quote may be open in the last record.

    Raises:
        csv.Error: If not even the first record can be read.
    """
    taken = lines[first:]
    if separator == " ":
        taken = [collapse_blanks(line.encode()).decode() for line in taken]
    reader = csv.reader(taken, delimiter=separator)
    records: list[HeadRecord] = []
    line = first
    try:
        for fields in reader:
            if fields:
                records.append(HeadRecord(fields, line + 1, first + reader.line_num))
            line = first + reader.line_num
            if len(records) == _MAX_RECORDS:
                return records
    except csv.Error:  # a field beyond Python's limit, or a quote that is never closed
        if not records:
            raise
        return records
    return records if is_whole else records[:-1]


_QUOTED_OR_BLANKS = re.compile(
    rb'(?<!\S)("(?:[^"]|"")*")|(?:(?<=[\r\n])|\A)[ \t]+|[ \t]+(?=[\r\n]|\Z)|([ \t]+)'
)
"""A quoted cell, blanks at the beginning or end of a line, or between fields."""


def collapse_blanks(block: bytes) -> bytes:
    """Text with single blanks between fields, and none at the beginnings and ends of lines."""
    return _QUOTED_OR_BLANKS.sub(lambda found: found[1] or (b" " if found[2] else b""), block)
