"""Large tables through the command line: memory that doesn't grow with rows, and many levels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector, load
from anomgan.bench.process import run_module
from anomgan.bench.synthetic import write_csv

FEW = ["--set", "steps=20", "--set", "members=1", "--set", "inversion_steps=1", "--no-track"]
FEW += ["--set", "hidden=16", "--set", "memory_rows=50"]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows_that_are_scored(tmp_path: Path) -> None:
    write_csv(tmp_path / "normal.csv", 500, 2, seed=1)
    run_module("anomgan", "fit", tmp_path / "normal.csv", "--model", tmp_path / "model", *FEW)
    peaks = []
    for rows in (200_000, 1_000_000):
        new, out = tmp_path / f"{rows}.csv", tmp_path / "scores.csv"
        write_csv(new, rows, 2, seed=2)
        usage = run_module("anomgan", "score", new, "--model", tmp_path / "model", "--output", out)
        assert out.read_bytes().count(b"\n") == rows + 1
        peaks.append(usage.megabytes)
    assert peaks[1] < 1.1 * peaks[0]


@pytest.fixture(scope="module")
def visits() -> pd.DataFrame:
    """Of a hundred thousand users; user i came i % 3 + 1 times."""
    users = np.repeat(np.arange(100_000), np.arange(100_000) % 3 + 1)
    spent = np.random.default_rng(0).normal(size=len(users))
    table = pd.DataFrame({"user": "user " + pd.Series(users).astype(str), "spent": spent})
    return table.sample(frac=1, random_state=0, ignore_index=True)


@pytest.mark.slow
def test_a_category_of_a_hundred_thousand_levels(visits: Any, tmp_path: Path) -> None:
    settings = {"steps": 20, "members": 1, "hidden": 16, "inversion_steps": 1, "memory_rows": 50}
    detector = GANDetector(settings=settings, random_state=0).fit(visits)
    column: Any = detector.encoder_.schema["user"]
    assert column.kind == "category"
    assert len(column.levels) + len(column.rare) == 100_000
    assert detector.encoder_.spec.size < 100  # a slot for the frequent ones alone
    detector.save(tmp_path / "model")
    again = load(tmp_path / "model")
    new = pd.DataFrame({"user": ["user 5", "user 99998", "nobody"], "spent": [0.1, 0.2, 0.3]})
    scored = again.score_frame(new)
    assert np.isfinite(scored.score).all()
    assert np.array_equal(scored.score, detector.score_frame(new).score)
    column = again.encoder_.schema["user"]
    assert scored.report.unseen == ({} if column.open else {"user": 1})
    assert again.sample(5, 0)["user"].isin(visits["user"]).all()
