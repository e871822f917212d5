"""Read records from files, folders and standard input, whole or in chunks.

Cells of delimited text are strings: the columns of the schema parse numbers and dates, and so can
report cells that aren't.  So are those of Excel; files that have types keep them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from anomgan.data.image.picture import (
    MAX_PIXELS,
    PATH_COLUMN,
    PICTURE_COLUMN,
    holds_pictures,
    to_picture_series,
)
from anomgan.data.readers.arrow_file import read_arrow
from anomgan.data.readers.delimited import read_delimited
from anomgan.data.readers.excel import read_sheet
from anomgan.data.readers.image_folder import (
    MAX_CHUNK_PICTURES,
    holds_picture_files,
    read_folder,
)
from anomgan.data.readers.json_records import read_json
from anomgan.data.readers.layout import LAYOUT
from anomgan.data.readers.npz import read_npz_arrays
from anomgan.data.readers.options import ReadOptions
from anomgan.data.readers.parquet import read_parquet
from anomgan.data.readers.sources import (
    PACKED_SUFFIXES,
    Source,
    describe_source,
    file_name,
    is_local,
)
from anomgan.data.readers.table_folder import Reader, choose_parts, list_parts, read_parts
from anomgan.data.readers.urls import is_url, is_url_of_folder
from anomgan.errors import InputError

_PACKABLE_KINDS = {
    "text": (".csv", ".tsv", ".txt", ".data", ".dat"),
    "json": (".jsonl", ".ndjson", ".json"),
}
_BINARY_KINDS = {
    "parquet": (".parquet",),
    "arrow": (".feather", ".arrow"),
    "excel": (".xlsx", ".xlsm"),
    "npz": (".npz",),
    "zip": (".zip",),
}
_KINDS = {
    f"{suffix}{packed}": kind
    for kind, suffixes in _PACKABLE_KINDS.items()
    for suffix in suffixes
    for packed in ("", *PACKED_SUFFIXES)
} | {suffix: kind for kind, suffixes in _BINARY_KINDS.items() for suffix in suffixes}
"""Ending of a file's name -> kind of table."""

SUFFIXES = tuple(sorted(_KINDS, key=len, reverse=True))
"""Endings of tables, the longest first."""

KNOWN_KINDS = (
    f"{', '.join(suffix for each in _PACKABLE_KINDS.values() for suffix in each)} (each also with "
    f"{', '.join(PACKED_SUFFIXES)}), "
    f"{', '.join(suffix for each in _BINARY_KINDS.values() for suffix in each)}"
)
"""The same for messages."""


def read_chunks(
    source: str | Path,
    options: ReadOptions | None = None,
    *,
    rows: int = 65_536,
    max_pixels: int = MAX_PIXELS,
) -> Iterator[pd.DataFrame]:
    """Read records in chunks, in memory that doesn't grow with the file.

    Of delimited text the separator, the header and what is left out above the records are found
    out, see :mod:`anomgan.data.readers.layout`.  Names are stripped of surrounding blanks, a column
    without a name at position i is called ``unnamed_i``, one with the name of an earlier column
    gets a suffix, and columns of a file without a header are called ``x0``, ``x1``, ….  Blank lines
    are skipped.  UTF-16 and UTF-32 are detected; other bytes that aren't UTF-8 are read as
    Windows-1252.  Lines end with a line feed, a carriage return or both.

    Args:
        source: Path or URL of a file, a folder or a ``.zip`` of files with the same columns, or
            ``-`` for CSV on standard input; `KNOWN_KINDS` has the endings.  Excel, JSON arrays and
            ZIP archives of these are held in memory.  The array ``X``, or the only one, of an
            ``.npz`` has the columns ``x0``, ``x1``, … if it is 2-D; one of 3 or 4 dimensions holds
            pictures, ``(n, H, W)`` or ``(n, H, W, C)``, in the column ``picture``.  A folder may
            hold pictures instead: see :func:`anomgan.data.readers.image_folder.read_folder`.
        options: What the user says about text and sheets.
        rows: Most rows in a chunk.  The first chunk may be smaller, so that work can begin early.
        max_pixels: Picture files with more pixels aren't decoded.

    Yields:
        Non-empty frames of the same columns, indexed by the number of the record, from 0.  Those of
        text have their layout in ``attrs``.
        Cells of delimited text are strings, missing where empty or one of
        `anomgan.data.readers.delimited.MISSING_SPELLINGS`.

    Raises:
        InputError: If the source can't be read, holds no record, or ends within a quote.

    Warns:
        DataWarning: If something had to be guessed, or there are bytes that aren't UTF-8.
    """
    if rows < 1:
        raise InputError(f"rows={rows}: a chunk needs at least one row")
    name = describe_source(source)
    start = 0
    read = _choose_reader(source, options or ReadOptions(), max_pixels=max_pixels)
    for frame in read(source, rows):
        frame.index = pd.RangeIndex(start, start + len(frame))
        start += len(frame)
        yield frame
    if start == 0:
        raise InputError(f"{name}: has a header but no rows")


def name_rows(frame: pd.DataFrame) -> pd.Series[Any]:
    """Names of the records of :func:`read_chunks`: ``path`` of pictures in files, else ``row``."""
    if PATH_COLUMN in frame.columns and holds_pictures(frame):
        return frame[PATH_COLUMN]
    return pd.Series(frame.index, frame.index, name="row")


def read_table(
    source: str | Path,
    *,
    sheet: str | int | None = None,
    separator: str | None = None,
    header: int | None = None,
    max_pixels: int = MAX_PIXELS,
) -> pd.DataFrame:
    r"""Read a file or folder into a frame; :func:`read_chunks` has sources, errors and warnings.

    Args:
        source: See there.
        sheet: Name of the sheet of an Excel workbook, or its number from 1; by default the first.
        separator: What separates the fields of text: a character, or comma, semicolon, tab, pipe
            or space (runs of blanks); by default what fits the lines.
        header: Line of the header, from 1; False if there is none.  By default what fits.
        max_pixels: Picture files with more pixels aren't decoded.

    Returns:
        All records, indexed from 0.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from anomgan import read_table
        >>> with TemporaryDirectory() as folder:
        ...     _ = Path(folder, "pumps.csv").write_text("pump;heat\nP1;21,5\n")
        ...     read_table(f"{folder}/pumps.csv")
          pump  heat
        0   P1  21,5
    """
    options = ReadOptions.make(sheet=sheet, separator=separator, header=header)
    return read_whole(source, options, max_pixels=max_pixels)


def read_whole(
    source: str | Path, options: ReadOptions | None = None, *, max_pixels: int = MAX_PIXELS
) -> pd.DataFrame:
    """All that :func:`read_chunks` reads, in one frame."""
    frames = list(read_chunks(source, options, max_pixels=max_pixels))
    table = pd.concat(frames)
    table.attrs = frames[0].attrs
    return table


def _choose_reader(source: Source, options: ReadOptions, *, max_pixels: int = MAX_PIXELS) -> Reader:
    """Choose the reader by the ending of the file's name.

    Raises:
        InputError: If there is no such file or its ending is unknown.
    """
    name = describe_source(source)
    if str(source) == "-":
        return partial(read_delimited, options=options)
    kind = "folder" if _is_folder(source, name) else find_kind(file_name(source))
    if kind is None:
        raise InputError(f"{name}: unknown kind of file; known are {KNOWN_KINDS}")
    if kind in ("folder", "zip"):
        if is_local(source) and kind == "folder" and holds_picture_files(Path(str(source))):
            return partial(read_folder, max_pixels=max_pixels)
        parts = choose_parts(list_parts(source), find_kind, name)
        if parts:
            choose = partial(_choose_reader, max_pixels=max_pixels)
            return lambda _, rows: read_parts(parts, rows, choose, options)
        if is_local(source) and kind == "folder":
            return partial(read_folder, max_pixels=max_pixels)  # which says that there are none
        raise InputError(f"{name}: holds no table; known are {KNOWN_KINDS}; unpack pictures first")
    readers: dict[str, Reader] = {
        "text": partial(read_delimited, options=options),
        "json": read_json,
        "parquet": read_parquet,
        "arrow": read_arrow,
        "excel": partial(_read_excel, options=options),
        "npz": _read_npz,
    }
    return readers[kind]


def _read_excel(source: Source, rows: int, options: ReadOptions) -> Iterator[pd.DataFrame]:
    """Read frames from a sheet, which has no separator."""
    sheet = read_sheet(source, options.sheet)
    for frame in read_delimited(sheet, rows, replace(options, separator=",")):
        frame.attrs[LAYOUT] |= {"separator": "", "given_separator": ""}
        yield frame


def find_kind(name: str) -> str | None:
    """The kind of table that a file's name, in lower case, tells; None if it tells none."""
    return next((_KINDS[suffix] for suffix in SUFFIXES if name.endswith(suffix)), None)


def _is_folder(source: Source, name: str) -> bool:
    """Whether a source is a folder.

    Raises:
        InputError: If there is nothing of that name.
    """
    if is_url(source):
        return is_url_of_folder(str(source), name)
    if not is_local(source):
        return False
    path = Path(str(source))
    if not path.exists():
        raise InputError(f"{name}: no such file")
    return path.is_dir()


def _read_npz(source: Source, rows: int) -> Iterator[pd.DataFrame]:
    """Read frames from the array of an ``.npz`` file; arguments as of :func:`read_chunks`."""
    for records in read_npz_arrays(source, rows):
        if records.ndim == 2:
            yield pd.DataFrame(records, columns=[f"x{at}" for at in range(records.shape[1])])
            continue
        for chunk in np.array_split(records, -(-len(records) // MAX_CHUNK_PICTURES)):
            yield pd.DataFrame({PICTURE_COLUMN: to_picture_series(list(chunk))})
