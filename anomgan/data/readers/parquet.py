"""Parquet files and folders of them: what is in them, and any range of their rows."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from anomgan.data.arrow import arrow_to_frame
from anomgan.data.column_names import refuse_duplicates
from anomgan.data.readers.encoding import describe_source
from anomgan.errors import InputError, out_of_memory
from anomgan.utils.text import one_line

ENDING = ".parquet"
CHUNK = 65_536
"""Rows that are held in memory at once, unless somebody asks for another number."""


@dataclass(frozen=True)
class ParquetInfo:
    """What the footer of a file says.

    Attributes:
        path: The file.
        rows: Its records.
        columns: Its columns; indexes that pandas stored are ordinary ones, except unnamed ones,
            which are left out.
        bytes: Its size.
        changed: When it was last written, in nanoseconds since 1970.
    """

    path: Path
    rows: int
    columns: pa.Schema
    bytes: int
    changed: int


def list_parquet_files(source: str | Path) -> list[Path]:
    """The Parquet files of a table: the file itself, or those in a folder, by name.

    Names that begin with ``_`` or ``.`` are left out, as everywhere in the Hadoop world.

    Raises:
        InputError: If there is none, or the folder has folders of its own: their names may be
            columns (``day=1``), which wouldn't be read.
    """
    path, name = Path(source), describe_source(source)
    if not path.exists():
        raise InputError(f"{name}: no such file")
    if not path.is_dir():
        if not path.name.lower().endswith(ENDING):
            raise InputError(f"{name}: isn't a {ENDING} file, nor a folder of such files")
        return [path]
    shown = [entry for entry in sorted(path.iterdir()) if entry.name[0] not in "_."]
    for entry in shown:
        if entry.is_dir():
            raise InputError(
                f"{name}: holds the folder {entry.name!r}; give a folder of nothing but "
                f"{ENDING} files, or one folder at a time"
            )
    files = [entry for entry in shown if entry.name.lower().endswith(ENDING)]
    if not files:
        raise InputError(f"{name}: is a folder without {ENDING} files")
    return files


def read_parquet_info(path: str | Path) -> ParquetInfo:
    """Read a file's footer.

    Raises:
        InputError: If it can't be read, or two columns share a name.
    """
    path, status = Path(path), Path(path).stat()
    with _opened(path) as file:
        schema = file.schema_arrow
        keep = _names(schema)
        refuse_duplicates(keep, describe_source(path))
        columns = pa.schema([schema.field(schema.names.index(name)) for name in keep])
        rows = file.metadata.num_rows
    return ParquetInfo(path, rows, columns, status.st_size, status.st_mtime_ns)


def read_batches(
    path: str | Path, *, first: int = 0, count: int | None = None, rows: int = CHUNK
) -> Iterator[pa.RecordBatch]:
    """Read a range of a file's records, in memory that doesn't grow with it.

    Only row groups that the range touches are read.

    Args:
        path: The file.
        first: The first record wanted, counted from 0.
        count: How many; None for all that follow.
        rows: Most records in a batch.

    Yields:
        Batches that aren't empty.

    Raises:
        InputError: If the file can't be read, or two columns share a name.
    """
    with _opened(path) as file:
        names = _names(file.schema_arrow)
        refuse_duplicates(names, describe_source(path))
        end = file.metadata.num_rows if count is None else first + count
        groups, start = _groups(file.metadata, first, end)
        for batch in file.iter_batches(batch_size=rows, row_groups=groups, columns=names):
            low, high = max(first - start, 0), min(end - start, batch.num_rows)
            start += batch.num_rows
            if high > low:
                yield batch.slice(low, high - low)


def read_parquet(source: str | Path, rows: int) -> Iterator[pd.DataFrame]:
    """Frames from Parquet; arguments and errors as of :func:`read_batches`."""
    name = describe_source(source)
    return (arrow_to_frame(batch, name) for batch in read_batches(source, rows=rows))


def _names(schema: pa.Schema) -> list[str]:
    return [name for name in schema.names if not re.fullmatch(r"__index_level_\d+__", name)]


def _groups(metadata: pa.parquet.FileMetaData, first: int, end: int) -> tuple[list[int], int]:
    """The row groups that a range touches, and the first record of the first of them."""
    groups: list[int] = []
    begins = start = 0
    for number in range(metadata.num_row_groups):
        stop = start + metadata.row_group(number).num_rows
        if start < end and stop > first:
            begins = begins if groups else start
            groups.append(number)
        start = stop
    return groups, begins


@contextlib.contextmanager
def _opened(path: str | Path) -> Iterator[pa.parquet.ParquetFile]:
    """Open a file, with what goes wrong in words.

    Raises:
        InputError: If it can't be read.
    """
    name = describe_source(path)
    try:
        with pa.parquet.ParquetFile(path) as file:
            yield file
    except OSError as error:  # pyarrow reports damaged pages as OSError too
        raise InputError(f"{name}: can't be read as Parquet: {one_line(error)}") from None
    except pa.ArrowException as error:
        if out_of_memory(error):
            raise
        raise InputError(
            f"{name}: isn't a Parquet file, or is damaged: {one_line(error)}"
        ) from None
