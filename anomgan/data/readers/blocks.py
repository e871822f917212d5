"""Cut a stream of delimited text into blocks of whole records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

_TAIL_BYTES = 2**12, 2**16
"""Bytes at the end of a block in which the end of a record is sought first."""


class EndlessRecord(Exception):  # noqa: N818
    """A record is longer than a block."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """Read that many bytes; fewer at the end."""


def split_blocks(stream: _Readable, size: int, separator: str) -> Iterator[bytes]:
    """Cut a stream into blocks that end where a record does.

    Args:
        stream: Delimited text in UTF-8, at the beginning of a record.
        size: Bytes to read at a time, and most bytes in a record.
        separator: The separator of cells, one byte.

    Yields:
        Blocks that aren't empty; the last may end within a quote.

    Raises:
        EndlessRecord: If a record is longer than ``size`` bytes.
    """
    rest, data = b"", stream.read(size)
    while len(data) == size:
        block = rest + data
        end = find_record_end(block, separator)
        if not end and len(block) > size:
            raise EndlessRecord
        rest = block[end:]
        if end:
            yield block[:end]
        data = stream.read(size)
    if rest or data:
        yield rest + data


def find_record_end(block: bytes, separator: str) -> int:
    """Length of the whole records at the beginning of a block; 0 if it holds none.

    Args:
        block: Bytes that begin with a record.
        separator: The separator of cells.
    """
    if b'"' not in block:
        return max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
    for size in (*_TAIL_BYTES, len(block)):
        if end := _find_end(block, max(0, len(block) - size), separator):
            return end
    return 0


def _find_end(block: bytes, first: int, separator: str) -> int:
    """The end of the last record that ends after ``first``; 0 if none is known to.

    A quote opens a cell only at its beginning, and two in a row inside a cell are one character of
    it; so only runs of an odd number of quotes matter, and after one that isn't at the beginning
    of a cell no cell is open.
    """
    is_known, is_open = first == 0, False
    while first and block[first : first + 1] == b'"':
        first += 1  # a run of which the beginning isn't seen
    outside, end = first, 0
    runs = re.compile(b'(^|[\r\n%b])?("+)' % re.escape(separator.encode()))
    for run in runs.finditer(block, first):
        if len(run[2]) % 2 == 0:
            continue
        if is_open or (not is_known and run[1] is None):
            is_known, is_open, outside = True, False, run.end()
        elif is_known and run[1] is not None:
            end = _last_line_end(block, outside, run.start(2)) or end
            is_open = True
    if is_known and not is_open:
        end = _last_line_end(block, outside, len(block)) or end
    return end


def _last_line_end(block: bytes, first: int, last: int) -> int:
    """The end of the last line that ends in a range; 0 if none does."""
    return max(block.rfind(b"\n", first, last), block.rfind(b"\r", first, last)) + 1
