"""The ``anomgan`` command: subcommands, exit status, handling of errors and signals.

Torch and MLflow are imported only by the subcommands that need them, so that ``--help`` is fast.
"""

from __future__ import annotations

import contextlib
import gc
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
    export,
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
from anomgan.cli.console import LOGGER, discard, open_streams, refuse, show_warnings
from anomgan.cli.panels import arrange, walk
from anomgan.cli.plugin_option import make_plugin_option
from anomgan.cli.verbosity import make_options, show_log
from anomgan.errors import InputError, out_of_memory
from anomgan.plugins.failures import describe_failure
from anomgan.utils.atomic import track_changes
from anomgan.utils.late_import import delay_import

DONE, DEFECT, WRONG_INPUT, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141

STOP_SIGNALS = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that stop a command; the exit status is 128 and their number."""

NO_MEMORY = "not enough memory; try fewer columns or rows; fit needs less with --set batch=…"

IGNORE_REPEATED_S = 1.0
"""Seconds after such a signal in which further ones are ignored, while files are cleaned up."""

COMPLETION = "_ANOMGAN_COMPLETE"
"""Environment variable by which shells ask for completions."""

UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])
"""Base class of errors in the use of options; Typer has no public name for it."""

app = typer.Typer(
    name="anomgan",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command()(fit.fit)
app.command()(score.score)
app.command()(evaluate.evaluate)
app.command()(calibrate.calibrate)
app.command()(explain.explain)
app.command()(export.export)
app.command()(sample.sample)
app.command()(report.report)
app.command()(info.info)
app.command()(bench.bench)
app.command()(log.log)
app.command()(promote.promote)
app.command()(serve.serve)
app.command()(methods.methods)
app.command()(settings.settings)
app.add_typer(datasets.app)


class Terminated(BaseException):
    """SIGTERM was sent, or SIGHUP because the terminal was closed."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number."""
        super().__init__()
        self.status = 128 + number


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; errors become one line each and an exit status.

    Args:
        args: Arguments after ``anomgan``; default: those of the process.
    """
    open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for terminals that aren't UTF-8
    # Idle threads shouldn't spin, which takes cores from other processes; torch reads it on import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Half of the time that imports take, beside torch's: scikit-learn imports scipy.stats for one
    # function, and the garbage collector looks again and again at objects that stay.
    delay_import("scipy.stats")
    gc.set_threshold(100_000)
    with show_log(), show_warnings(), _raise_on_signals(), track_changes() as changed:
        sys.exit(_status(sys.argv[1:] if args is None else list(args), changed))


def _status(args: list[str], changed: Collection[Path]) -> int:
    """Run a command and return the exit status; ``changed`` are the files it has written so far."""
    try:
        command = make_command()
        if COMPLETION in os.environ:  # a shell asks what could be typed next
            command.main(args, prog_name="anomgan")
        with command.make_context("anomgan", args) as context:
            command.invoke(context)
        sys.stdout.flush()
        return DONE
    except typer.Exit as request:
        return request.exit_code
    except InputError as error:
        return _refuse(str(error))
    except UsageError as error:
        return _refuse(_describe_usage_error(error))
    except KeyboardInterrupt as stop:
        LOGGER.error(f"interrupted; {_describe_state(stop, changed)}")
        return INTERRUPTED
    except Terminated as stop:
        LOGGER.error(f"terminated; {_describe_state(stop, changed)}")
        return stop.status
    except BrokenPipeError:  # the reader has closed the pipe, as `| head` does
        discard(sys.stdout)
        return BROKEN_PIPE
    except SystemExit as request:  # rich raises it instead
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
        if failure := describe_failure(error):
            return _refuse(failure)
        traceback.print_exc()
        LOGGER.error(
            "this is a defect of anomgan, not of your input; please report the lines above"
        )
        return DEFECT


def make_command() -> Any:
    """The command of :data:`app`, its options in panels; -v, -q and --plugin are added here."""
    command = get_command(app)
    for each in walk(command):
        each.params += make_options()
    for each in [command, *getattr(command, "commands", {}).values()]:
        if each.name != "datasets":
            each.params.append(make_plugin_option())
    arrange(command)
    return command


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"anomgan {installed_version('anomgan')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _anomgan(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """Find abnormal records with GANs that have learnt what normal looks like."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _refuse(reason: str) -> int:
    refuse(reason)
    return WRONG_INPUT


def _describe_usage_error(error: Any) -> str:
    """A usage error in one line, with the command that shows help."""
    message = " ".join(error.format_message().split()).rstrip(".")
    command = error.ctx.command_path if error.ctx else "anomgan"
    return f"{message}; see `{command} --help`"


def _describe_state(stop: BaseException, changed: Collection[Path]) -> str:
    """What an interrupted command leaves behind: its notes, or the files that it has written."""
    written = [str(path) for path in changed if os.path.lexists(path)]
    default = f"changed: {', '.join(written)}" if written else "nothing was changed"
    return "; ".join(getattr(stop, "__notes__", [default]))


@contextlib.contextmanager
def _raise_on_signals() -> Iterator[None]:
    """Raise exceptions for signals, so that temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():  # handlers can't be set elsewhere
        yield
        return
    last_signal = -math.inf

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal last_signal
        previous, last_signal = last_signal, time.monotonic()
        if last_signal < previous + IGNORE_REPEATED_S:
            return
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)

    numbers = [getattr(signal, name) for name in STOP_SIGNALS]
    handlers = {number: signal.getsignal(number) for number in numbers}
    # Ignored signals stay ignored: under nohup, or if a shell started a background job.
    caught = [number for number in numbers if handlers[number] != signal.SIG_IGN]
    for number in caught:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, handlers[number])
