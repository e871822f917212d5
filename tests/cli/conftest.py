from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

TINY = ["steps=20", "members=1", "hidden=8", "latent=4", "inversion_steps=1", "memory_rows=100"]


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Options of a fit that takes a moment."""
    return ["--preset", "fast", *(part for setting in TINY for part in ("--set", setting))]


@pytest.fixture(scope="session")
def make_records() -> Callable[..., pd.DataFrame]:
    """Make up records: an identifier, two numbers that go together, a category, a text."""

    def make_records(rows: int, seed: int = 0) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        size = rng.normal(10, 2, rows)
        return pd.DataFrame(
            {
                "name": [f"record {i}" for i in range(rows)],
                "size": size.round(3),
                "weight": (3 * size + rng.normal(0, 0.5, rows)).round(3),
                "colour": rng.choice(["red", "green", "blue"], rows),
                "remark": [f'"so, what", {i}' for i in range(rows)],
            }
        )

    return make_records


@dataclass(frozen=True)
class Fitted:
    """A model directory, and new records in a file and in memory."""

    model: Path
    new: Path
    records: pd.DataFrame


@pytest.fixture(scope="session")
def fitted(
    run: Callable[..., Any],
    make_records: Callable[..., pd.DataFrame],
    tiny: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Fitted:
    """A model fitted once; tests must not change it."""
    folder = tmp_path_factory.mktemp("fitted")
    make_records(200).to_csv(folder / "normal.csv", index=False)
    done = run("fit", folder / "normal.csv", "--model", folder / "model", *tiny)
    assert done.code == 0, done.err
    records = make_records(60, seed=1)
    records.loc[records.index % 10 == 0, "weight"] = 200.0
    records.to_csv(folder / "new.csv", index=False)
    return Fitted(folder / "model", folder / "new.csv", records)
