"""Read records from files, folders and standard input, whole or in chunks.

Cells of delimited text are strings: the columns of the schema parse numbers and dates, and so can
report cells that aren't.  Parquet and NumPy files keep their types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from anomgan.data.readers.delimited import read_delimited
from anomgan.data.readers.image_folder import MAX_CHUNK_PICTURES, read_folder
from anomgan.data.readers.npz import read_npz_arrays
from anomgan.data.readers.parquet import read_parquet
from anomgan.data.readers.sources import describe_source
from anomgan.errors import InputError

_TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
SUFFIXES = (*_TEXT_SUFFIXES, *(f"{ending}.gz" for ending in _TEXT_SUFFIXES), ".parquet", ".npz")


def read_chunks(
    source: str | Path, *, rows: int = 65_536, max_pixels: int = MAX_PIXELS
) -> Iterator[pd.DataFrame]:
    """Read records in chunks, in memory that doesn't grow with the file.

    Delimited text may be separated by comma, semicolon, tab or ``|`` and have a byte order mark.
    The first line that isn't blank is the header; names are stripped of surrounding blanks, and a
    column without a name at position i is called ``unnamed_i``.  Blank lines are skipped.  UTF-16
    and UTF-32 are detected; other bytes that aren't UTF-8 are read as Windows-1252.  Lines end with
    a line feed, a carriage return or both.

    Args:
        source: A ``.csv``, ``.tsv``, ``.txt`` (each also with ``.gz``), ``.parquet`` or ``.npz``
            file, the last with an array ``X`` or only one array, or ``-`` for CSV on standard
            input.  A 2-D array has the columns ``x0``, ``x1``, …; one of 3 or 4 dimensions holds
            pictures, ``(n, H, W)`` or ``(n, H, W, C)``, in the column ``picture``.  A folder holds
            pictures, too: see :func:`anomgan.data.readers.image_folder.read_folder`.
        rows: Most rows in a chunk.  The first chunk may be smaller, so that work can begin early.
        max_pixels: Picture files with more pixels aren't decoded.

    Yields:
        Non-empty frames of the same columns, indexed by the number of the record, from 0.
        Cells of delimited text are strings, missing where empty or one of
        `anomgan.data.readers.delimited.MISSING_SPELLINGS`.

    Raises:
        InputError: If the source can't be read, holds no record, or ends within a quote.

    Warns:
        DataWarning: If the header looks like data, or there are bytes that aren't UTF-8.
    """
    if rows < 1:
        raise InputError(f"rows={rows}: a chunk needs at least one row")
    name = describe_source(source)
    start = 0
    for frame in _choose_reader(source, name, max_pixels)(source, rows):
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


def read_table(source: str | Path, *, max_pixels: int = MAX_PIXELS) -> pd.DataFrame:
    """Read a file or folder into a frame; see :func:`read_chunks` for sources, errors and warnings.

    Returns:
        All records, indexed from 0.
    """
    return pd.concat(list(read_chunks(source, max_pixels=max_pixels)))


def _choose_reader(
    source: str | Path, name: str, max_pixels: int
) -> Callable[[str | Path, int], Iterator[pd.DataFrame]]:
    """Choose the reader by the suffix of the file.

    Raises:
        InputError: If there is no such file or its suffix is unknown.
    """
    if str(source) == "-":
        return read_delimited
    path = Path(source)
    if path.is_dir():
        return partial(read_folder, max_pixels=max_pixels)
    if not path.exists():
        raise InputError(f"{name}: no such file")
    lower_name = path.name.lower()
    if not lower_name.endswith(SUFFIXES):
        raise InputError(f"{name}: unknown kind of file; known are {', '.join(SUFFIXES)}")
    if lower_name.endswith(".parquet"):
        return read_parquet
    return _read_npz if lower_name.endswith(".npz") else read_delimited


def _read_npz(source: str | Path, rows: int) -> Iterator[pd.DataFrame]:
    """Read frames from the array of an ``.npz`` file; arguments as of :func:`read_chunks`."""
    for records in read_npz_arrays(source, rows):
        if records.ndim == 2:
            yield pd.DataFrame(records, columns=[f"x{at}" for at in range(records.shape[1])])
            continue
        for chunk in np.array_split(records, -(-len(records) // MAX_CHUNK_PICTURES)):
            yield pd.DataFrame({PICTURE_COLUMN: to_picture_series(list(chunk))})
