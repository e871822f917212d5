"""The command itself: help, usage, and what becomes of errors and interruptions."""

from __future__ import annotations

import importlib.metadata
import os
import pty
import re
import select
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from anomgan import DataWarning
from anomgan.data import samples

COMMANDS = ["fit", "score", "info", "methods", "settings", "datasets"]
ANOMGAN = [sys.executable, "-m", "anomgan"]


def test_help_lists_every_command(run: Any) -> None:
    done = run("--help")
    assert (done.code, done.err) == (0, "")
    for command in COMMANDS:
        assert f" {command} " in done.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Any, command: str) -> None:
    done = run(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert f"anomgan {command}" in done.out


def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
from anomgan.cli.main import main
try:
    main(["fit", "--help"])
finally:
    heavy = {"torch", "sklearn", "pandas", "pyarrow", "numpy", "scipy", "mlflow"}
    print("imported:", *heavy & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: anomgan fit" in done.stdout
    assert done.stdout.splitlines()[-1] == "imported:"


@pytest.mark.parametrize("command", [["methods"], ["datasets", "list"], ["settings"]])
def test_lists_wait_for_nothing_heavy_and_fit_80_columns(command: list[str]) -> None:
    code = """
import sys
from anomgan.cli.main import main
try:
    main(sys.argv[1:])
finally:
    heavy = {"torch", "sklearn", "pandas", "pyarrow", "scipy", "mlflow"}
    print("imported:", *heavy & set(sys.modules))
"""
    shown = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert shown[-1] == "imported:"
    assert len(shown) > 5
    assert max(map(len, shown)) <= 80


def test_scoring_imports_no_more_than_it_needs(
    run: Any, fitted: Any, tiny: list[str], tmp_path: Path
) -> None:
    normal = fitted.new.with_name("normal.csv")
    assert run("fit", normal, "--method", "sngan", "--model", tmp_path / "m", *tiny).code == 0
    code = """
import sys
from anomgan.cli.main import main
try:
    main(sys.argv[1:])
finally:
    heavy = {"mlflow", "matplotlib", "PIL", "sympy", "torch._dynamo"}
    heavy |= {f"sklearn.{name}" for name in ("covariance", "linear_model", "metrics", "neighbors")}
    print("imported:", *heavy & set(sys.modules))
"""
    command = ["score", fitted.new, "--model", tmp_path / "m"]
    command = [sys.executable, "-c", code, *map(str, command)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1 + len(fitted.records) + 1
    assert done.stdout.splitlines()[-1] == "imported:"


def test_version(run: Any) -> None:
    done = run("--version")
    assert (done.code, done.out) == (0, f"anomgan {importlib.metadata.version('anomgan')}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fiit"], "No such command 'fiit'. Did you mean 'fit'?; see `anomgan --help`"),
        (["fit"], "Missing argument 'NORMAL'; see `anomgan fit --help`"),
        (["fit", "x.csv", "--modle", "m"], "No such option: --modle"),
        (["fit", "x.csv", "--seed", "-1"], "Invalid value for '--seed': "),
        (["fit", "x.csv", "--seed", str(2**40)], "Invalid value for '--seed': "),
        (["fit", "x.csv", "--alpha", "low"], "Invalid value for '--alpha': "),
        (["score", "a.csv", "b.csv"], "Got unexpected extra argument"),
        (["datasets", "export", "wine"], "Missing argument 'DIR'; see `anomgan datasets export"),
    ],
)
def test_usage_errors(run: Any, arguments: list[str], message: str) -> None:
    assert message in run(*arguments).error


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Have ``anomgan datasets`` fail."""

    def fail() -> None:
        raise error

    monkeypatch.setattr(samples, "list_samples", fail)


def test_a_defect_shows_its_traceback(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, ZeroDivisionError("oh"))
    done = run("datasets")
    assert done.code == 1
    assert "Traceback" in done.err
    assert "ZeroDivisionError: oh" in done.err
    assert done.err.splitlines()[-1].startswith("anomgan: this is a defect of anomgan")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "not enough memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: …"),
            "not enough memory",
        ),
        (ImportError("x.so: failed to map segment from shared object"), "not enough memory"),
        (OSError(12, "Cannot allocate memory"), "not enough memory"),
        (OSError(28, "No space left on device"), "can't write the output: No space left on device"),
        (PermissionError(13, "Permission denied", "x/y"), "x/y: Permission denied"),
    ],
)
def test_the_machine_is_at_its_limits(
    run: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    fail_with(monkeypatch, error)
    assert run("datasets").error.startswith(message)


def test_an_interruption(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    done = run("datasets")
    assert (done.code, done.err) == (130, "anomgan: interrupted; nothing was changed\n")


def test_a_message_stays_on_one_line(run: Any) -> None:
    error = run("score", "no[red]\n\x1b[31mname.csv", "--model", "a\nb").error
    assert error.startswith(r"a\nb: ")
    error = run("datasets", "export", "no[red]\n\x1b[31mname", "x").error
    assert r"no[red]\n\x1b[31mname" in error


def test_warnings_are_single_lines_told_once(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    original = samples.list_samples

    def warn() -> object:
        for row in range(3):
            warnings.warn("[red] is odd", DataWarning, stacklevel=1)
            warnings.warn(f"row {row}", DataWarning, stacklevel=1)
        return original()

    monkeypatch.setattr(samples, "list_samples", warn)
    assert run("datasets").err.splitlines() == [
        "anomgan: warning: [red] is odd",
        "anomgan: warning: row 0",
        "anomgan: warning: row 1",
        "anomgan: warning: row 2",
    ]


@pytest.mark.parametrize("command", ["--help", "methods"])
def test_whoever_reads_may_leave(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*ANOMGAN, command], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_output_that_does_not_fit(fitted: Any) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*ANOMGAN, "score", str(fitted.new), "--model", str(fitted.model)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "anomgan: error: can't write the output: No space left on device\n"


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_fit_that_is_stopped_leaves_the_old_model(
    run: Any, fitted: Any, tiny: list[str], tmp_path: Path, number: int, code: int, word: str
) -> None:
    normal, model = fitted.new.with_name("normal.csv"), tmp_path / "model"
    assert run("fit", normal, "--model", model, *tiny).code == 0
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    master, terminal = pty.openpty()  # where the bar is shown, which tells that training runs
    command = [*ANOMGAN, "fit", normal, "--model", model, *tiny, "--set", "steps=1000000"]
    command += ["--set", "passes=1e9"]
    # Where the tests themselves run in the background SIGINT is ignored, and children inherit it.
    before_interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(list(map(str, command)), stderr=terminal)
    finally:
        signal.signal(signal.SIGINT, before_interrupt)
    with process:
        os.close(terminal)
        seen = read_until(master, b"training")
        process.send_signal(number)
        seen += read_until(master, b"nothing was changed")
        assert process.wait() == code
    os.close(master)
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.decode())
    assert re.search(r"training.* \d+/\d+.* discriminator .*generator ", shown)
    assert f"anomgan: {word}; nothing was changed" in shown
    assert "Traceback" not in shown
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def read_until(terminal: int, wanted: bytes) -> bytes:
    """What a process writes to a terminal, up to something."""
    seen = b""
    while wanted not in seen:
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, seen
        try:
            seen += os.read(terminal, 65536)
        except OSError:  # it has closed its end
            raise AssertionError(seen) from None
    return seen
