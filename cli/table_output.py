"""Write a table to a file, in the format that its suffix names, or to standard output as CSV."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from anomgan.cli.csv_output import open_output, to_text
from anomgan.cli.table_writers import WRITERS, CsvWriter, TableWriter
from anomgan.errors import InputError

TABLE_SUFFIXES = tuple(WRITERS)
"""Endings of the files that tables are written to."""


@contextlib.contextmanager
def open_table(path: Path | None, option: str = "--output") -> Iterator[TableWriter]:
    """Open a file for a table, in the format that its suffix names, or standard output for CSV.

    As of :func:`anomgan.cli.csv_output.open_output`, a file appears when it is complete.

    Args:
        path: The file; ``None`` or ``-`` for standard output.
        option: The option that names it, for messages.

    Raises:
        InputError: If the suffix is unknown, a package is missing, or the file can't be written.
    """
    writer_type = check_output(path, option)
    with (
        open_output(path, option) as file,
        contextlib.closing(writer_type(file, f"{option} {path}")) as writer,
    ):
        yield writer
        writer.finish()


def has_table_suffix(path: Path) -> bool:
    """Whether a table can be written to a file of this name."""
    return path.name.lower().endswith(TABLE_SUFFIXES)


def check_output(path: Path | None, option: str = "--output") -> type[TableWriter]:
    """Check that a table can be written in the format that a path names, before work is done.

    Returns:
        The writer.

    Raises:
        InputError: If the suffix is unknown, or the writer's package isn't installed.
    """
    if path is None or str(path) == "-" or _is_special(path):
        return CsvWriter
    name = path.name.lower()
    for suffix, writer_type in WRITERS.items():
        if name.endswith(suffix):
            writer_type.check_installed(f"{option} {path}")
            return writer_type
    if path.is_dir():
        return CsvWriter  # which opening it refuses in better words
    raise InputError(
        f"{option} {path}: unknown kind of file; tables are written as {', '.join(TABLE_SUFFIXES)}"
    )


def _is_special(path: Path) -> bool:
    """Whether a path is a pipe or a device, whose name says nothing."""
    return path.exists() and not path.is_file() and not path.is_dir()


def to_arrow_table(columns: Mapping[str, Any]) -> pa.Table:
    """A table of columns by name: pandas, NumPy, Arrow or lists; NaN is null."""
    arrays = [_to_arrow(column) for column in columns.values()]
    return pa.Table.from_arrays(arrays, names=list(columns))


def _to_arrow(column: Any) -> pa.Array | pa.ChunkedArray:
    try:
        return pa.array(column, from_pandas=True)
    except pa.ArrowException:  # cells of several types
        return to_text(column)
