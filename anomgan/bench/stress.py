"""Stress tests: many rows, many columns, many levels.

Each runs commands of anomgan in processes of their own; one that fails ends the run.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from anomgan.bench.commands import write_table
from anomgan.bench.curves import COLUMNS
from anomgan.bench.process import USAGE_HEADER, ProcessUsage, run, run_module

MANY_ROWS = 10_000_000
NARROW_COLUMNS = 3
"""Columns of the file with many rows."""

FAST_OPTIONS = ("--preset", "fast", "--no-track")
LEVELS_SCRIPT = """
import sys, numpy as np, pandas as pd
rows, levels = map(int, sys.argv[2:])
rng = np.random.default_rng(0)
user = np.r_[np.arange(levels), rng.integers(0, levels, rows - levels)]
table = pd.DataFrame({"user": user, "a": rng.normal(size=rows), "b": rng.normal(size=rows)})
table["user"] = "user-" + table["user"].astype(str)
table.sample(frac=1, random_state=0).to_csv(sys.argv[1], index=False, float_format="%.5g")
"""


def _score_all(folder: str, new: str, model: Path, rows: int) -> ProcessUsage:
    """Score, and check that there is a line for each row.

    Raises:
        RuntimeError: If rows are missing.
    """
    out = Path(folder) / "scores.csv"
    usage = run_module("anomgan", "score", new, "--model", model, "--output", out)
    scored = _count_rows(str(out))
    out.unlink()
    if scored != rows:
        raise RuntimeError(f"{new}: {scored:,} of {rows:,} rows were scored")
    return usage


def score_many_rows(*, quick: bool) -> Iterator[str]:
    """Score ten million rows: peak memory has to be that of a tenth of them."""
    most = 20_000 if quick else MANY_ROWS
    yield f"{NARROW_COLUMNS} columns, `--preset fast`\n\n{USAGE_HEADER}"
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        run_module(
            "anomgan",
            "fit",
            write_table(folder, "train", 5_000, NARROW_COLUMNS),
            "--model",
            model,
            *FAST_OPTIONS,
        )
        peaks = []
        for count in (most // 10, most):
            new = write_table(folder, f"new{count}", count, NARROW_COLUMNS)
            usage = _score_all(folder, new, model, count)
            Path(new).unlink()
            peaks.append(usage.megabytes)
            yield usage.format_row(f"`anomgan score`, {count:,} rows", count)
        yield f"\nPeak memory: {peaks[1] / peaks[0]:.2f} times that of a tenth of the rows."


def fit_many_columns(*, quick: bool) -> Iterator[str]:
    """Fit and score with a thousand columns."""
    wide = 100 if quick else 1_000
    yield f"{wide:,} columns, default settings\n\n{USAGE_HEADER}"
    with tempfile.TemporaryDirectory() as folder:
        train = write_table(folder, "train", 500 if quick else 2_000, wide)
        new = write_table(folder, "new", 500 if quick else 10_000, wide)
        yield from _fit_and_score(folder, train, new, ["--no-track"])


def fit_many_levels(*, quick: bool) -> Iterator[str]:
    """Fit and score with a category of a hundred thousand levels."""
    count, most = (2_000, 1_000) if quick else (500_000, 100_000)
    yield f"A category of {most:,} levels, two numbers, `--preset fast`\n\n{USAGE_HEADER}"
    with tempfile.TemporaryDirectory() as folder:
        train = str(Path(folder) / "levels.csv")
        run(sys.executable, "-c", LEVELS_SCRIPT, train, str(count), str(most))
        yield from _fit_and_score(folder, train, train, FAST_OPTIONS)


def fit_many_rows(*, quick: bool) -> Iterator[str]:
    """Fit on half a million rows."""
    count = 5_000 if quick else 500_000
    yield f"{COLUMNS} columns, default settings\n\n{USAGE_HEADER}"
    with tempfile.TemporaryDirectory() as folder:
        train = write_table(folder, "train", count)
        usage = run_module("anomgan", "fit", train, "--model", Path(folder) / "model", "--no-track")
        yield usage.format_row(f"`anomgan fit`, {count:,} rows", count)


def _fit_and_score(folder: str, train: str, new: str, options: Sequence[str]) -> Iterator[str]:
    """Fit on one file, score another."""
    model = Path(folder) / "model"
    count = _count_rows(train)
    usage = run_module("anomgan", "fit", train, "--model", model, *options)
    yield usage.format_row(f"`anomgan fit`, {count:,} rows", count)
    count = _count_rows(new)
    yield _score_all(folder, new, model, count).format_row(
        f"`anomgan score`, {count:,} rows", count
    )


def _count_rows(path: str) -> int:
    """Count the records of a CSV without line breaks in its cells."""
    with Path(path).open("rb") as file:
        return sum(1 for _ in file) - 1
