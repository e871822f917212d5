"""Reading tables from files and standard input, in chunks and with plain error messages.

Cells of delimited text arrive as strings: what can be read as a number or a date is for the schema
to decide, which can then say which cells were bad.  Parquet and NumPy files keep their types.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from anomgan.data.delimited import read_text
from anomgan.data.parquet import read_parquet
from anomgan.data.sources import one_line, source_name
from anomgan.errors import InputError

TEXT_ENDINGS = (".csv", ".tsv", ".txt")
ENDINGS = (*TEXT_ENDINGS, *(f"{ending}.gz" for ending in TEXT_ENDINGS), ".parquet", ".npz")


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
        Cells of delimited text are strings, missing where empty or one of
        `anomgan.data.delimited.MISSING_SPELLINGS`.

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


def _reader_for(
    source: str | Path, name: str
) -> Callable[[str | Path, int], Iterator[pd.DataFrame]]:
    """Choose the reader by the file's ending.

    Raises:
        InputError: If there is no such file or its ending isn't known.
    """
    if str(source) == "-":
        return read_text
    path = Path(source)
    if path.is_dir():
        raise InputError(f"{name}: is a folder, not a table")
    if not path.exists():
        raise InputError(f"{name}: no such file")
    lowered = path.name.lower()
    if not lowered.endswith(ENDINGS):
        raise InputError(f"{name}: unknown kind of file; known are {', '.join(ENDINGS)}")
    if lowered.endswith(".parquet"):
        return read_parquet
    return _read_npz if lowered.endswith(".npz") else read_text


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
        raise InputError(f"{name}: can't be read as .npz: {one_line(error)}") from None
    if table.ndim != 2 or 0 in table.shape:
        raise InputError(f"{name}: X has shape {table.shape}; a table has rows and columns")
    names = [f"x{at}" for at in range(table.shape[1])]
    for start in range(0, len(table), rows):
        yield pd.DataFrame(table[start : start + rows], columns=names)
