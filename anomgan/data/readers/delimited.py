"""Read delimited text (CSV, TSV, …) as frames of strings: separator, header, records, errors."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from anomgan.data.column_names import refuse_duplicates
from anomgan.data.readers.blocks import EndlessRecord, split_blocks
from anomgan.data.readers.encoding import Utf8Stream
from anomgan.data.readers.sources import Source, describe_source, open_bytes
from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import one_line

if TYPE_CHECKING:
    ByteStream = io.BufferedReader[Utf8Stream]

_SEPARATORS = ",;\t|"
MISSING_SPELLINGS = [*pa.csv.ConvertOptions().null_values, "None", "<NA>"]

# A record must fit into a block, and the first rows come after one.
_MIN_BLOCK_BYTES = 2**20
_BLOCK_PER_HEADER_BYTE = 32
_MAX_HEADER_BYTES = 2**24
_SNIFFED_BYTES = 2**16
"""Bytes from which the separator is detected."""

_JSON = re.compile(rb"\s*(\[\s*)?\{\s*\"[^\"]*\"\s*:")
_LINE_END = re.compile(rb"\r\n?|\n")


@dataclass
class _BadRow:
    """Handler for pyarrow that keeps the first record with a wrong number of fields.

    Attributes:
        row: That record, if there is one.
        rows_read: Records read so far.
    """

    row: pa.csv.InvalidRow | None = None
    rows_read: int = 0

    def __call__(self, row: pa.csv.InvalidRow) -> str:
        """Keep the row and stop reading."""
        self.row = self.row or row
        return "error"


@dataclass(frozen=True)
class _Header:
    """The first record of delimited text.

    Attributes:
        names: Column names, unique.
        separator: One of `_SEPARATORS`.
        size: Length in bytes.
    """

    names: list[str]
    separator: str
    size: int

    @property
    def block(self) -> int:
        """Block size in bytes: enough for several records, judged by the header's length."""
        return max(_MIN_BLOCK_BYTES, _BLOCK_PER_HEADER_BYTE * self.size)


def read_delimited(source: Source, rows: int) -> Iterator[pd.DataFrame]:
    """Read frames of strings, at most ``rows`` rows each; see :func:`.files.read_chunks`."""
    name = describe_source(source)
    with open_bytes(source, name) as raw:
        utf8 = Utf8Stream(raw, name)
        stream = io.BufferedReader(utf8, _SNIFFED_BYTES)
        header = _read_header(stream, name)
        utf8.warn_if_not_utf8()
        utf8.tail_bytes = 2 * header.block
        bad, last = _BadRow(), None
        try:
            for table in _regroup(_read_batches(stream, header, bad), rows):
                utf8.warn_if_not_utf8()
                last = table.column(-1)[-1].as_py()
                yield table.to_pandas()
        except EndlessRecord:
            raise InputError(
                f"{name}: a record goes on for more than {header.block:,} bytes, soon after data "
                f"record {bad.rows_read}; probably a quote is opened and never closed"
            ) from None
        except pa.ArrowInvalid as error:
            raise _explain_error(source, header, bad, error) from None
        utf8.warn_if_not_utf8()
        if bad.rows_read and _quote_is_open(utf8.tail, last, header.separator):
            raise InputError(
                f"{name}: data record {bad.rows_read}: a quote is opened and never closed; close "
                f"it, or complete the file"
            )


def _read_batches(stream: ByteStream, header: _Header, bad: _BadRow) -> Iterator[pa.RecordBatch]:
    """Read the records after the header as batches of strings.

    Blocks are read here and parsed one at a time from memory: pyarrow's own streaming reads ahead
    in threads that call back into Python, and these outlive an error.

    Raises:
        pyarrow.ArrowInvalid: If a record has another number of fields than the header; then
            ``bad`` holds that record.
        anomgan.data.readers.blocks.EndlessRecord: If a record is longer than a block.
    """
    parse = pa.csv.ParseOptions(
        delimiter=header.separator, newlines_in_values=True, invalid_row_handler=bad
    )
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(header.names, pa.large_string()),
        null_values=MISSING_SPELLINGS,
        strings_can_be_null=True,
    )
    for block in split_blocks(stream, header.block, header.separator):
        if not block.strip(b"\r\n"):  # pyarrow refuses input without records
            continue
        read = pa.csv.ReadOptions(
            column_names=header.names,
            block_size=len(block) + 1,  # all of it
            use_threads=False,  # with threads a bad row has no number
        )
        table = pa.csv.read_csv(pa.BufferReader(block), read, parse, convert)
        bad.rows_read += table.num_rows
        yield from table.to_batches()


def _regroup(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Regroup batches to tables of at most ``rows`` rows; the first batch is passed on at once."""
    pending: list[pa.RecordBatch] = []
    min_rows = 1
    for batch in batches:
        pending.append(batch)
        if sum(part.num_rows for part in pending) >= min_rows:
            yield from _slice_batches(pending, rows)
            pending, min_rows = [], rows
    if pending:
        yield from _slice_batches(pending, rows)


def _slice_batches(batches: list[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    table = pa.Table.from_batches(batches)
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)


def _explain_error(
    source: Source, header: _Header, bad: _BadRow, error: pa.ArrowInvalid
) -> InputError:
    """The error to raise for one of pyarrow's."""
    name = describe_source(source)
    if bad.row is not None:
        return InputError(
            f"{name}: {_locate_record(source, header, bad.rows_read + bad.row.number)} has "
            f"{bad.row.actual_columns} fields, the header has {bad.row.expected_columns}; quote "
            f"the field that holds a separator, or complete the record"
        )
    return InputError(f"{name}: can't be read as delimited text: {one_line(error)}")


def _locate_record(source: Source, header: _Header, record: int) -> str:
    """The place of the n-th record after the header (from 1), as a line number if possible.

    Blank lines and line breaks inside quotes make the two differ, so the file is read again up to
    the record; standard input can't be.
    """
    if str(source) == "-":
        return f"data record {record}"
    with open_bytes(source, describe_source(source)) as raw:
        utf8 = io.BufferedReader(Utf8Stream(raw, ""))
        lines = io.TextIOWrapper(utf8, encoding="utf-8", newline="")
        reader = csv.reader(lines, delimiter=header.separator)
        records = (fields for fields in reader if fields)  # the header is number 0
        try:
            next(islice(records, record, None))
        except (csv.Error, StopIteration):  # Python's reader has its own limits
            return f"data record {record}"
        return f"line {reader.line_num}"


def _quote_is_open(tail: bytes, cell: str | None, separator: str) -> bool:
    """Whether the file ends within a quoted cell, which may then contain many records.

    Args:
        tail: The last bytes of the file.
        cell: The last cell that was read.
        separator: The separator of cells.
    """
    for text in MISSING_SPELLINGS if cell is None else [cell]:
        quoted = b'"' + text.replace('"', '""').encode()
        before = tail.removesuffix(quoted)
        if before != tail and before.endswith((separator.encode(), b"\n", b"\r")):
            return True
    return False


# --- the header -----------------------------------------------------------------------------------


def _read_header(stream: ByteStream, name: str) -> _Header:
    """Read the first record of the stream.

    Raises:
        InputError: If there is none, it is too long, or two columns share a name.
    """
    head = stream.peek(_SNIFFED_BYTES)
    if _JSON.match(head):
        raise InputError(
            f"{name}: is JSON; end its name in .jsonl or .json (standard input takes text with "
            f"separators alone)"
        )
    separator = _detect_separator(head)
    size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        while line := _read_line(stream):
            size += len(line)
            if size > _MAX_HEADER_BYTES:
                raise InputError(
                    f"{name}: the header goes on for more than {_MAX_HEADER_BYTES:,} bytes; the "
                    f"file isn't delimited text, or a quote is opened in its header and never "
                    f"closed"
                )
            yield line.decode()

    try:
        fields = next((row for row in csv.reader(lines(), delimiter=separator) if row), None)
    except csv.Error as error:
        raise InputError(f"{name}: can't read the header line: {error}") from None
    if fields is None:
        raise InputError(f"{name}: is empty")
    names = [text.strip() or f"unnamed_{at}" for at, text in enumerate(fields)]
    _warn_if_numeric(names, name)
    refuse_duplicates(names, name)
    return _Header(names, separator, size)


def _read_line(stream: ByteStream) -> bytes:
    """Read a line with its end; without one if it is longer than any header."""
    parts: list[bytes] = []
    while (buffered := stream.peek(1)) and sum(map(len, parts)) <= _MAX_HEADER_BYTES:
        end = _LINE_END.search(buffered)
        parts.append(stream.read(end.end() if end else len(buffered)))
        if end is not None:
            if end[0] == b"\r" and stream.peek(1)[:1] == b"\n":
                parts.append(stream.read(1))
            break
    return b"".join(parts)


def _detect_separator(head: bytes) -> str:
    """Detect the separator of delimited text from its first bytes.

    It is the one that occurs in the header and equally often in each of the next lines, outside
    quotes; if several or none do, the one most frequent in the header.
    """
    unquoted = re.sub(r'"[^"]*"', "", head.decode(errors="ignore"))
    lines = [line for line in re.split(r"[\r\n]+", unquoted) if line.strip()]
    lines = lines[:-1][:20] or lines  # the last may be cut off
    if not lines:
        return _SEPARATORS[0]

    def rank(separator: str) -> tuple[bool, int]:
        counts = [line.count(separator) for line in lines]
        return counts[0] > 0 and len(set(counts)) == 1, counts[0]

    return max(_SEPARATORS, key=rank)


def _warn_if_numeric(names: list[str], source: str) -> None:
    """Warn if all column names are numbers: the file probably has no header."""
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
