"""Arrays of ``.npz`` archives, some records at a time.

NumPy would read an array whole, and a few bytes of an archive can say that it is enormous.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from anomgan.data.readers.encoding import describe_source
from anomgan.errors import InputError, out_of_memory
from anomgan.utils.text import one_line

MOST_BYTES = 2**26
"""Bytes that are read at once, unless a single record has more."""

RECORD_BYTES = 2**30
"""Most bytes of a record."""

DIMENSIONS = 2, 3, 4
"""Of tables and of pictures, gray and in channels."""

HEADERS = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
    (3, 0): npy.read_array_header_2_0,  # differs in the names of fields alone, which aren't read
}
"""Version of the format -> what reads its header."""


def read_arrays(source: str | Path, rows: int) -> Iterator[NDArray[Any]]:
    """Records of the array ``X`` of an archive, or of its only one, at most so many at once.

    Args:
        source: The archive.
        rows: Most records of each array.

    Yields:
        Arrays of one or more records: ``(n, D)``, or pictures ``(n, H, W)`` or ``(n, H, W, C)``.

    Raises:
        InputError: If there is no such array, or the file can't be read.
    """
    name = describe_source(source)
    if not zipfile.is_zipfile(source):
        raise InputError(f"{name}: isn't an .npz archive, or is damaged")
    try:
        with zipfile.ZipFile(source) as archive, archive.open(_member(archive, name)) as file:
            yield from _records(file, rows, name)
    except InputError:
        raise
    except Exception as error:
        # zipfile, four decompressors and NumPy's parser of headers have a dozen kinds of errors
        # between them, and each means that the file is damaged, unless memory has given out.
        if out_of_memory(error):
            raise
        raise InputError(f"{name}: can't be read as .npz: {one_line(error)}") from error


def _member(archive: zipfile.ZipFile, name: str) -> str:
    """The name of the array's file in the archive.

    Raises:
        InputError: If it can't be told.
    """
    held = {entry.removesuffix(".npy"): entry for entry in archive.namelist()}
    if "X" in held:
        return held["X"]
    if len(held) != 1:
        raise InputError(
            f"{name}: holds no array named X"
            + (f"; it has: {', '.join(list(held)[:10])}" if held else "")
        )
    return next(iter(held.values()))


def _records(file: IO[bytes], rows: int, name: str) -> Iterator[NDArray[Any]]:
    """See :func:`read_arrays`.

    Raises:
        InputError: If the file is no array of records, holds objects of Python's, or its records
            are too large or fewer than it says.
    """
    if file.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
        raise InputError(f"{name}: is a ZIP archive that holds no NumPy array")
    version = tuple(file.read(2))
    if version not in HEADERS:
        raise InputError(f"{name}: holds an array of an unknown format, {version}")
    shape, by_columns, dtype = HEADERS[version](file)
    if dtype.hasobject:
        raise InputError(f"{name}: X holds Python objects, which aren't read; save numbers or text")
    if len(shape) not in DIMENSIONS or min(shape) < 1 or not dtype.itemsize:
        raise InputError(
            f"{name}: X has shape {shape}; a table has rows and columns, pictures are n×H×W or "
            f"n×H×W×C"
        )
    size = math.prod(shape[1:]) * dtype.itemsize
    if size > RECORD_BYTES:
        raise InputError(f"{name}: X has shape {shape}: a record is larger than 1 GB")
    if by_columns:  # then a record isn't in one place
        whole = np.frombuffer(_exactly(file, size * shape[0], name), dtype)
        yield from _split(whole.reshape(shape[::-1]).T, rows)
        return
    most = max(1, min(rows, MOST_BYTES // size))
    for start in range(0, shape[0], most):
        count = min(most, shape[0] - start)
        data = _exactly(file, size * count, name)
        yield np.frombuffer(data, dtype).reshape(count, *shape[1:])


def _split(array: NDArray[Any], rows: int) -> Iterator[NDArray[Any]]:
    for start in range(0, len(array), rows):
        yield array[start : start + rows]


def _exactly(file: IO[bytes], size: int, name: str) -> bytearray:
    """So many bytes; memory is taken as they come, whatever the header says.

    Raises:
        InputError: If there are fewer.
    """
    data = bytearray()
    while len(data) < size:
        part = file.read(min(size - len(data), MOST_BYTES))
        if not part:
            raise InputError(f"{name}: is cut off: X is shorter than its header says")
        data += part
    return data
