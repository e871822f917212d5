"""Speed and memory beside the peers: ``make bench-speed``.

Every figure is that of a whole process, as the operating system accounts for it, on data made here;
the table goes to standard output as Markdown.  Rows and repeats can be lowered for a quick look:
``python -m anomgan.bench.speed --rows 100000``.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = 20
TRAIN = 5_000

FIT = """
import sys, pandas as pd
from sklearn.preprocessing import StandardScaler
X = StandardScaler().fit_transform(pd.read_csv(sys.argv[1]))
{make}
model.fit(X)
"""
PEERS = {
    "PyOD AutoEncoder": "from pyod.models.auto_encoder import AutoEncoder; model = AutoEncoder()",
    "PyOD LUNAR": "from pyod.models.lunar import LUNAR; model = LUNAR()",
    "IsolationForest": "from sklearn.ensemble import IsolationForest; model = IsolationForest()",
}
FOREST = """
import sys, pandas as pd
from sklearn.ensemble import IsolationForest
model = IsolationForest(random_state=0).fit(pd.read_csv(sys.argv[1]).to_numpy())
with open(sys.argv[3], "w") as out:
    for chunk in pd.read_csv(sys.argv[2], chunksize=65536):
        pd.Series(-model.score_samples(chunk.to_numpy())).to_csv(out, header=False)
"""
READ = "import sys, pandas as pd; [len(c) for c in pd.read_csv(sys.argv[1], chunksize=65536)]"


@dataclass(frozen=True)
class Usage:
    """What one process took."""

    seconds: float
    megabytes: float

    def row(self, name: str, rows: int | None = None) -> str:
        """A line of a Markdown table; ``rows`` adds rows per second."""
        rate = "" if rows is None else f"{rows / self.seconds:,.0f}"
        # A process starts out with the peak of the one that started it.
        least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        peak = f"< {least:,.0f}" if self.megabytes <= least else f"{self.megabytes:,.0f}"
        return f"| {name} | {self.seconds:.1f} | {rate} | {peak} |"


def run(*command: str) -> Usage:
    """Run a process to its end.

    Raises:
        RuntimeError: If it fails; carries what it printed.
    """
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)  # noqa: S603
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{command[:4]} failed: {said.read().decode()[-2000:]}")
    return Usage(seconds, usage.ru_maxrss / 1024)


def write(path: Path, rows: int, seed: int) -> None:
    """Write a CSV of correlated columns, in pieces, so that any length fits into memory."""
    mix = np.random.default_rng(0).normal(size=(6, COLUMNS))
    rng = np.random.default_rng(seed)
    for start in range(0, rows, 100_000):
        n = min(100_000, rows - start)
        values = np.tanh(rng.normal(size=(n, 6))) @ mix + 0.1 * rng.normal(size=(n, COLUMNS))
        frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(COLUMNS)])
        frame.to_csv(path, mode="a", header=start == 0, index=False, float_format="%.6g")


def lines(folder: Path, rows: int) -> Iterator[str]:
    """Measure, and yield the report line by line."""
    python, ours = sys.executable, [sys.executable, "-m", "anomgan"]
    train, small, large = (folder / f"{name}.csv" for name in ("train", "small", "large"))
    for path, count, seed in [(train, TRAIN, 1), (small, rows // 10, 2), (large, rows, 3)]:
        write(path, count, seed)
    head = "| | seconds | rows/s | peak MB |\n|---|---:|---:|---:|"

    yield f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n"
    yield f"Start, then fit on {TRAIN:,} × {COLUMNS} numbers\n\n{head}"
    yield run(*ours, "--help").row("`anomgan --help`")
    for preset in ("fast", "balanced"):
        model = str(folder / preset)
        usage = run(*ours, "fit", str(train), "--model", model, "--preset", preset)
        yield usage.row(f"`anomgan fit --preset {preset}`")
    for name, make in PEERS.items():
        yield run(python, "-c", FIT.format(make=make), str(train)).row(name)

    out = str(folder / "scores.csv")
    yield f"\nScore a CSV of {COLUMNS} columns\n\n{head}"
    for path, count in [(small, rows // 10), (large, rows)]:
        model = str(folder / "balanced")
        usage = run(*ours, "score", str(path), "--model", model, "--output", out)
        yield usage.row(f"`anomgan score`, {count:,} rows", count)
        usage = run(python, "-c", FOREST, str(train), str(path), out)
        yield usage.row(f"IsolationForest, {count:,} rows", count)
        yield run(python, "-c", READ, str(path)).row(f"pandas reading, {count:,} rows", count)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Speed and memory beside the peers.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows to score")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        for line in lines(Path(folder), rows):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
