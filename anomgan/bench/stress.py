"""Loads that a night may bring: many rows, many columns, many levels.

Each is a command of anomgan's in a process of its own; one that fails ends the run.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from anomgan.bench.commands import written
from anomgan.bench.curves import COLUMNS
from anomgan.bench.process import USAGE_HEAD, Usage, module, run

ROWS = 10_000_000
NARROW = 3
"""Columns of the file of many rows."""

FAST = ("--preset", "fast", "--no-track")
LEVELS = """
import sys, numpy as np, pandas as pd
rows, levels = map(int, sys.argv[2:])
rng = np.random.default_rng(0)
user = np.r_[np.arange(levels), rng.integers(0, levels, rows - levels)]
table = pd.DataFrame({"user": user, "a": rng.normal(size=rows), "b": rng.normal(size=rows)})
table["user"] = "user-" + table["user"].astype(str)
table.sample(frac=1, random_state=0).to_csv(sys.argv[1], index=False, float_format="%.5g")
"""


def _scored(folder: str, new: str, model: Path, rows: int) -> Usage:
    """Score, and see that there is a line for each row.

    Raises:
        RuntimeError: If there isn't.
    """
    out = Path(folder) / "scores.csv"
    usage = module("anomgan", "score", new, "--model", model, "--output", out)
    found = _lines(str(out))
    out.unlink()
    if found != rows:
        raise RuntimeError(f"{new}: {rows:,} rows went in, {found:,} came out")
    return usage


def rows(*, quick: bool) -> Iterator[str]:
    """Ten million rows: memory has to stay as it was for a tenth of them."""
    most = 20_000 if quick else ROWS
    yield f"{NARROW} columns, `--preset fast`\n\n{USAGE_HEAD}"
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        module("anomgan", "fit", written(folder, "train", 5_000, NARROW), "--model", model, *FAST)
        peaks = []
        for count in (most // 10, most):
            new = written(folder, f"new{count}", count, NARROW)
            usage = _scored(folder, new, model, count)
            Path(new).unlink()
            peaks.append(usage.megabytes)
            yield usage.row(f"`anomgan score`, {count:,} rows", count)
        yield f"\nPeak memory: {peaks[1] / peaks[0]:.2f} times that of a tenth of the rows."


def columns(*, quick: bool) -> Iterator[str]:
    """A thousand columns."""
    wide = 100 if quick else 1_000
    yield f"{wide:,} columns, default settings\n\n{USAGE_HEAD}"
    with tempfile.TemporaryDirectory() as folder:
        train = written(folder, "train", 500 if quick else 2_000, wide)
        new = written(folder, "new", 500 if quick else 10_000, wide)
        yield from _both(folder, train, new, ["--no-track"])


def levels(*, quick: bool) -> Iterator[str]:
    """A category of a hundred thousand levels."""
    count, most = (2_000, 1_000) if quick else (500_000, 100_000)
    yield f"A category of {most:,} levels, two numbers, `--preset fast`\n\n{USAGE_HEAD}"
    with tempfile.TemporaryDirectory() as folder:
        train = str(Path(folder) / "levels.csv")
        run(sys.executable, "-c", LEVELS, train, str(count), str(most))
        yield from _both(folder, train, train, FAST)


def many(*, quick: bool) -> Iterator[str]:
    """Half a million rows to fit on."""
    count = 5_000 if quick else 500_000
    yield f"{COLUMNS} columns, default settings\n\n{USAGE_HEAD}"
    with tempfile.TemporaryDirectory() as folder:
        train = written(folder, "train", count)
        usage = module("anomgan", "fit", train, "--model", Path(folder) / "model", "--no-track")
        yield usage.row(f"`anomgan fit`, {count:,} rows", count)


def _both(folder: str, train: str, new: str, options: Sequence[str]) -> Iterator[str]:
    """Fit on a file, score one."""
    model = Path(folder) / "model"
    count = _lines(train)
    usage = module("anomgan", "fit", train, "--model", model, *options)
    yield usage.row(f"`anomgan fit`, {count:,} rows", count)
    count = _lines(new)
    yield _scored(folder, new, model, count).row(f"`anomgan score`, {count:,} rows", count)


def _lines(path: str) -> int:
    """Records of a CSV without line ends in its cells."""
    with Path(path).open("rb") as file:
        return sum(1 for _ in file) - 1
