"""The machine gives out in the middle: a line that says so, and nothing half written."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomgan.data.samples import load_sample
from anomgan.scoring.fitted_ensemble import FittedEnsemble

ANOMGAN = [sys.executable, "-m", "anomgan"]


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Have the system refuse to let files grow beyond so many bytes, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "command",
    [
        ["score", "NEW", "--output", "OUT.csv"],
        ["score", "NEW", "--output", "OUT.csv.gz", "--append"],
        ["score", "NEW", "--output", "OUT.csv", "--fdr", "0.1"],
        ["sample", "300", "--output", "OUT.csv"],
        ["sample", "300", "--output", "OUT.parquet"],
        ["report", "--output", "OUT.html"],
        ["explain", "NEW", "--top", "3", "--output", "OUT.json"],
    ],
    ids=" ".join,
)
def test_a_disk_that_fills_up(run: Any, fitted: Any, tmp_path: Path, command: list[str]) -> None:
    out = tmp_path / next(word for word in command if word.startswith("OUT"))
    words = {"NEW": fitted.new, out.name: out}
    out.write_text("what was there before")
    model = [str(fitted.model)] if command[0] == "report" else ["--model", str(fitted.model)]
    with largest_file(500):
        error = run(command[0], *model, *(words.get(word, word) for word in command[1:])).error
    assert error == f"--output {out}: can't be written: File too large"
    assert out.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [out]


def test_a_disk_that_fills_up_while_a_model_is_stored(
    run: Any, fitted: Any, tiny: list[str], tmp_path: Path
) -> None:
    model, normal = tmp_path / "model", fitted.new.with_name("normal.csv")
    with largest_file(5_000):
        error = run("fit", normal, "--model", model, "--no-track", *tiny).error
    assert error.startswith(f"{model}: can't write the model: File too large")
    assert list(tmp_path.iterdir()) == []


# --- signals --------------------------------------------------------------------------------------

WRITERS = {
    "score": ["score", "NEW", "--model", "MODEL", "--output", "a.csv"],
    "score --drift-report": [
        "score", "NEW", "--model", "MODEL", "--output", "a.csv", "--drift-report", "b.json"
    ],
    "sample": ["sample", "40", "--model", "MODEL", "--output", "a.parquet"],
    "explain": ["explain", "NEW", "--model", "MODEL", "--top", "1", "--output", "a.txt"],
    "report": ["report", "MODEL", "--output", "a.html"],
    "evaluate": [
        "evaluate", "LABELLED", "--model", "MODEL", "--label", "odd", "--no-peers", "--bootstrap",
        "0", "--plots", "p",
    ],
    "datasets export": ["datasets", "export", "wine", "w"],
}  # fmt: skip
"""Commands that write files."""


@pytest.fixture
def writes(
    run: Any, fitted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Any]:
    """Run one of `WRITERS` in an empty folder."""
    labelled = tmp_path / "labelled.csv"
    odd = fitted.records.index % 10 == 0
    fitted.records.assign(odd=odd.astype(int)).to_csv(labelled, index=False)
    words = {"NEW": fitted.new, "MODEL": fitted.model, "LABELLED": labelled}
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return lambda name: run(*(words.get(word, word) for word in WRITERS[name]))


def files_here() -> set[str]:
    """All that is in the current folder, folders too."""
    return {path.as_posix() for path in Path().rglob("*")}


@pytest.fixture
def default_signals() -> Iterator[None]:
    """Signals as in a terminal, also where the tests run under `nohup` or in the background."""
    numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    before = [signal.signal(number, signal.SIG_DFL) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


STOPS = [("score", signal.SIGINT, 130, "interrupted"), ("score", signal.SIGHUP, 129, "terminated")]
STOPS += [(name, signal.SIGTERM, 143, "terminated") for name in WRITERS]


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize(("name", "number", "code", "word"), STOPS)
def test_a_command_that_is_stopped_leaves_nothing(
    writes: Any, monkeypatch: pytest.MonkeyPatch, name: str, number: int, code: int, word: str
) -> None:
    def stop(path: Path, target: Path) -> None:
        """The worst moment: all is written but nothing in place.  People press Ctrl-C twice."""
        for _ in range(2):
            os.kill(os.getpid(), number)

    monkeypatch.setattr(Path, "replace", stop)
    done = writes(name)
    assert (done.code, done.err) == (code, f"anomgan: {word}; nothing was changed\n")
    assert files_here() == set()


@pytest.mark.usefixtures("default_signals")
def test_an_ignored_signal_stays_ignored(writes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under `nohup`."""
    replace = Path.replace

    def hang_up(path: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGHUP)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", hang_up)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert writes("score").code == 0
    assert files_here() == {"a.csv"}


@pytest.mark.usefixtures("default_signals")
@pytest.mark.parametrize("name", WRITERS)
def test_a_command_that_is_stopped_tells_what_is_in_place(
    writes: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    replace = Path.replace

    def stop(path: Path, target: Path) -> Path:
        placed = replace(path, target)
        os.kill(os.getpid(), signal.SIGTERM)
        return placed

    monkeypatch.setattr(Path, "replace", stop)
    done = writes(name)
    assert done.code == 143
    [there] = {name for name in files_here() if Path(name).is_file()}
    assert done.err == f"anomgan: terminated; changed: {there}\n"


def test_two_files_in_one_folder(writes: Any) -> None:
    done = writes("score --drift-report")
    assert done.code == 0, done.err
    assert files_here() == {"a.csv", "b.json"}
    assert "drift" in json.loads(Path("b.json").read_text())


# --- streams --------------------------------------------------------------------------------------


def test_standard_streams_that_are_closed(tmp_path: Path) -> None:
    original = load_sample("wine").normal_path.read_bytes()
    command = [*ANOMGAN, "datasets", "export", "wine", str(tmp_path / "w")]
    shell = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
    assert subprocess.run([*shell, *command], check=False).returncode == 0
    assert (tmp_path / "w" / "normal.csv").read_bytes() == original
    shell = ["sh", "-c", 'exec "$@" >&-', "sh"]
    command = [*ANOMGAN, "datasets"]
    done = subprocess.run([*shell, *command], check=False, stderr=subprocess.PIPE, text=True)
    told = "anomgan: error: standard output is closed, so there is nowhere to print to\n"
    assert (done.returncode, done.stderr) == (2, told)


def test_messages_that_nobody_can_read_stop_nothing(tmp_path: Path) -> None:
    command = [*ANOMGAN, "datasets", "export", "wine", str(tmp_path / "w")]
    with Path("/dev/full").open("w") as full:
        assert subprocess.run(command, check=False, stderr=full).returncode == 0
    assert len(list((tmp_path / "w").iterdir())) == 3


# --- memory ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(WRITERS.keys() - {"datasets export"}))
def test_a_model_that_memory_has_no_room_for(
    writes: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(*arguments: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(FittedEnsemble, "score", full)  # tried when a model is read
    assert writes(name).error.startswith("not enough memory; try fewer")
    assert files_here() == set()


LITTLE_MEMORY = r"""
import re, resource, sys
from pathlib import Path
import torch, pyarrow.csv, anomgan.estimator, anomgan.cli.fit
from anomgan.cli.main import main
held = int(re.search(r"VmSize:\s*(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (held + 2**28, held + 2**28))
main(sys.argv[1:])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="bounds memory as Linux does")
def test_a_table_that_memory_has_no_room_for(tmp_path: Path) -> None:
    tall = tmp_path / "tall.npz"
    np.savez_compressed(tall, X=np.tile(np.arange(200.0), (250_000, 1)))  # 400 MB, in the file 2
    command = ["fit", str(tall), "--model", str(tmp_path / "model"), "--no-track"]
    done = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY, *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1].startswith("anomgan: error: not enough memory; try fewer")
    assert "Traceback" not in done.stderr
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == [tall]


@pytest.mark.slow
def test_scoring_that_is_terminated_leaves_no_output(fitted: Any, tmp_path: Path) -> None:
    command = ["score", "-", "--model", str(fitted.model), "--output", str(tmp_path / "out.csv")]
    with subprocess.Popen(
        [*ANOMGAN, *command], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not list(tmp_path.iterdir()):  # the file under another name
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert process.stderr.read() == "anomgan: terminated; nothing was changed\n"
    assert process.returncode == 143
    assert list(tmp_path.iterdir()) == []
