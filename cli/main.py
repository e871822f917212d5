"""The ``anomgan`` command: its subcommands, and what becomes of interruptions and errors.

Nothing heavy is imported before a subcommand runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import version as installed_version
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn, cast

import typer
from typer.main import get_command

from anomgan.cli import (
    bench,
    calibrate,
    datasets,
    evaluate,
    explain,
    fit,
    info,
    log,
    methods,
    promote,
    report,
    sample,
    score,
    serve,
    settings,
)
from anomgan.cli.console import discard, open_streams, say, shown_warnings
from anomgan.errors import InputError, out_of_memory
from anomgan.utils.atomic import track_changes

DONE, DEFECT, WRONG_INPUT, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141

STOPS = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that stop a command; the exit status is 128 and their number."""

NO_MEMORY = "not enough memory; try fewer columns or rows; fit needs less with --set batch=…"

CALM = 1.0
"""Seconds after such a signal in which others change nothing: what there is to clear up is."""

UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])
"""Parent of all errors in the use of options; Typer has no public name for it."""

app = typer.Typer(
    name="anomgan",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command()(fit.fit)
app.command()(score.score)
app.command()(evaluate.evaluate)
app.command()(calibrate.calibrate)
app.command()(explain.explain)
app.command()(sample.sample)
app.command()(report.report)
app.command()(info.info)
app.command()(methods.methods)
app.command()(settings.settings)
app.command()(bench.bench)
app.command()(log.log)
app.command()(promote.promote)
app.command()(serve.serve)
app.add_typer(datasets.app)


class Terminated(BaseException):
    """Somebody sent SIGTERM, or closed the terminal."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number."""
        super().__init__()
        self.status = 128 + number


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; errors become one line each and an exit status.

    Args:
        args: What was typed after ``anomgan``; the process's own arguments by default.
    """
    open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may lack a letter
    # Threads that wait spinning are lost to whatever else runs here; torch reads it on import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with shown_warnings(), _stoppable(), track_changes() as changed:
        sys.exit(_status(sys.argv[1:] if args is None else list(args), changed))


def _status(args: list[str], changed: Collection[Path]) -> int:
    """Run a command and return the exit status; ``changed`` tells what it has changed so far."""
    try:
        command = get_command(app)
        with command.make_context("anomgan", args) as context:
            command.invoke(context)
        sys.stdout.flush()
        return DONE
    except typer.Exit as request:
        return request.exit_code
    except InputError as error:
        return _refuse(str(error))
    except UsageError as error:
        return _refuse(_usage(error))
    except KeyboardInterrupt as stop:
        say(f"interrupted; {_state(stop, changed)}")
        return INTERRUPTED
    except Terminated as stop:
        say(f"terminated; {_state(stop, changed)}")
        return stop.status
    except BrokenPipeError:  # as with `| head`: whoever reads has had enough
        discard(sys.stdout)
        return BROKEN_PIPE
    except SystemExit as request:  # rich's way to say the same
        if isinstance(request.__context__, BrokenPipeError):
            return BROKEN_PIPE
        raise
    except OSError as error:
        discard(sys.stdout)
        if out_of_memory(error):
            return _refuse(NO_MEMORY)
        where = "can't write the output" if error.filename is None else str(error.filename)
        return _refuse(f"{where}: {error.strerror or error}")
    except Exception as error:
        if out_of_memory(error):
            return _refuse(NO_MEMORY)
        traceback.print_exc()
        say("this is a defect of anomgan, not of your input; please report the lines above")
        return DEFECT


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"anomgan {installed_version('anomgan')}")
        raise typer.Exit


@app.callback()
def _anomgan(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """Find abnormal records with GANs that have learnt what normal looks like."""


def _refuse(reason: str) -> int:
    say(f"error: {reason}")
    return WRONG_INPUT


def _usage(error: Any) -> str:
    """A usage error in one line, with the place to look for help."""
    message = " ".join(error.format_message().split()).rstrip(".")
    command = error.ctx.command_path if error.ctx else "anomgan"
    return f"{message}; see `{command} --help`"


def _state(stop: BaseException, changed: Collection[Path]) -> str:
    """What an interrupted command leaves behind: its own words, what has changed, or nothing."""
    there = [str(path) for path in changed if os.path.lexists(path)]
    otherwise = f"changed: {', '.join(there)}" if there else "nothing was changed"
    return "; ".join(getattr(stop, "__notes__", [otherwise]))


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Turn signals into exceptions, so that temporary files are removed on the way out."""
    if threading.current_thread() is not threading.main_thread():  # only there can one be set
        yield
        return
    last = -math.inf

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal last
        before, last = last, time.monotonic()
        if last < before + CALM:
            return
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)

    numbers = [getattr(signal, name) for name in STOPS]
    handlers = {number: signal.getsignal(number) for number in numbers}
    # What is ignored stays so: nohup, and shells that start a command in the background.
    caught = [number for number in numbers if handlers[number] != signal.SIG_IGN]
    for number in caught:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, handlers[number])
