"""Read delimited text (CSV, TSV, …) as frames of strings: separator, header, records, errors."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from anomgan.data.readers.blocks import EndlessRecord, split_blocks
from anomgan.data.readers.encoding import Utf8Stream
from anomgan.data.readers.head import HeadStream, collapse_blanks
from anomgan.data.readers.layout import LAYOUT, Layout, find_layout
from anomgan.data.readers.options import ReadOptions
from anomgan.data.readers.separator import BLANKS, describe_separator
from anomgan.data.readers.sources import Source, describe_source, open_bytes
from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import one_line

MISSING_SPELLINGS = [*pa.csv.ConvertOptions().null_values, "None", "<NA>"]


_MAX_TAIL_BYTES = 2**25
_MAX_TOTAL_ROWS = 4
_TOTALS = frozenset(
    {
        "total", "totals", "grand total", "sum", "average", "mean", "summe", "gesamt", "mittelwert",
        "durchschnitt", "somme", "moyenne", "totale", "media", "suma", "totaal", "сумма", "итого",
        "minimum", "maximum", "median",
    }
)  # fmt: skip
"""First cells of rows below a table that sum it up, in lower case."""


@dataclass
class _Progress:
    """What was read so far; as pyarrow's handler it keeps the first record of a wrong length.

    Attributes:
        row: That record, if there is one.
        rows_read: Records read so far.
        last: Last field of the last one.
        headers: How many of them repeat the header.
    """

    row: pa.csv.InvalidRow | None = None
    rows_read: int = 0
    last: str | None = None
    headers: int = 0

    def __call__(self, row: pa.csv.InvalidRow) -> str:
        """Keep the row and stop reading."""
        self.row = self.row or row
        return "error"


def read_delimited(
    source: Source, rows: int, options: ReadOptions | None = None
) -> Iterator[pd.DataFrame]:
    """Read frames of strings, at most ``rows`` rows each; see :func:`.files.read_chunks`."""
    name = describe_source(source)
    with open_bytes(source, name) as raw:
        utf8 = Utf8Stream(raw, name)
        utf8.tail_bytes = _MAX_TAIL_BYTES  # until the length of lines is known
        stream = HeadStream(io.BufferedReader(utf8, 2**16))
        layout = find_layout(stream, options or ReadOptions(), name)
        utf8.warn_if_not_utf8()
        for note in layout.notes:
            _warn(f"{name}: {note}")
        utf8.tail_bytes = 2 * layout.block
        progress, table = _Progress(), None
        try:
            for table in _regroup(_read_batches(stream, layout, progress), rows):
                utf8.warn_if_not_utf8()
                frame = table.to_pandas()
                frame.attrs[LAYOUT] = layout.to_json()
                yield frame
        except EndlessRecord:
            raise InputError(
                f"{name}: a record goes on for more than {layout.block:,} bytes, soon after data "
                f"record {progress.rows_read}; probably a quote is opened and never closed"
            ) from None
        except pa.ArrowInvalid as error:
            raise _explain_error(source, layout, progress, error) from None
        utf8.warn_if_not_utf8()
        if progress.rows_read and _quote_is_open(utf8.tail, progress.last, layout.separator):
            raise InputError(
                f"{name}: data record {progress.rows_read}: a quote is opened and never closed; "
                f"close it, or complete the file"
            )
        if progress.headers:
            times = "once" if progress.headers == 1 else f"{progress.headers:,} times"
            _warn(f"{name}: the header comes again {times} among the records, and is left out")
        if table is not None and (cell := _find_total(table)):
            _warn(
                f"{name}: a record at the end begins with {cell!r}; delete it if it sums up others"
            )


def _read_batches(
    stream: HeadStream, layout: Layout, progress: _Progress
) -> Iterator[pa.RecordBatch]:
    """Read the records below the header as batches of strings.

    Blocks are read here and parsed one at a time from memory: pyarrow's own streaming reads ahead
    in threads that call back into Python, and these outlive an error.

    Raises:
        pyarrow.ArrowInvalid: If a record has another number of fields than the header, or text
            behind the columns; if ``progress`` holds a record, it's that one.
        anomgan.data.readers.blocks.EndlessRecord: If a record is longer than a block.
    """
    fields = [f"field {at}" for at in range(layout.fields)]
    parse = pa.csv.ParseOptions(
        delimiter=layout.separator, newlines_in_values=True, invalid_row_handler=progress
    )
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(fields, pa.large_string()),
        null_values=MISSING_SPELLINGS,
        strings_can_be_null=True,
    )
    for block in split_blocks(stream, layout.block, layout.separator):
        block = collapse_blanks(block) if layout.separator == BLANKS else block
        if not block.strip(b"\r\n"):  # pyarrow refuses input without records
            continue
        read = pa.csv.ReadOptions(
            column_names=fields,
            block_size=len(block) + 1,  # all of it
            use_threads=False,  # with threads a bad row has no number
        )
        table = pa.csv.read_csv(pa.BufferReader(block), read, parse, convert)
        progress.last = table.column(-1)[-1].as_py()
        columns = _select_columns(table, layout, progress)
        progress.rows_read += table.num_rows
        yield from columns.to_batches()


def _select_columns(table: pa.Table, layout: Layout, progress: _Progress) -> pa.Table:
    """The columns that the header names, without rows that repeat it.

    Raises:
        pyarrow.ArrowInvalid: If a field behind them isn't empty.
    """
    end = layout.first + len(layout.names)
    for at in range(end, layout.fields):
        texts = pc.fill_null(pc.utf8_trim_whitespace(table.column(at)), "")
        row = pc.index(pc.not_equal(texts, ""), True).as_py()
        if row >= 0:
            raise pa.ArrowInvalid(
                f"data record {progress.rows_read + row + 1} has text behind the last column, "
                f"where the first records have none; name that column in the header"
            )
    table = table.select(range(layout.first, end)).rename_columns(layout.names)
    key = next((at for at, text in enumerate(layout.texts) if text not in MISSING_SPELLINGS), None)
    if key is None:
        return table
    repeats = pc.fill_null(pc.equal(table.column(key), layout.texts[key]), False)
    if not pc.any(repeats).as_py():
        return table
    for column, text in zip(table.columns, layout.texts, strict=True):
        same = pc.equal(pc.fill_null(column, ""), "" if text in MISSING_SPELLINGS else text)
        repeats = pc.and_(repeats, same)
    progress.headers += pc.sum(repeats).as_py()
    return table.filter(pc.invert(repeats))


def _find_total(table: pa.Table) -> str:
    """The first cell of one of the last records if it says that it sums up others; else empty."""
    last = [column[-_MAX_TOTAL_ROWS:].to_pylist() for column in table.columns]
    for record in zip(*last, strict=True):
        at = next((at for at, cell in enumerate(record) if cell is not None), 0)
        cell = record[at] or ""
        is_total = cell.strip(" :").lower() in _TOTALS and table.num_rows > _MAX_TOTAL_ROWS
        if is_total and pc.sum(pc.equal(table.column(at), cell)).as_py() == 1:
            return cell
    return ""


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
    source: Source, layout: Layout, progress: _Progress, error: pa.ArrowInvalid
) -> InputError:
    """The error to raise for one of pyarrow's."""
    name, row = describe_source(source), progress.row
    if row is None:
        return InputError(f"{name}: can't be read as delimited text: {one_line(error)}")
    place = _locate_record(source, layout, progress.rows_read + row.number)
    is_named = layout.header and layout.fields == len(layout.names)
    others = "the header has" if is_named else "the first lines have"
    return InputError(
        f"{name}: {place} has {row.actual_columns} fields, {others} {row.expected_columns}; "
        f"{_advise(layout, row)}"
    )


def _advise(layout: Layout, row: pa.csv.InvalidRow) -> str:
    """What to do about a record of another length."""
    separator = describe_separator(layout.separator)
    if layout.usual != layout.fields and row.actual_columns == layout.usual:
        if layout.separator == "," and layout.usual == 2 * layout.fields > 2:
            return (
                "most lines have as many; if commas stand within numbers, write points or separate "
                "columns by semicolons"
            )
        return (
            f"most lines have as many, separated by {separator}: name all columns, or say "
            f"--header LINE, --no-header or --separator"
        )
    if row.actual_columns < row.expected_columns:
        return "complete the record, or delete the line if it is none"
    if not (row.text or "").rstrip("\r\n").endswith(layout.separator):
        return f"quote the field that holds a separator ({separator})"
    return "delete the separators at its end"


def _locate_record(source: Source, layout: Layout, record: int) -> str:
    """The place of the n-th record after the header (from 1), as a line number if possible.

    Blank lines and line breaks inside quotes make the two differ, so the file is read again up to
    the record; standard input can't be.
    """
    if str(source) == "-":
        return f"data record {record}"
    with open_bytes(source, describe_source(source)) as raw:
        utf8 = io.BufferedReader(Utf8Stream(raw, ""))
        lines = io.TextIOWrapper(utf8, encoding="utf-8", newline="")
        below = islice(lines, layout.body_line, None)
        reader = csv.reader(below, delimiter=layout.separator)
        try:
            next(islice((fields for fields in reader if fields), record - 1, None))
        except (csv.Error, StopIteration):  # Python's reader has its own limits
            return f"data record {record}"
        return f"line {layout.body_line + reader.line_num}"


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


def _warn(text: str) -> None:
    warnings.warn(text, DataWarning, stacklevel=3)
