"""Print messages, warnings and tables; user-supplied text never counts as markup."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
import textwrap
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import escape_control as escape_control  # commands take it from here

PIPE_WIDTH = 1000
"""Width of tables where standard output isn't a terminal, so that lines aren't wrapped."""


ENTRY_WIDTH = 80
"""Width of the lines below entries of a list."""


class ClosedOutput(io.TextIOBase):
    """Replaces a standard output that was closed before the command started."""

    def write(self, text: str | bytes) -> NoReturn:
        """Refuse.

        Raises:
            InputError: Always.
        """
        raise InputError("standard output is closed, so there is nowhere to print to")

    @property
    def buffer(self) -> ClosedOutput:
        """The stream itself, which refuses bytes, too."""
        return self


def open_streams() -> None:
    """Reopen standard streams that were closed before the command started.

    Otherwise the next files to be opened would get their file descriptors, and whatever a library
    prints would be written into these files.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor, this one
    if sys.stdout is None:
        sys.stdout = ClosedOutput()
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process


def discard(stream: TextIO) -> None:
    """Redirect a stream that has failed to nowhere, so that flushing it can't fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


LOGGER = logging.getLogger("anomgan.cli")
"""What commands say; :mod:`anomgan.cli.verbosity` shows it on standard error."""


def say(text: str) -> None:
    """Say in one line, on standard error, what was done."""
    LOGGER.info("%s", text)


def warn(text: str) -> None:
    """Warn in one line, on standard error."""
    LOGGER.warning("warning: %s", text)


def refuse(reason: str) -> None:
    """Say in one line, on standard error, why the command can't be done."""
    LOGGER.error("error: %s", reason)


def write_message(text: str) -> None:
    """Write one line to standard error; a failure to do so is ignored."""
    with _ignore_stderr_errors():
        sys.stderr.write(f"anomgan: {escape_control(text)}\n")
        sys.stderr.flush()


@contextlib.contextmanager
def _ignore_stderr_errors() -> Iterator[None]:
    """Give up on standard error if it can't be written to: a full disk, or a closed pipe."""
    try:
        yield
    except OSError:
        discard(sys.stderr)


@contextlib.contextmanager
def show_warnings() -> Iterator[None]:
    """Print each warning once, in one line without source code; data warnings always."""
    shown = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        kind = "" if issubclass(category, DataWarning) else f"{category.__name__}: "
        if str(message) not in shown:
            shown.add(str(message))
            warn(f"{kind}{message}")

    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=DataWarning)
        warnings.showwarning = show
        yield


def print_json(facts: Any) -> None:
    """Print facts as JSON on standard output; NaN and infinity become null."""
    if "numpy" in sys.modules:  # else there is nothing to convert, and lists come at once
        from anomgan.utils.serialization import to_plain

        facts = to_plain(facts)
    sys.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def show_entries(
    names: Sequence[str], entries: Sequence[tuple[Sequence[str], Sequence[str]]]
) -> None:
    """Print entries of few short cells each, in columns, and lines of text below them.

    Args:
        names: The header.
        entries: Cells, and the lines below them, which are wrapped at :data:`ENTRY_WIDTH`.
    """
    columns = zip(names, *(cells for cells, _ in entries), strict=True)
    widths = [max(map(len, column)) for column in columns]

    def write(cells: Sequence[str]) -> None:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        sys.stdout.write("  ".join(padded).rstrip() + "\n")

    write(names)
    for cells, lines in entries:
        write([escape_control(cell) for cell in cells])
        for line in lines:
            wrapped = textwrap.wrap(escape_control(line), ENTRY_WIDTH - 4)
            sys.stdout.writelines(f"    {part}\n" for part in wrapped)


def show_facts(facts: Iterable[tuple[str, str]], *, stderr: bool = False) -> None:
    """Print labels and values in two columns."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in facts:
        table.add_row(label, Text(escape_control(value)))
    _print(table, stderr=stderr)


def show_table(
    names: Sequence[str],
    rows: Iterable[Iterable[str]],
    *,
    wrapped: Collection[str],
    stderr: bool = False,
) -> None:
    """Print a table.

    Args:
        names: The header.
        rows: The cells.
        wrapped: Columns that are wrapped if the terminal is too narrow.
        stderr: Whether to print to standard error instead of standard output.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        table.add_column(name, no_wrap=name not in wrapped, overflow="fold")
    for row in rows:
        table.add_row(*(Text(escape_control(cell)) for cell in row))
    _print(table, stderr=stderr)


def _print(table: Table, *, stderr: bool = False) -> None:
    if stderr and not LOGGER.isEnabledFor(logging.INFO):
        return
    console = Console(stderr=stderr)
    with _ignore_stderr_errors() if stderr else contextlib.nullcontext():
        if console.is_terminal:
            console.print(table)
            return
        console.width = PIPE_WIDTH
        with console.capture() as captured:
            console.print(table)
        console.file.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())
