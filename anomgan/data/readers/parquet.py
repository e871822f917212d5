"""Read Parquet files and folders of them: their columns, and any range of their rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from anomgan.data.arrow import arrow_to_frame
from anomgan.data.column_names import named_columns, refuse_duplicates
from anomgan.data.readers.sources import Source, describe_source, is_local, open_seekable
from anomgan.data.readers.table_folder import TablePart, list_parts
from anomgan.data.readers.urls import is_url
from anomgan.errors import InputError, out_of_memory
from anomgan.utils.text import one_line

_SUFFIX = ".parquet"
_CHUNK_ROWS = 65_536
"""Default number of rows in a batch."""


@dataclass(frozen=True)
class ParquetInfo:
    """Contents of a file, from its footer.

    Attributes:
        path: Path of the file.
        rows: Number of rows.
        columns: The columns; named indexes of pandas are columns, unnamed ones are left out.
            Those that the name of the folder tells come last.
        bytes: Size of the file.
        changed: Time of the last change, in nanoseconds since 1970.
        told: Columns that the name of the folder tells, and their only cell.
    """

    path: Path
    rows: int
    columns: pa.Schema
    bytes: int
    changed: int
    told: Mapping[str, str | None]


def list_parquet_files(source: str | Path) -> list[TablePart]:
    """The Parquet files of a table: the file itself, or those in a folder and its subfolders.

    They are sorted by path; names that begin with ``_`` or ``.`` are left out, as in Hadoop.

    Raises:
        InputError: If there is none.
    """
    path, name = Path(source), describe_source(source)
    if is_url(source):
        raise InputError(f"{name}: is a URL; Spark reads paths that all its machines see")
    if not path.exists():
        raise InputError(f"{name}: no such file")
    if not path.is_dir():
        if not path.name.lower().endswith(_SUFFIX):
            raise InputError(f"{name}: isn't a {_SUFFIX} file, nor a folder of such files")
        return [TablePart(path, path.name)]
    parts = [part for part in list_parts(path) if part.path.lower().endswith(_SUFFIX)]
    if not parts:
        raise InputError(f"{name}: is a folder without {_SUFFIX} files")
    return parts


def read_parquet_info(part: TablePart) -> ParquetInfo:
    """Read the footer of a file.

    Raises:
        InputError: If it can't be read, two columns share a name, or the name of its folder tells
            one that the file has.
    """
    path, name = Path(str(part.source)), describe_source(part.source)
    status = path.stat()
    with _open(path) as file:
        schema = file.schema_arrow
        names = named_columns(schema.names)
        refuse_duplicates(names, name)
        part.check_columns(names)
        fields = [schema.field(schema.names.index(each)) for each in names]
        rows = file.metadata.num_rows
    told = part.partition
    columns = pa.schema([*fields, *(pa.field(each, pa.string()) for each in told)])
    return ParquetInfo(path, rows, columns, status.st_size, status.st_mtime_ns, told)


def read_batches(
    path: Source,
    *,
    first: int = 0,
    count: int | None = None,
    rows: int = _CHUNK_ROWS,
    told: Mapping[str, str | None] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Read a range of a file's rows, in memory that doesn't grow with it.

    Only row groups that overlap the range are read.

    Args:
        path: The file.
        first: The first row, counted from 0.
        count: Number of rows; None for all that follow.
        rows: Most rows in a batch.
        told: Further columns that hold the same cell everywhere.

    Yields:
        Non-empty batches.

    Raises:
        InputError: If the file can't be read, or two columns share a name.
    """
    with _open(path) as file:
        names = named_columns(file.schema_arrow.names)
        refuse_duplicates(names, describe_source(path))
        end = file.metadata.num_rows if count is None else first + count
        groups, start = _find_row_groups(file.metadata, first, end)
        for batch in file.iter_batches(batch_size=rows, row_groups=groups, columns=names):
            low, high = max(first - start, 0), min(end - start, batch.num_rows)
            start += batch.num_rows
            if high > low:
                yield _append(batch.slice(low, high - low), told or {})


def _append(batch: pa.RecordBatch, told: Mapping[str, str | None]) -> pa.RecordBatch:
    if not told:
        return batch
    further = [pa.array([cell] * batch.num_rows, pa.string()) for cell in told.values()]
    names = [*batch.schema.names, *told]
    return pa.RecordBatch.from_arrays([*batch.columns, *further], names=names)


def read_parquet(source: Source, rows: int) -> Iterator[pd.DataFrame]:
    """Read a file as frames; arguments and errors as of :func:`read_batches`."""
    name = describe_source(source)
    return (arrow_to_frame(batch, name) for batch in read_batches(source, rows=rows))


def _find_row_groups(
    metadata: pa.parquet.FileMetaData, first: int, end: int
) -> tuple[list[int], int]:
    """The row groups that overlap a range, and the first row of the first of them."""
    groups: list[int] = []
    first_row = start = 0
    for number in range(metadata.num_row_groups):
        stop = start + metadata.row_group(number).num_rows
        if start < end and stop > first:
            first_row = first_row if groups else start
            groups.append(number)
        start = stop
    return groups, first_row


@contextlib.contextmanager
def _open(path: Source) -> Iterator[pa.parquet.ParquetFile]:
    """Open a file and explain errors while it is open.

    Raises:
        InputError: If it can't be read.
    """
    name = describe_source(path)
    # Arrow opens files of its own faster than those of Python.
    opened = contextlib.nullcontext(path) if is_local(path) else open_seekable(path, name)
    try:
        with opened as readable, pa.parquet.ParquetFile(readable) as file:
            yield file
    except OSError as error:  # pyarrow reports damaged pages as OSError too
        raise InputError(f"{name}: can't be read as Parquet: {one_line(error)}") from None
    except pa.ArrowException as error:
        if out_of_memory(error):
            raise
        raise InputError(
            f"{name}: isn't a Parquet file, or is damaged: {one_line(error)}"
        ) from None
