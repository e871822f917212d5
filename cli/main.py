"""The ``anomgan`` command: its subcommands, and what becomes of interruptions and errors.

Nothing heavy is imported before a subcommand runs, so that ``--help`` answers at once.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from importlib.metadata import version as installed_version
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
)
from anomgan.cli.console import say, shown_warnings
from anomgan.errors import InputError

DONE, DEFECT, WRONG_INPUT, INTERRUPTED, BROKEN_PIPE, TERMINATED = 0, 1, 2, 130, 141, 143

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
app.command()(bench.bench)
app.command()(log.log)
app.command()(promote.promote)
app.command()(serve.serve)
app.add_typer(datasets.app)


class Terminated(BaseException):
    """Somebody sent SIGTERM."""


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; errors become one line each and an exit status.

    Args:
        args: What was typed after ``anomgan``; the process's own arguments by default.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may lack a letter
    # Threads that wait spinning are lost to whatever else runs here; torch reads it on import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with shown_warnings(), _terminable():
        sys.exit(_status(sys.argv[1:] if args is None else list(args)))


def _status(args: list[str]) -> int:
    """Run a command and return the exit status."""
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
        say(f"interrupted; {_state(stop)}")
        return INTERRUPTED
    except Terminated as stop:
        say(f"terminated; {_state(stop)}")
        return TERMINATED
    except BrokenPipeError:  # as with `| head`: whoever reads has had enough
        _discard_output()
        return BROKEN_PIPE
    except OSError as error:
        _discard_output()
        where = "can't write the output" if error.filename is None else str(error.filename)
        return _refuse(f"{where}: {error.strerror or error}")
    except Exception as error:
        if _out_of_memory(error):
            return _refuse("not enough memory; try fewer columns, or a smaller --set batch=…")
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


def _state(stop: BaseException) -> str:
    """What an interrupted command leaves behind: its own words, or nothing at all."""
    return "; ".join(getattr(stop, "__notes__", ["nothing was changed"]))


def _out_of_memory(error: Exception) -> bool:
    """Whether Python, NumPy, pyarrow or torch, which raises RuntimeErrors, ran out of memory."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _discard_output() -> None:
    """Let the interpreter's last flush of standard output go nowhere instead of failing."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that temporary files are removed on the way out."""
    if threading.current_thread() is not threading.main_thread():  # only there can one be set
        yield
        return

    def terminate(number: int, frame: FrameType | None) -> NoReturn:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
