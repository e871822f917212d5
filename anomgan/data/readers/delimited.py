"""Delimited text as frames of strings: separator, header, records, and what may be wrong there."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from anomgan.data.column_names import refuse_duplicates
from anomgan.data.readers.encoding import Utf8, describe_source, open_bytes
from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import one_line

if TYPE_CHECKING:
    ByteStream = io.BufferedReader[Utf8]

SEPARATORS = ",;\t|"
MISSING_SPELLINGS = [*pa.csv.ConvertOptions().null_values, "None", "<NA>"]

# A record must fit into a block, and two blocks are read before the first rows come out.
BLOCK_BYTES = 2**20
BLOCK_PER_HEADER_BYTE = 32
HEADER_BYTES = 2**24
SNIFFED_BYTES = 2**16

LINE_END = re.compile(rb"\r\n?|\n")


@dataclass
class _BadRow:
    """Remembers the first record with the wrong number of fields, for the error message.

    Attributes:
        row: That record, if there is one.
        before: Records read so far.
    """

    row: pa.csv.InvalidRow | None = None
    before: int = 0

    def __call__(self, row: pa.csv.InvalidRow) -> str:
        """Keep the row and have the reader stop."""
        self.row = self.row or row
        return "error"


@dataclass(frozen=True)
class _Header:
    """The first record of delimited text.

    Attributes:
        names: Column names, unique.
        separator: One of `SEPARATORS`.
        size: Bytes it takes up.
    """

    names: list[str]
    separator: str
    size: int

    @property
    def block(self) -> int:
        """Bytes to read at a time: room for several records, judged by the header's length."""
        return max(BLOCK_BYTES, BLOCK_PER_HEADER_BYTE * self.size)


def read_text(source: str | Path, rows: int) -> Iterator[pd.DataFrame]:
    """Frames of strings, at most ``rows`` rows each; see :func:`.files.read_chunks`."""
    name = describe_source(source)
    with open_bytes(source, name) as raw:
        decoded = Utf8(raw, name)
        stream = io.BufferedReader(decoded, SNIFFED_BYTES)
        header = _read_header(stream, name)
        decoded.warn_if_recoded()
        decoded.kept = 2 * header.block
        bad, last = _BadRow(), None
        try:
            for table in _regroup(_text_batches(stream, header, bad), rows):
                decoded.warn_if_recoded()
                last = table.column(-1)[-1].as_py()
                yield table.to_pandas()
        except pa.ArrowInvalid as error:
            raise _text_error(source, header, bad, error) from None
        decoded.warn_if_recoded()
        if bad.before and _quote_is_open(decoded.tail, last, header.separator):
            raise InputError(
                f"{name}: data record {bad.before}: a quote is opened and never closed; close it, "
                f"or complete the file"
            )


def _text_batches(stream: ByteStream, header: _Header, bad: _BadRow) -> Iterator[pa.RecordBatch]:
    """The records after the header as batches of strings.

    Raises:
        pyarrow.ArrowInvalid: If a record is longer than a block or has another number of fields
            than the header; in the latter case ``bad`` holds the record.
    """
    if not stream.peek(1):  # pyarrow refuses a stream without a byte
        return
    for batch in pa.csv.open_csv(
        stream,
        pa.csv.ReadOptions(
            column_names=header.names,
            block_size=header.block,
            use_threads=False,  # with threads the reader doesn't know a bad row's number
        ),
        pa.csv.ParseOptions(
            delimiter=header.separator, newlines_in_values=True, invalid_row_handler=bad
        ),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(header.names, pa.large_string()),
            null_values=MISSING_SPELLINGS,
            strings_can_be_null=True,
        ),
    ):
        bad.before += batch.num_rows
        yield batch


def _regroup(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Batches of any size as tables of about ``rows`` rows, never more; the first comes at once."""
    held: list[pa.RecordBatch] = []
    wanted = 1
    for batch in batches:
        held.append(batch)
        if sum(part.num_rows for part in held) >= wanted:
            yield from _sliced(held, rows)
            held, wanted = [], rows
    if held:
        yield from _sliced(held, rows)


def _sliced(batches: list[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    table = pa.Table.from_batches(batches)
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)


def _text_error(
    source: str | Path, header: _Header, bad: _BadRow, error: pa.ArrowInvalid
) -> InputError:
    """Say in the user's terms why pyarrow stopped."""
    name = describe_source(source)
    if bad.row is not None:
        return InputError(
            f"{name}: {_place(source, header, bad.row.number)} has {bad.row.actual_columns} "
            f"fields, the header has {bad.row.expected_columns}; quote the field that holds a "
            f"separator, or complete the record"
        )
    if "straddl" in str(error):
        return InputError(
            f"{name}: a record goes on for more than {header.block:,} bytes, soon after data "
            f"record {bad.before}; probably a quote is opened and never closed"
        )
    return InputError(f"{name}: can't be read as delimited text: {one_line(error)}")


def _place(source: str | Path, header: _Header, record: int) -> str:
    """Where the n-th record after the header (from 1) ends, as a line of the file if possible.

    Blank lines and line breaks inside quotes make the two differ, so a file is read again up to
    there; standard input can't be.
    """
    if str(source) == "-":
        return f"data record {record}"
    with open_bytes(source, describe_source(source)) as raw:
        clean = io.BufferedReader(Utf8(raw, ""))
        lines = io.TextIOWrapper(clean, encoding="utf-8", newline="")
        reader = csv.reader(lines, delimiter=header.separator)
        records = (fields for fields in reader if fields)  # the header is the one numbered 0
        try:
            next(islice(records, record, None))
        except (csv.Error, StopIteration):  # Python's reader has its own limits
            return f"data record {record}"
        return f"line {reader.line_num}"


def _quote_is_open(tail: bytes, cell: str | None, separator: str) -> bool:
    """Whether the file ends within a quoted cell, which then may have swallowed many records.

    Args:
        tail: The file's last bytes.
        cell: Its last cell.
        separator: Between cells.
    """
    for text in MISSING_SPELLINGS if cell is None else [cell]:
        opened = b'"' + text.replace('"', '""').encode()
        before = tail.removesuffix(opened)
        if before != tail and before.endswith((separator.encode(), b"\n", b"\r")):
            return True
    return False


# --- the header -----------------------------------------------------------------------------------


def _read_header(stream: ByteStream, name: str) -> _Header:
    """Take the first record off the stream.

    Raises:
        InputError: If there is none, or two columns share a name.
    """
    separator = _sniff(stream.peek(SNIFFED_BYTES))
    size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        while line := _line(stream):
            size += len(line)
            if size > HEADER_BYTES:
                raise InputError(
                    f"{name}: the header goes on for more than {HEADER_BYTES:,} bytes; the file "
                    f"isn't delimited text, or a quote is opened in its header and never closed"
                )
            yield line.decode()

    try:
        fields = next((row for row in csv.reader(lines(), delimiter=separator) if row), None)
    except csv.Error as error:
        raise InputError(f"{name}: can't read the header line: {error}") from None
    if fields is None:
        raise InputError(f"{name}: is empty")
    names = [text.strip() or f"unnamed_{at}" for at, text in enumerate(fields)]
    _warn_if_data(names, name)
    refuse_duplicates(names, name)
    return _Header(names, separator, size)


def _line(stream: ByteStream) -> bytes:
    """Take a line off the stream, with its end, as soon as it is longer than any header without."""
    parts: list[bytes] = []
    while (held := stream.peek(1)) and sum(map(len, parts)) <= HEADER_BYTES:
        end = LINE_END.search(held)
        parts.append(stream.read(end.end() if end else len(held)))
        if end is not None:
            if end[0] == b"\r" and stream.peek(1)[:1] == b"\n":
                parts.append(stream.read(1))
            break
    return b"".join(parts)


def _sniff(head: bytes) -> str:
    """The separator of delimited text.

    It is the one that occurs in the header and equally often in each of the next lines, outside
    quotes; where several or none do, the one most frequent in the header.
    """
    unquoted = re.sub(r'"[^"]*"', "", head.decode(errors="ignore"))
    lines = [line for line in re.split(r"[\r\n]+", unquoted) if line.strip()]
    whole = lines[:-1][:20] or lines  # the last may be cut off
    if not whole:
        return SEPARATORS[0]

    def merit(separator: str) -> tuple[bool, int]:
        counts = [line.count(separator) for line in whole]
        return counts[0] > 0 and len(set(counts)) == 1, counts[0]

    return max(SEPARATORS, key=merit)


def _warn_if_data(names: list[str], source: str) -> None:
    """Warn about a file that probably has no header."""
    try:
        np.array(names, dtype=np.str_).astype(float)
    except ValueError:
        return
    warnings.warn(
        f"{source}: the first line holds only numbers and was taken as the header; "
        f"add a header line if it is a record",
        DataWarning,
        stacklevel=2,
    )
