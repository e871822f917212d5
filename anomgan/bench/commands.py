"""Time and memory of whole commands on CSV files, beside scripts with peers; a profile."""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from anomgan.bench.curves import COLUMNS, FIT_ROWS
from anomgan.bench.process import USAGE_HEADER, run, run_module

SCORED_ROWS = 1_000_000
PROFILED_ROWS = 100_000

FIT_SCRIPT = """
import sys, pandas as pd
from sklearn.preprocessing import StandardScaler
X = StandardScaler().fit_transform(pd.read_csv(sys.argv[1]))
{make}
model.fit(X)
"""
FOREST = "from sklearn.ensemble import IsolationForest; model = IsolationForest()"
PYOD = {
    "PyOD AutoEncoder": "from pyod.models.auto_encoder import AutoEncoder; model = AutoEncoder()",
    "PyOD LUNAR": "from pyod.models.lunar import LUNAR; model = LUNAR()",
}
SCORE_SCRIPT = """
import sys, pandas as pd
from sklearn.ensemble import IsolationForest
model = IsolationForest(random_state=0).fit(pd.read_csv(sys.argv[1]).to_numpy())
with open(sys.argv[3], "w") as out:
    for chunk in pd.read_csv(sys.argv[2], chunksize=65536):
        pd.Series(-model.score_samples(chunk.to_numpy())).to_csv(out, header=False)
"""
READ_SCRIPT = (
    "import sys, pandas as pd; [len(c) for c in pd.read_csv(sys.argv[1], chunksize=65536)]"
)


def write_table(folder: str, name: str, rows: int, columns: int = COLUMNS) -> str:
    """Write a synthetic CSV; returns its path."""
    path = str(Path(folder) / f"{name}.csv")
    run_module("anomgan.bench.synthetic", path, rows, columns, len(name))
    return path


def measure_start(*, quick: bool) -> Iterator[str]:
    """Measure the start-up time of the command line: the best of a few runs."""
    yield USAGE_HEADER
    for argument in ("--help", "--version"):
        runs = [run_module("anomgan", argument) for _ in range(1 if quick else 5)]
        yield min(runs).format_row(f"`anomgan {argument}`")


def measure_fit(*, quick: bool) -> Iterator[str]:
    """Measure `anomgan fit` beside scripts that read and fit (but don't store) peers."""
    rows = 500 if quick else FIT_ROWS
    yield f"{rows:,} × {COLUMNS} numbers\n\n{USAGE_HEADER}"
    with tempfile.TemporaryDirectory() as folder:
        train = write_table(folder, "train", rows)
        for preset in ("fast",) if quick else ("fast", "balanced"):
            model = Path(folder) / preset
            usage = run_module(
                "anomgan", "fit", train, "--model", model, "--preset", preset, "--no-track"
            )
            yield usage.format_row(f"`anomgan fit --preset {preset} --no-track`")
        peers = {"IsolationForest": FOREST} | (PYOD if importlib.util.find_spec("pyod") else {})
        for name, make in peers.items():
            yield run(sys.executable, "-c", FIT_SCRIPT.format(make=make), train).format_row(name)


def measure_score(*, quick: bool) -> Iterator[str]:
    """Measure `anomgan score` beside scripts that read, score and write."""
    largest = 2_000 if quick else SCORED_ROWS
    yield f"{COLUMNS} columns\n\n{USAGE_HEADER}"
    with tempfile.TemporaryDirectory() as folder:
        train, out = write_table(folder, "train", FIT_ROWS), Path(folder) / "scores.csv"
        models = {preset: _fit_short(folder, train, preset) for preset in ("fast", "balanced")}
        for rows in (largest // 10, largest):
            new = write_table(folder, f"new{rows}", rows)
            for preset, model in models.items():
                usage = run_module("anomgan", "score", new, "--model", model, "--output", out)
                yield usage.format_row(f"`anomgan score`, preset {preset}, {rows:,} rows", rows)
            usage = run(sys.executable, "-c", SCORE_SCRIPT, train, new, str(out))
            yield usage.format_row(f"IsolationForest, {rows:,} rows", rows)
            usage = run(sys.executable, "-c", READ_SCRIPT, new)
            yield usage.format_row(f"pandas reading, {rows:,} rows", rows)


def _fit_short(folder: str, train: str, preset: str) -> str:
    """Fit a model of the preset's size with few steps: its scoring costs the same."""
    model = str(Path(folder) / preset)
    options = ["--preset", preset, "--set", "steps=20", "--set", "checks=0", "--no-track"]
    run_module("anomgan", "fit", train, "--model", model, *options)
    return model


def profile_commands(*, quick: bool) -> Iterator[str]:
    """Profile a fit and scoring: the share of each phase in all threads' work."""
    rows, scored = (500, 1_000) if quick else (FIT_ROWS, PROFILED_ROWS)
    with tempfile.TemporaryDirectory() as folder:
        train = write_table(folder, "train", rows)
        new = write_table(folder, "new", scored)
        out, model = Path(folder) / "shares", Path(folder) / "profiled"
        fit = ["fit", train, "--model", str(model), "--no-track"]
        score = ["score", new, "--model", str(model), "--output", str(Path(folder) / "scores.csv")]
        short = ["--set", "steps=20", "--set", "members=1"] if quick else []
        for what, arguments in (
            (f"`anomgan fit` on {rows:,} × {COLUMNS}", fit + short),
            (f"`anomgan score` of {scored:,} × {COLUMNS}", score),
        ):
            usage = run_module("anomgan.bench.phases", out, *arguments)
            yield f"{what}: {usage.seconds:.1f} s\n\n| | share, % |\n|---|---:|"
            for phase, share in json.loads(out.read_text()).items():
                if share >= 0.005:
                    yield f"| {phase} | {100 * share:.0f} |"
            yield ""


def measure_limits(*, quick: bool) -> Iterator[str]:
    """Compare with the machine's limits; see :mod:`anomgan.bench.limits`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "lines"
        run_module("anomgan.bench.limits", *(["--quick"] if quick else []), out=out)
        yield out.read_text().rstrip("\n")
