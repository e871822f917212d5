"""Options of fit that say how columns are to be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import load


@pytest.fixture
def parcels(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "zip": rng.choice(["01001", "01002", "20095"], 60),
            "weight": rng.normal(5, 1, 60).round(2),
            "note": rng.choice(["fragile", "urgent"], 60),
        }
    )
    frame.to_csv(tmp_path / "parcels.csv", index=False)
    return tmp_path / "parcels.csv"


def test_the_kinds_of_columns(run: Any, parcels: Path, tiny: list[str], tmp_path: Path) -> None:
    options = ["--category", "zip", "--number", "weight", "--text", "note"]
    done = run("fit", parcels, "--model", tmp_path / "model", *options, *tiny)
    assert done.code == 0, done.err
    detector = load(tmp_path / "model")
    kinds = {c.name: c.kind for c in detector.encoder_.schema.columns}
    assert kinds == {"zip": "category", "weight": "numeric"}
    assert set(detector.sample(20, random_state=0)["zip"]) <= {"01001", "01002", "20095"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--category", "zip", "--number", "zip"], "--category and --number name the same column"),
        (["--drop", "zip", "--category", "zip"], "--drop and --category name the same column"),
        (["--number", "heft"], "--number: "),
        (["--number", "note"], "column 'note': no cell can be read as a number"),
    ],
)
def test_mistakes(run: Any, parcels: Path, options: list[str], message: str) -> None:
    done = run("fit", parcels, *options, "--no-track")
    assert done.code == 2
    assert message in done.err
