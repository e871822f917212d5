"""Writers of tables: CSV, JSON lines, Parquet and Excel; the suffix of a file names one."""

from __future__ import annotations

import contextlib
import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa

from anomgan.cli.csv_output import format_cells, join_cells, to_text, write_lines
from anomgan.errors import InputError
from anomgan.utils.extras import import_extra
from anomgan.utils.text import one_line

MAX_EXCEL_ROWS, MAX_EXCEL_CHARS = 1_048_576, 32_767
"""Most rows of a sheet, with the header, and most characters of a cell."""

MAX_EXCEL_INTEGER = 10**15
"""Largest magnitude of a whole number of which Excel keeps all digits."""

_ILLEGAL_IN_EXCEL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class TableWriter(ABC):
    """Writes a table, chunk by chunk, to an open file."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Begin.

        Args:
            file: Where to write.
            name: The option and path, for messages.
        """
        self.file, self.name = file, name

    @classmethod  # noqa: B027 (most formats need none)
    def check_installed(cls, name: str) -> None:
        """Check that the packages it needs are there.

        Raises:
            InputError: If one isn't.
        """

    @abstractmethod
    def write(self, table: pa.Table) -> None:
        """Write further rows; all chunks have the same names of columns.

        Raises:
            InputError: If the format can't hold them.
        """

    def finish(self) -> None:  # noqa: B027 (most formats end with the last row)
        """Write what comes after the last row."""

    def close(self) -> None:  # noqa: B027 (most formats hold nothing)
        """Release what is held, also after an error."""


class CsvWriter(TableWriter):
    """Commas between cells, quotes only where needed; each chunk is flushed when it is there."""

    _has_header = False

    def write(self, table: pa.Table) -> None:
        """Write lines, after the header if they are the first."""
        if not self._has_header:
            write_lines(self.file, join_cells(format_cells([name]) for name in table.column_names))
            self._has_header = True
        if table.num_rows:
            cells = (format_cells(column.combine_chunks()) for column in table.columns)
            write_lines(self.file, join_cells(cells))


class _JsonLinesWriter(TableWriter):
    """An object a line; what JSON has no type for is text."""

    def write(self, table: pa.Table) -> None:
        rows = zip(*(_to_plain(column) for column in table.columns), strict=True)
        names = table.column_names
        for row in rows:
            line = json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
            self.file.write(f"{line}\n".encode())
        self.file.flush()


class _ParquetWriter(TableWriter):
    """The first chunk decides on the types of columns."""

    _parquet: Any = None

    def write(self, table: pa.Table) -> None:
        import pyarrow.parquet

        if self._parquet is None:
            schema = pa.schema(
                [
                    field.with_type(pa.string()) if pa.types.is_null(field.type) else field
                    for field in table.schema
                ],
                table.schema.metadata,
            )
            self._parquet = pyarrow.parquet.ParquetWriter(self.file, schema)
        self._parquet.write_table(self._cast(table, self._parquet.schema))

    def _cast(self, table: pa.Table, schema: pa.Schema) -> pa.Table:
        """The same with these types.

        Raises:
            InputError: If a cell doesn't fit.
        """
        columns = []
        for field, column in zip(schema, table.columns, strict=True):
            try:
                columns.append(column if column.type == field.type else column.cast(field.type))
            except pa.ArrowException as error:
                raise InputError(
                    f"{self.name}: column {field.name!r} begins with {field.type}, then has "
                    f"{column.type} ({one_line(error)}); write .csv or .jsonl"
                ) from None
        return pa.Table.from_arrays(columns, schema=schema)

    def close(self) -> None:
        if self._parquet is not None:
            self._parquet.close()


class _ExcelWriter(TableWriter):
    """One sheet, which is compressed when all rows are there."""

    @classmethod
    def check_installed(cls, name: str) -> None:
        import_extra("openpyxl", "files", name)

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__(file, name)
        import openpyxl

        self._workbook = openpyxl.Workbook(write_only=True)
        self._sheet = self._workbook.create_sheet("anomgan")
        self._rows = 0

    def write(self, table: pa.Table) -> None:
        if not self._rows:
            self._append(table.column_names)
        for row in zip(*(_to_plain(column, dates=True) for column in table.columns), strict=True):
            self._append(row)

    def _append(self, row: Iterable[Any]) -> None:
        self._rows += 1
        if self._rows > MAX_EXCEL_ROWS:
            raise InputError(
                f"{self.name}: a sheet holds {MAX_EXCEL_ROWS:,} rows at most; write .csv or "
                f".parquet"
            )
        self._sheet.append([self._to_cell(value) for value in row])

    def _to_cell(self, value: Any) -> Any:
        """A value that Excel shows as it is: text never becomes a formula."""
        if isinstance(value, int) and abs(value) > MAX_EXCEL_INTEGER:
            value = str(value)
        if not isinstance(value, str):
            return value
        from openpyxl.cell import WriteOnlyCell

        if len(value) > MAX_EXCEL_CHARS:
            raise InputError(
                f"{self.name}: a cell of Excel holds {MAX_EXCEL_CHARS:,} characters at most; write "
                f".csv or .parquet"
            )
        text = _ILLEGAL_IN_EXCEL.sub(lambda match: f"\\x{ord(match[0]):02x}", value)
        cell = WriteOnlyCell(self._sheet, text)
        cell.data_type = "s"
        return cell

    def finish(self) -> None:
        self._workbook.save(self.file)

    def close(self) -> None:
        if not self._sheet.closed:  # a sheet that isn't saved is a temporary file
            self._sheet.close()


WRITERS: dict[str, type[TableWriter]] = {
    ".csv": CsvWriter,
    ".csv.gz": CsvWriter,
    ".jsonl": _JsonLinesWriter,
    ".jsonl.gz": _JsonLinesWriter,
    ".parquet": _ParquetWriter,
    ".xlsx": _ExcelWriter,
}
"""Ending of a file's name -> what writes it."""


def _to_plain(column: pa.ChunkedArray, *, dates: bool = False) -> list[Any]:
    """Cells as numbers, truth values, text and None; other types as text.

    Args:
        column: The cells.
        dates: Whether dates and times without a zone stay what they are.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_floating(kind):
        cells = column.to_pylist()
        return [str(x) if x is not None and math.isinf(x) else _nan_to_none(x) for x in cells]
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or _is_text(kind):
        return list(column.to_pylist())
    if dates and (pa.types.is_date(kind) or (pa.types.is_timestamp(kind) and kind.tz is None)):
        with contextlib.suppress(OverflowError, ValueError):
            moments = [None if cell is None else pd.Timestamp(cell) for cell in column.to_pylist()]
            if all(moment is None or moment.year >= 1900 for moment in moments):
                return [
                    None if moment is None else moment.to_pydatetime(warn=False)
                    for moment in moments
                ]
    return list(to_text(column.combine_chunks()).to_pylist())


def _nan_to_none(number: float | None) -> float | None:
    return None if number is None or math.isnan(number) else number


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
