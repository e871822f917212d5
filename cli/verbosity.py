"""``-v`` and ``-q``: how much a command says on standard error, through :mod:`logging`.

Commands speak through the logger ``anomgan.cli``, the library through loggers below ``anomgan``.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.main import get_command

from anomgan.cli.console import write_message

LEVELS = (  # of commands, of the library
    (logging.ERROR, logging.ERROR),  # -qq
    (logging.WARNING, logging.WARNING),  # -q
    (logging.INFO, logging.WARNING),
    (logging.INFO, logging.INFO),  # -v
    (logging.DEBUG, logging.DEBUG),  # -vv
)
USUAL = 2
"""Index of the levels without ``-v`` and ``-q``."""

_change = 0  # of the index; set by the options, anew for each command


class _StandardError(logging.Handler):
    """Writes a line for each record."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the message; it isn't a record's place to say where in the code it comes from."""
        write_message(record.getMessage())


@contextlib.contextmanager
def show_log() -> Iterator[None]:
    """Show what commands and the library log on standard error, while the context lasts."""
    global _change
    loggers = [logging.getLogger("anomgan.cli"), logging.getLogger("anomgan")]
    before = [logger.level for logger in loggers]
    handler = _StandardError()
    _change = 0
    _set_levels()
    loggers[1].addHandler(handler)
    try:
        yield
    finally:
        loggers[1].removeHandler(handler)
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _set_levels() -> None:
    """Set the loggers' levels as the options say."""
    cli, library = LEVELS[min(max(USUAL + _change, 0), len(LEVELS) - 1)]
    logging.getLogger("anomgan.cli").setLevel(cli)
    logging.getLogger("anomgan").setLevel(library)


def _count(context: typer.Context, parameter: typer.CallbackParam, times: int) -> None:
    global _change
    _change += times if parameter.name == "verbose" else -times
    _set_levels()


_app = typer.Typer(add_completion=False)


@_app.command()
def _verbosity(
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            show_default=False,
            expose_value=False,
            callback=_count,
            help="Say more of what is done; -vv everything.",
        ),
    ] = 0,
    quiet: Annotated[
        int,
        typer.Option(
            "--quiet",
            "-q",
            count=True,
            show_default=False,
            expose_value=False,
            callback=_count,
            help="Say nothing but warnings and errors; -qq errors only.",
        ),
    ] = 0,
) -> None:
    """Only there for Typer to make options of it, which every command gets."""


def make_options() -> list[Any]:
    """``-v`` and ``-q`` as parameters of a command."""
    return [each for each in get_command(_app).params if each.name in ("verbose", "quiet")]
