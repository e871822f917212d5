"""Results as CSV: lines made of columns, and where they go."""

from __future__ import annotations

import contextlib
import gzip
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anomgan.cli.console import ClosedOutput
from anomgan.errors import InputError
from anomgan.utils.atomic import PARTIAL_PREFIX, atomic_write

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

TEXT = pa.large_string()
HELD = pa.schema([("line", TEXT)])


def csv_cells(column: pd.Series[Any] | NDArray[Any] | pa.Array | list[str]) -> pa.Array:
    """Cells as text, (n,), null where missing or NaN; quoted where CSV needs it.

    Floats have the fewest digits that give the same float again.
    """
    text = _as_text(column)
    risky = pc.match_substring_regex(text, r'[",\r\n]')
    if not pc.any(risky).as_py():
        return text
    doubled = pc.replace_substring(text, '"', '""')
    quote, nothing = pa.scalar('"', TEXT), pa.scalar("", TEXT)
    return pc.if_else(risky, pc.binary_join_element_wise(quote, doubled, quote, nothing), text)


def csv_lines(columns: Iterable[pa.Array]) -> pa.Array:
    """Records without line ends, (n,), from columns of n cells each."""
    comma = pa.scalar(",", TEXT)
    return pc.binary_join_element_wise(
        *columns, comma, null_handling="replace", null_replacement=""
    )


def _as_text(column: pd.Series[Any] | NDArray[Any] | pa.Array | list[str]) -> pa.Array:
    try:
        array = pa.array(column, from_pandas=True)
        whole = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        text = whole.cast(TEXT)
        return _far_moments(whole, text) if pa.types.is_timestamp(whole.type) else text
    except pa.ArrowException:  # Parquet may hold lists and other things that have no text
        series = pd.Series(column)
        return pa.array(series.map(str).where(series.notna(), None), TEXT)


def _far_moments(moments: pa.Array, text: pa.Array) -> pa.Array:
    """The text with moments that Arrow can't write: those in years of more than four digits."""
    far = pc.starts_with(text, "<value out of range")
    if not pc.any(far).as_py():
        return text
    counts = pc.fill_null(moments.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    stamps = np.datetime_as_string(counts.astype(f"datetime64[{moments.type.unit}]"))
    zone = "Z" if moments.type.tz else ""
    spelled = pa.array([f"{stamp.replace('T', ' ')}{zone}" for stamp in stamps.tolist()], TEXT)
    return pc.if_else(far, spelled, text)


def write_lines(file: BinaryIO, lines: pa.Array) -> None:
    """Write records and pass them on at once, so that a reader sees each chunk when it's done."""
    file.write("".join(f"{line}\n" for line in lines.to_pylist()).encode())
    file.flush()


def flags(values: Floats, rule: Callable[[Floats], Bools]) -> pa.Array:
    """Whether each record is an anomaly, (n,) of 0 and 1, null where its value is NaN.

    Args:
        values: Scores or p-values, (n,).
        rule: Decides on those that are known.
    """
    known = ~np.isnan(values)
    found = np.zeros(len(values), dtype=np.int8)
    if known.any():
        found[known] = rule(values[known])
    return pa.array(found, mask=~known)


def held_back(
    chunks: Iterable[tuple[pa.Array, Floats]], decide: Callable[[Floats], pa.Array]
) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Decide on all rows together; meanwhile their lines wait in a temporary file.

    Args:
        chunks: Lines and p-values.
        decide: From the p-values of all rows to whether each is an anomaly.

    Yields:
        The same lines, and whether each is an anomaly.
    """
    with tempfile.TemporaryFile() as file:
        known = []
        with pa.ipc.new_stream(file, HELD) as stream:
            for lines, p_values in chunks:
                stream.write_batch(pa.record_batch([lines], HELD))
                known.append(p_values)
        flags = decide(np.concatenate(known))
        file.seek(0)
        done = 0
        for batch in pa.ipc.open_stream(file):
            yield batch.column(0), flags[done : done + batch.num_rows]
            done += batch.num_rows


@contextlib.contextmanager
def destination(path: Path | None, option: str = "--output") -> Iterator[BinaryIO]:
    """Where results go.

    A file appears under its name when it is complete; until then, and if anything goes wrong, one
    of that name stays as it was.

    Args:
        path: The file, compressed if it ends in ``.gz``; ``None`` or ``-`` for standard output.
        option: What named it, for messages.

    Raises:
        InputError: If the file can't be written.
    """
    if path is None or str(path) == "-":
        if isinstance(sys.stdout, ClosedOutput):
            raise InputError("standard output is closed; name a file with --output")
        with _noted("the output isn't complete"):
            yield sys.stdout.buffer
    elif path.exists() and not path.is_file() and not path.is_dir():  # a pipe, or /dev/null
        with (
            _named(path, option),
            _opened(path, path, option) as file,
            _noted("the output isn't complete"),
        ):
            yield file
    else:
        # Written through a link, which isn't replaced.
        with (
            _named(path, option),
            atomic_write(path.resolve(), noted=path) as partial,
            _opened(partial, path, option) as file,
        ):
            yield file


def destination_if_any(
    path: Path | None, option: str
) -> contextlib.AbstractContextManager[BinaryIO | None]:
    """The same for results that are written only if somebody asks for them."""
    return contextlib.nullcontext() if path is None else destination(path, option)


def check_folder(path: Path, option: str) -> None:
    """See whether files may be written to a folder, which needn't be there; makes nothing.

    Raises:
        InputError: If not; names the option.
    """
    nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise InputError(f"{option} {path}: {nearest} is a file; name a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{option} {path}: can't be written: {nearest} is write-protected")


@contextlib.contextmanager
def _named(path: Path, option: str) -> Iterator[None]:
    """Have errors in writing a file, which don't say in which, name it.

    Raises:
        InputError: Instead of them.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is not None and PARTIAL_PREFIX not in str(
            error.filename
        ):  # another file's
            raise
        raise InputError(f"{option} {path}: can't be written: {error.strerror or error}") from error


@contextlib.contextmanager
def _noted(note: str) -> Iterator[None]:
    """Have an interruption, which isn't an Exception, say what it leaves behind."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception):
            error.add_note(note)
        raise


def _opened(path: Path, asked: Path, option: str) -> contextlib.AbstractContextManager[BinaryIO]:
    """Open for writing.

    Raises:
        InputError: If that fails; names the file the user asked for.
    """
    if asked.is_dir():
        raise InputError(f"{option} {asked}: is a folder; name a file in it")
    if not asked.parent.is_dir():
        raise InputError(f"{option} {asked}: there is no folder {asked.parent}; make it first")
    try:
        if asked.suffix == ".gz":
            return cast("BinaryIO", gzip.open(path, "wb"))
        return path.open("wb")
    except OSError as error:
        raise InputError(f"{option} {asked}: can't be written: {error.strerror}") from None
