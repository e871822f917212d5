"""Reading tables from files and standard input, in chunks and with plain error messages.

Cells of delimited text arrive as strings: what can be read as a number or a date is for the schema
to decide, which can then say which cells were bad.  Parquet and NumPy files keep their types.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import sys
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from anomgan.errors import DataWarning, InputError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from _typeshed import WriteableBuffer

    ByteStream = io.BufferedReader["_Utf8"]

TEXT_ENDINGS = (".csv", ".tsv", ".txt")
ENDINGS = (*TEXT_ENDINGS, *(f"{ending}.gz" for ending in TEXT_ENDINGS), ".parquet", ".npz")
SEPARATORS = ",;\t|"
MISSING_SPELLINGS = [*pa.csv.ConvertOptions().null_values, "None", "<NA>"]

# A record must fit into a block, and two blocks are read before the first rows come out.
BLOCK_BYTES = 2**20
BLOCK_PER_HEADER_BYTE = 32
SNIFFED_BYTES = 2**16


def read_chunks(source: str | Path, *, rows: int = 65_536) -> Iterator[pd.DataFrame]:
    """Read a table piece by piece, in memory that doesn't grow with the file.

    Delimited text may be separated by comma, semicolon, tab or ``|`` and may carry a byte order
    mark.  The first line that isn't blank is the header; names are stripped of surrounding blanks,
    and a column without a name at position i is called ``unnamed_i``.  Blank lines are skipped.
    Bytes that aren't UTF-8 are read as Windows-1252, the rest of the file as UTF-8.

    Args:
        source: A ``.csv``, ``.tsv``, ``.txt`` (each also with ``.gz``), ``.parquet`` or ``.npz``
            file, the last with a 2-D array ``X`` (columns ``x0``, ``x1``, …; read whole), or ``-``
            for CSV on standard input.
        rows: Most rows in a chunk.  The first chunk may be smaller, so that work can begin early.

    Yields:
        Non-empty frames of the same columns, whose index counts the records of the input from 0.
        Cells of delimited text are strings, missing where empty or one of `MISSING_SPELLINGS`.

    Raises:
        InputError: If the source can't be read as a table or holds no record.

    Warns:
        DataWarning: If the header looks like data, or bytes weren't UTF-8.
    """
    if rows < 1:
        raise InputError(f"rows={rows}: a chunk needs at least one row")
    name = source_name(source)
    start = 0
    for frame in _reader_for(source, name)(source, rows):
        frame.index = pd.RangeIndex(start, start + len(frame))
        start += len(frame)
        yield frame
    if start == 0:
        raise InputError(f"{name}: has a header but no rows")


def read_table(source: str | Path) -> pd.DataFrame:
    """Read a whole table; see :func:`read_chunks` for sources, errors and warnings.

    Returns:
        All records, indexed from 0.
    """
    return pd.concat(list(read_chunks(source)))


def source_name(source: str | Path) -> str:
    """What messages call a source: the path as it was typed, or ``stdin`` for ``-``."""
    return "stdin" if str(source) == "-" else str(source)


def _reader_for(
    source: str | Path, name: str
) -> Callable[[str | Path, int], Iterator[pd.DataFrame]]:
    """Choose the reader by the file's ending.

    Raises:
        InputError: If there is no such file or its ending isn't known.
    """
    if str(source) == "-":
        return _read_text
    path = Path(source)
    if path.is_dir():
        raise InputError(f"{name}: is a folder, not a table")
    if not path.exists():
        raise InputError(f"{name}: no such file")
    lowered = path.name.lower()
    if not lowered.endswith(ENDINGS):
        raise InputError(f"{name}: unknown kind of file; known are {', '.join(ENDINGS)}")
    if lowered.endswith(".parquet"):
        return _read_parquet
    return _read_npz if lowered.endswith(".npz") else _read_text


# --- delimited text -------------------------------------------------------------------------------


@dataclass
class _BadRow:
    """Remembers the first record with the wrong number of fields, for the error message."""

    row: pa.csv.InvalidRow | None = None

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


def _read_text(source: str | Path, rows: int) -> Iterator[pd.DataFrame]:
    """Frames of strings from delimited text; the arguments of :func:`read_chunks`."""
    name = source_name(source)
    with _open(source, name) as raw:
        decoded = _Utf8(raw, name)
        stream = io.BufferedReader(decoded, SNIFFED_BYTES)
        header = _read_header(stream, name)
        decoded.warn_if_recoded()
        _warn_if_data(header.names, name)
        bad = _BadRow()
        try:
            for table in _regroup(_text_batches(stream, header, bad), rows):
                decoded.warn_if_recoded()
                yield table.to_pandas()
        except pa.ArrowInvalid as error:
            raise _text_error(source, header, bad, error) from None
        decoded.warn_if_recoded()


def _open(source: str | Path, name: str) -> AbstractContextManager[BinaryIO]:
    """Open for reading bytes, unpacked; standard input is left open afterwards.

    Raises:
        InputError: If the file can't be opened.
    """
    if str(source) == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        if str(source).lower().endswith(".gz"):
            return cast("BinaryIO", gzip.open(source))
        return Path(source).open("rb")
    except OSError as error:
        raise InputError(f"{name}: can't be opened: {error.strerror or error}") from None


def _text_batches(stream: ByteStream, header: _Header, bad: _BadRow) -> Iterator[pa.RecordBatch]:
    """The records after the header as batches of strings.

    Raises:
        pyarrow.ArrowInvalid: If a record is longer than a block or has another number of fields
            than the header; in the latter case ``bad`` holds the record.
    """
    if not stream.peek(1):  # pyarrow refuses a stream without a byte
        return
    yield from pa.csv.open_csv(
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
    )


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
    name = source_name(source)
    if bad.row is not None:
        return InputError(
            f"{name}: {_place(source, header, bad.row.number)} has {bad.row.actual_columns} "
            f"fields, the header has {bad.row.expected_columns}; quote the field that holds a "
            f"separator, or complete the record"
        )
    if "straddl" in str(error):
        return InputError(
            f"{name}: a record goes on for more than {header.block:,} bytes; "
            f"probably a quote is opened and never closed"
        )
    return InputError(f"{name}: can't be read as delimited text: {_one_line(error)}")


def _place(source: str | Path, header: _Header, record: int) -> str:
    """Where the n-th record after the header (from 1) ends, as a line of the file if possible.

    Blank lines and line breaks inside quotes make the two differ, so a file is read again up to
    there; standard input can't be.
    """
    if str(source) == "-":
        return f"data record {record}"
    with _open(source, source_name(source)) as raw:
        lines = io.TextIOWrapper(raw, encoding="latin-1", newline="")
        reader = csv.reader(lines, delimiter=header.separator)
        records = (fields for fields in reader if fields)  # the header is the one numbered 0
        try:
            next(islice(records, record, None))
        except (csv.Error, StopIteration):  # Python's reader has its own limits
            return f"data record {record}"
        return f"line {reader.line_num}"


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
        for line in stream:
            size += len(line)
            yield line.decode()

    try:
        fields = next((row for row in csv.reader(lines(), delimiter=separator) if row), None)
    except csv.Error as error:
        raise InputError(f"{name}: can't read the header line: {error}") from None
    if fields is None:
        raise InputError(f"{name}: is empty")
    names = [text.strip() or f"unnamed_{at}" for at, text in enumerate(fields)]
    refuse_duplicates(names, name)
    return _Header(names, separator, size)


def _sniff(head: bytes) -> str:
    """The separator of delimited text.

    It is the one that occurs in the header and equally often in each of the next lines, outside
    quotes; where several or none do, the one most frequent in the header.
    """
    unquoted = re.sub(r'"[^"]*"', "", head.decode(errors="ignore"))
    lines = [line for line in unquoted.splitlines() if line.strip()]
    whole = lines[:-1][:20] or lines  # the last may be cut off
    if not whole:
        return SEPARATORS[0]

    def merit(separator: str) -> tuple[bool, int]:
        counts = [line.count(separator) for line in whole]
        return counts[0] > 0 and len(set(counts)) == 1, counts[0]

    return max(SEPARATORS, key=merit)


def refuse_duplicates(names: Iterable[str], source: str) -> None:
    """Check that no column name occurs twice.

    Raises:
        InputError: If one does; names up to three of them.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        listed = ", ".join(repr(name) for name in twice[:3])
        more = f" and {len(twice) - 3} more" if len(twice) > 3 else ""
        raise InputError(
            f"{source}: more than one column is named {listed}{more}; give each its own name"
        )


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


# --- bytes ----------------------------------------------------------------------------------------


def _windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Decode what isn't UTF-8, a few bytes at a time; the answer a codec error handler gives."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    try:
        return bad.decode("cp1252"), error.end
    except UnicodeDecodeError:  # five bytes have no meaning there
        return bad.decode("latin-1"), error.end


codecs.register_error("anomgan.windows_1252", _windows_1252)


class _Utf8(io.RawIOBase):
    """A byte stream as clean UTF-8 without byte order mark, whatever it was before.

    UTF-16 is known by its byte order mark.  Bytes that aren't UTF-8, however late they come, are
    taken as Windows-1252 one by one: no second pass over the input is needed, and a file with a
    single broken character keeps its other ones.
    """

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self._raw = raw
        self._name = name
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ready = memoryview(b"")
        self._recoded = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill part of the buffer; 0 at the end.

        Raises:
            InputError: If the bytes can't be read or unpacked.
        """
        into = memoryview(buffer).cast("B")
        while not self._ready:
            data = self._read(len(into))
            self._ready = memoryview(self._decode(data).encode(errors="replace"))
            if not data:
                break
        count = min(len(into), len(self._ready))
        into[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _read(self, size: int) -> bytes:
        try:
            return self._raw.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                f"{self._name}: the gzip data is cut off or damaged: {_one_line(error)}"
            ) from None
        except OSError as error:
            raise InputError(f"{self._name}: can't be read: {error.strerror or error}") from None

    def _decode(self, data: bytes) -> str:
        if self._decoder is None:
            utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            self._decoder = codecs.getincrementaldecoder("utf-16" if utf_16 else "utf-8-sig")()
        try:
            return self._decoder.decode(data, final=not data)
        except UnicodeDecodeError:
            self._recoded = True
            self._decoder.errors = "anomgan.windows_1252"
            return self._decoder.decode(data, final=not data)

    def warn_if_recoded(self) -> None:
        """Warn, once, if bytes that aren't UTF-8 were met.

        The bytes themselves may be read on another thread, where a warning would be lost.
        """
        if self._recoded and self._name:
            warnings.warn(
                f"{self._name}: isn't all UTF-8; the other bytes were read as Windows-1252",
                DataWarning,
                stacklevel=2,
            )
            self._recoded = False


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


# --- Parquet and NumPy ----------------------------------------------------------------------------


def _read_parquet(source: str | Path, rows: int) -> Iterator[pd.DataFrame]:
    """Frames from Parquet; the arguments of :func:`read_chunks`.

    Indexes that pandas stored are ordinary columns here, except unnamed ones, which are left out.
    """
    name = source_name(source)
    try:
        with pa.parquet.ParquetFile(source) as file:
            names = [
                column
                for column in file.schema_arrow.names
                if not re.fullmatch(r"__index_level_\d+__", column)
            ]
            refuse_duplicates(names, name)
            for batch in file.iter_batches(batch_size=rows, columns=names):
                if batch.num_rows:
                    yield batch.to_pandas(ignore_metadata=True)
    except OSError as error:  # pyarrow reports damaged pages as OSError too
        raise InputError(f"{name}: can't be read as Parquet: {_one_line(error)}") from None
    except pa.ArrowException as error:
        raise InputError(
            f"{name}: isn't a Parquet file, or is damaged: {_one_line(error)}"
        ) from None


def _read_npz(source: str | Path, rows: int) -> Iterator[pd.DataFrame]:
    """Frames from the array ``X`` of an ``.npz``; the arguments of :func:`read_chunks`."""
    name = source_name(source)
    if not zipfile.is_zipfile(source):
        raise InputError(f"{name}: isn't an .npz archive, or is damaged")
    try:
        with np.load(source, allow_pickle=False) as arrays:
            table = arrays["X"]
    except KeyError:
        raise InputError(f"{name}: holds no array named X") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{name}: can't be read as .npz: {_one_line(error)}") from None
    if table.ndim != 2 or 0 in table.shape:
        raise InputError(f"{name}: X has shape {table.shape}; a table has rows and columns")
    names = [f"x{at}" for at in range(table.shape[1])]
    for start in range(0, len(table), rows):
        yield pd.DataFrame(table[start : start + rows], columns=names)
