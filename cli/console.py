"""What people read: lines and tables, with every text of theirs shown as it is."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import escape_control as escape_control  # commands take it from here

PIPE_WIDTH = 1000
"""Columns of a terminal that isn't one: whatever reads from a pipe wants whole lines."""


class ClosedOutput(io.TextIOBase):
    """Stands for a standard output that was closed before the command began."""

    def write(self, text: str | bytes) -> NoReturn:
        """Refuse.

        Raises:
            InputError: Always.
        """
        raise InputError("standard output is closed, so there is nowhere to print to")

    @property
    def buffer(self) -> ClosedOutput:
        """Where bytes would go."""
        return self


def open_streams() -> None:
    """Have three standard streams, even if some were closed before the command began.

    Otherwise the next files to be opened would take their numbers, and whatever a library prints
    would go into them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    if sys.stdout is None:
        sys.stdout = ClosedOutput()
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process


def discard(stream: TextIO) -> None:
    """Let all that is written to a stream go nowhere; it has failed, and would fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(text: str) -> None:
    """Write one line to standard error; if that fails, the work goes on."""
    with _expendable():
        sys.stderr.write(f"anomgan: {escape_control(text)}\n")
        sys.stderr.flush()


@contextlib.contextmanager
def _expendable() -> Iterator[None]:
    """Do without standard error if it can't be written: its disk is full, or nobody reads."""
    try:
        yield
    except OSError:
        discard(sys.stderr)


@contextlib.contextmanager
def shown_warnings() -> Iterator[None]:
    """Show each warning once, as a line without source code; data warnings always."""
    said = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        kind = "" if issubclass(category, DataWarning) else f"{category.__name__}: "
        if str(message) not in said:
            said.add(str(message))
            say(f"warning: {kind}{message}")

    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=DataWarning)
        warnings.showwarning = show
        yield


def show_facts(facts: Iterable[tuple[str, str]], *, stderr: bool = False) -> None:
    """Print labels and what belongs to them, side by side."""
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
        wrapped: Columns that go on in the next line where the terminal is too narrow.
        stderr: Whether to print to standard error, where rows themselves go to standard output.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        table.add_column(name, no_wrap=name not in wrapped, overflow="fold")
    for row in rows:
        table.add_row(*(Text(escape_control(cell)) for cell in row))
    _print(table, stderr=stderr)


def _print(table: Table, *, stderr: bool = False) -> None:
    console = Console(stderr=stderr)
    with _expendable() if stderr else contextlib.nullcontext():
        if console.is_terminal:
            console.print(table)
            return
        console.width = PIPE_WIDTH
        with console.capture() as captured:
            console.print(table)
        console.file.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())
