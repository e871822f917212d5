"""The machine gives out in the middle: a line that says so, and nothing half written."""

from __future__ import annotations

import contextlib
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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
    assert error.endswith("File too large")
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
