"""Read arrays of ``.npz`` archives in chunks, safely.

NumPy would read an array whole, and a few bytes of a hostile archive can declare an enormous one.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from anomgan.data.readers.sources import Source, describe_source, open_seekable
from anomgan.errors import InputError, out_of_memory
from anomgan.utils.text import one_line

_CHUNK_BYTES = 2**26
"""Most bytes in a chunk, unless a single record has more."""

_MAX_RECORD_BYTES = 2**30
"""Largest record that is read."""

_DIMENSIONS = 2, 3, 4
"""Numbers of dimensions of tables, of gray pictures and of those with channels."""

_HEADER_READERS = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
    (3, 0): npy.read_array_header_2_0,  # differs only in names of fields, which aren't read
}
"""Version of the format -> function that reads its header."""


def read_npz_arrays(source: Source, rows: int) -> Iterator[NDArray[Any]]:
    """Read the array ``X`` of an archive, or its only array, in chunks.

    Args:
        source: The archive.
        rows: Most records in a chunk.

    Yields:
        Non-empty arrays of records ``(n, D)``, or pictures ``(n, H, W)`` or ``(n, H, W, C)``.

    Raises:
        InputError: If there is no such array, or the file can't be read.
    """
    name = describe_source(source)
    try:
        with (
            open_seekable(source, name) as stored,
            zipfile.ZipFile(stored) as archive,
            archive.open(_find_member(archive, name)) as file,
        ):
            yield from _read_records(file, rows, name)
    except InputError:
        raise
    except zipfile.BadZipFile:
        raise InputError(f"{name}: isn't an .npz archive, or is damaged") from None
    except Exception as error:
        # zipfile, four decompressors and NumPy's header parser raise a dozen kinds of errors, and
        # each means that the file is damaged, except running out of memory.
        if out_of_memory(error):
            raise
        raise InputError(f"{name}: can't be read as .npz: {one_line(error)}") from error


def _find_member(archive: zipfile.ZipFile, name: str) -> str:
    """The name of the array's file in the archive.

    Raises:
        InputError: If there is no ``X``, nor only one array.
    """
    members = {entry.removesuffix(".npy"): entry for entry in archive.namelist()}
    if "X" in members:
        return members["X"]
    if len(members) != 1:
        raise InputError(
            f"{name}: holds no array named X"
            + (f"; it has: {', '.join(list(members)[:10])}" if members else "")
        )
    return next(iter(members.values()))


def _read_records(file: IO[bytes], rows: int, name: str) -> Iterator[NDArray[Any]]:
    """Read an ``.npy`` file in chunks of records.

    Raises:
        InputError: If the file isn't an array of records, holds Python objects, has too large
            records or fewer than its header says.
    """
    if file.read(len(npy.MAGIC_PREFIX)) != npy.MAGIC_PREFIX:
        raise InputError(f"{name}: is a ZIP archive that holds no NumPy array")
    version = tuple(file.read(2))
    if version not in _HEADER_READERS:
        raise InputError(f"{name}: holds an array of an unknown format, {version}")
    shape, fortran_order, dtype = _HEADER_READERS[version](file)
    if dtype.hasobject:
        raise InputError(f"{name}: X holds Python objects, which aren't read; save numbers or text")
    if len(shape) not in _DIMENSIONS or min(shape) < 1 or not dtype.itemsize:
        raise InputError(
            f"{name}: X has shape {shape}; a table has rows and columns, pictures are n×H×W or "
            f"n×H×W×C"
        )
    size = math.prod(shape[1:]) * dtype.itemsize
    if size > _MAX_RECORD_BYTES:
        raise InputError(f"{name}: X has shape {shape}: a record is larger than 1 GB")
    if fortran_order:  # a record isn't contiguous, so read the whole array
        array = np.frombuffer(_read_exactly(file, size * shape[0], name), dtype)
        yield from _split(array.reshape(shape[::-1]).T, rows)
        return
    chunk_rows = max(1, min(rows, _CHUNK_BYTES // size))
    for start in range(0, shape[0], chunk_rows):
        count = min(chunk_rows, shape[0] - start)
        data = _read_exactly(file, size * count, name)
        yield np.frombuffer(data, dtype).reshape(count, *shape[1:])


def _split(array: NDArray[Any], rows: int) -> Iterator[NDArray[Any]]:
    for start in range(0, len(array), rows):
        yield array[start : start + rows]


def _read_exactly(file: IO[bytes], size: int, name: str) -> bytearray:
    """Read ``size`` bytes; memory is allocated as they arrive, whatever the header says.

    Raises:
        InputError: If there are fewer.
    """
    data = bytearray()
    while len(data) < size:
        part = file.read(min(size - len(data), _CHUNK_BYTES))
        if not part:
            raise InputError(f"{name}: is cut off: X is shorter than its header says")
        data += part
    return data
