"""Whole commands on CSV files, start and all, beside the same done by peers; and a profile."""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from anomgan.bench.curves import COLUMNS, FIT_ROWS
from anomgan.bench.process import USAGE_HEAD, module, run

SCORED = 1_000_000
PROFILED = 100_000

FIT = """
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
SCORE = """
import sys, pandas as pd
from sklearn.ensemble import IsolationForest
model = IsolationForest(random_state=0).fit(pd.read_csv(sys.argv[1]).to_numpy())
with open(sys.argv[3], "w") as out:
    for chunk in pd.read_csv(sys.argv[2], chunksize=65536):
        pd.Series(-model.score_samples(chunk.to_numpy())).to_csv(out, header=False)
"""
READ = "import sys, pandas as pd; [len(c) for c in pd.read_csv(sys.argv[1], chunksize=65536)]"


def written(folder: str, name: str, rows: int, columns: int = COLUMNS) -> str:
    """A CSV made for this."""
    path = str(Path(folder) / f"{name}.csv")
    module("anomgan.bench.synthetic", path, rows, columns, len(name))
    return path


def start(*, quick: bool) -> Iterator[str]:
    """How soon the command line answers: the best of a few runs."""
    yield USAGE_HEAD
    for argument in ("--help", "--version"):
        runs = [module("anomgan", argument) for _ in range(1 if quick else 5)]
        yield min(runs).row(f"`anomgan {argument}`")


def fit(*, quick: bool) -> Iterator[str]:
    """Start, read, fit and store; the peers without storing."""
    rows = 500 if quick else FIT_ROWS
    yield f"{rows:,} × {COLUMNS} numbers\n\n{USAGE_HEAD}"
    with tempfile.TemporaryDirectory() as folder:
        train = written(folder, "train", rows)
        for preset in ("fast",) if quick else ("fast", "balanced"):
            model = Path(folder) / preset
            usage = module(
                "anomgan", "fit", train, "--model", model, "--preset", preset, "--no-track"
            )
            yield usage.row(f"`anomgan fit --preset {preset} --no-track`")
        peers = {"IsolationForest": FOREST} | (PYOD if importlib.util.find_spec("pyod") else {})
        for name, make in peers.items():
            yield run(sys.executable, "-c", FIT.format(make=make), train).row(name)


def score(*, quick: bool) -> Iterator[str]:
    """Start, read, score and write."""
    most = 2_000 if quick else SCORED
    yield f"{COLUMNS} columns\n\n{USAGE_HEAD}"
    with tempfile.TemporaryDirectory() as folder:
        train, out = written(folder, "train", FIT_ROWS), Path(folder) / "scores.csv"
        models = {preset: _fitted(folder, train, preset) for preset in ("fast", "balanced")}
        for rows in (most // 10, most):
            new = written(folder, f"new{rows}", rows)
            for preset, model in models.items():
                usage = module("anomgan", "score", new, "--model", model, "--output", out)
                yield usage.row(f"`anomgan score`, preset {preset}, {rows:,} rows", rows)
            usage = run(sys.executable, "-c", SCORE, train, new, str(out))
            yield usage.row(f"IsolationForest, {rows:,} rows", rows)
            usage = run(sys.executable, "-c", READ, new)
            yield usage.row(f"pandas reading, {rows:,} rows", rows)


def _fitted(folder: str, train: str, preset: str) -> str:
    """A model of the preset's size that was trained for a moment: scoring costs the same."""
    model = str(Path(folder) / preset)
    options = ["--preset", preset, "--set", "steps=20", "--set", "checks=0", "--no-track"]
    module("anomgan", "fit", train, "--model", model, *options)
    return model


def profile(*, quick: bool) -> Iterator[str]:
    """Where the time of a fit and of scoring goes, in shares of all threads' work."""
    rows, scored = (500, 1_000) if quick else (FIT_ROWS, PROFILED)
    with tempfile.TemporaryDirectory() as folder:
        train = written(folder, "train", rows)
        new = written(folder, "new", scored)
        out, model = Path(folder) / "shares", Path(folder) / "profiled"
        fit = ["fit", train, "--model", str(model), "--no-track"]
        score = ["score", new, "--model", str(model), "--output", str(Path(folder) / "scores.csv")]
        short = ["--set", "steps=20", "--set", "members=1"] if quick else []
        for what, arguments in (
            (f"`anomgan fit` on {rows:,} × {COLUMNS}", fit + short),
            (f"`anomgan score` of {scored:,} × {COLUMNS}", score),
        ):
            usage = module("anomgan.bench.phases", out, *arguments)
            yield f"{what}: {usage.seconds:.1f} s\n\n| | share, % |\n|---|---:|"
            for phase, share in json.loads(out.read_text()).items():
                if share >= 0.005:
                    yield f"| {phase} | {100 * share:.0f} |"
            yield ""


def limits(*, quick: bool) -> Iterator[str]:
    """What the machine can do at best, and what of that is reached; see :mod:`limits`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "lines"
        module("anomgan.bench.limits", *(["--quick"] if quick else []), out=out)
        yield out.read_text().rstrip("\n")
