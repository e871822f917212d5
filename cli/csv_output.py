"""Write results as CSV: format columns as lines, and open the output."""

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


def format_cells(column: pd.Series[Any] | NDArray[Any] | pa.Array | list[str]) -> pa.Array:
    """Format cells as text, (n,), null where missing or NaN; quoted where CSV requires it.

    Floats get the fewest digits that are read back as the same float.
    """
    text = to_text(column)
    needs_quotes = pc.match_substring_regex(text, r'[",\r\n]')
    if not pc.any(needs_quotes).as_py():
        return text
    doubled = pc.replace_substring(text, '"', '""')
    quote, empty = pa.scalar('"', TEXT), pa.scalar("", TEXT)
    quoted = pc.binary_join_element_wise(quote, doubled, quote, empty)
    return pc.if_else(needs_quotes, quoted, text)


def join_cells(columns: Iterable[pa.Array]) -> pa.Array:
    """Join columns of n formatted cells into n lines without line ends."""
    comma = pa.scalar(",", TEXT)
    return pc.binary_join_element_wise(
        *columns, comma, null_handling="replace", null_replacement=""
    )


def to_text(column: pd.Series[Any] | NDArray[Any] | pa.Array | list[str]) -> pa.Array:
    """Cells as text, (n,), null where missing or NaN, without quotes."""
    try:
        array = pa.array(column, from_pandas=True)
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        text = array.cast(TEXT)
        return _format_far_dates(array, text) if pa.types.is_timestamp(array.type) else text
    except pa.ArrowException:  # Parquet may contain lists and other types without a text form
        series = column.to_pandas() if isinstance(column, pa.Array) else pd.Series(column)
        return pa.array(series.map(str).where(series.notna(), None), TEXT)


def _format_far_dates(dates: pa.Array, text: pa.Array) -> pa.Array:
    """Replace the text of dates that Arrow can't format: years of more than four digits."""
    far = pc.starts_with(text, "<value out of range")
    if not pc.any(far).as_py():
        return text
    counts = pc.fill_null(dates.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    stamps = np.datetime_as_string(counts.astype(f"datetime64[{dates.type.unit}]"))
    zone = "Z" if dates.type.tz else ""
    formatted = pa.array([f"{stamp.replace('T', ' ')}{zone}" for stamp in stamps.tolist()], TEXT)
    return pc.if_else(far, formatted, text)


def write_lines(file: BinaryIO, lines: pa.Array) -> None:
    """Write lines and flush, so that a reader gets each chunk when it is done."""
    file.write("".join(f"{line}\n" for line in lines.to_pylist()).encode())
    file.flush()


def flag_values(values: Floats, rule: Callable[[Floats], Bools]) -> pa.Array:
    """Flag rows by their values, (n,) of 0 and 1, null where the value is NaN.

    Args:
        values: Scores or p-values, (n,).
        rule: Called with the values that aren't NaN, returns which of them are flagged.
    """
    is_known = ~np.isnan(values)
    flagged = np.zeros(len(values), dtype=np.int8)
    if is_known.any():
        flagged[is_known] = rule(values[is_known])
    return pa.array(flagged, mask=~is_known)


def flag_all_together(
    chunks: Iterable[tuple[pa.Table, Floats]], rule: Callable[[Floats], Bools]
) -> Iterator[tuple[pa.Table, pa.Array]]:
    """Flag rows by a rule over all of them; meanwhile they are in a temporary file.

    Args:
        chunks: Rows and p-values.
        rule: As of :func:`flag_values`, called once with the p-values of all rows.

    Yields:
        The same rows, and 1 for flagged ones, else 0.
    """
    with tempfile.TemporaryFile() as file:
        chunk_p_values = []
        for table, p_values in chunks:
            with pa.ipc.new_stream(file, table.schema) as stream:  # types may differ by chunk
                stream.write_table(table)
            chunk_p_values.append(p_values)
        flags = flag_values(np.concatenate(chunk_p_values), rule)
        file.seek(0)
        start = 0
        for _ in chunk_p_values:
            with pa.ipc.open_stream(file) as stream:
                table = stream.read_all()
            yield table, flags[start : start + table.num_rows]
            start += table.num_rows


@contextlib.contextmanager
def open_output(path: Path | None, option: str = "--output") -> Iterator[BinaryIO]:
    """Open the output for writing.

    A file is written atomically: if anything goes wrong, an existing one stays as it was.

    Args:
        path: The file, compressed if it ends in ``.gz``; ``None`` or ``-`` for standard output.
        option: The option that names it, for messages.

    Raises:
        InputError: If the file can't be written.
    """
    if path is None or str(path) == "-":
        if isinstance(sys.stdout, ClosedOutput):
            raise InputError("standard output is closed; name a file with --output")
        with _note_interruption("the output isn't complete"):
            yield sys.stdout.buffer
    elif path.exists() and not path.is_file() and not path.is_dir():  # a pipe, or /dev/null
        with (
            _convert_errors(path, option),
            _open_file(path, path, option) as file,
            _note_interruption("the output isn't complete"),
        ):
            yield file
    else:
        # A symbolic link is followed, not replaced.
        with (
            _convert_errors(path, option),
            atomic_write(path.resolve(), noted=path) as partial,
            _open_file(partial, path, option) as file,
        ):
            yield file


def open_optional_output(
    path: Path | None, option: str
) -> contextlib.AbstractContextManager[BinaryIO | None]:
    """As :func:`open_output`; the context is None if there is no path."""
    return contextlib.nullcontext() if path is None else open_output(path, option)


def check_folder(path: Path, option: str) -> None:
    """Check that files can be written to a folder, which needn't exist and isn't created.

    Raises:
        InputError: If they can't.
    """
    nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not nearest.is_dir():
        raise InputError(f"{option} {path}: {nearest} is a file; name a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"{option} {path}: can't be written: {nearest} is write-protected")


@contextlib.contextmanager
def _convert_errors(path: Path, option: str) -> Iterator[None]:
    """Convert errors in writing to a file, which don't contain its name.

    Raises:
        InputError: With the option and path.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is not None and PARTIAL_PREFIX not in str(error.filename):
            raise  # of another file
        raise InputError(f"{option} {path}: can't be written: {error.strerror or error}") from error


@contextlib.contextmanager
def _note_interruption(note: str) -> Iterator[None]:
    """Add a note to an interruption, which isn't an ``Exception``."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception):
            error.add_note(note)
        raise


def _open_file(path: Path, named: Path, option: str) -> contextlib.AbstractContextManager[BinaryIO]:
    """Open a path for writing.

    Args:
        path: The path, perhaps a temporary one.
        named: The path that the user gave, for messages and the kind of file.
        option: The option that names it.

    Raises:
        InputError: If it can't be opened.
    """
    if named.is_dir():
        raise InputError(f"{option} {named}: is a folder; name a file in it")
    if not named.parent.is_dir():
        raise InputError(f"{option} {named}: there is no folder {named.parent}; make it first")
    try:
        if named.suffix.lower() == ".gz":
            return cast("BinaryIO", gzip.open(path, "wb"))
        return path.open("wb")
    except OSError as error:
        raise InputError(f"{option} {named}: can't be written: {error.strerror}") from None
