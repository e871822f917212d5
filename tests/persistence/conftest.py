from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector

TINY = {
    "steps": 8,
    "members": 2,
    "hidden": 16,
    "layers": 1,
    "latent": 4,
    "batch": 32,
    "inversion_steps": 1,
    "search_steps": 3,
    "memory_rows": 60,
}


@pytest.fixture(scope="session")
def table():
    """Make up records of every kind of column."""

    def table(rows=120, seed=0):
        rng = np.random.default_rng(seed)
        return pd.DataFrame(
            {
                "size": rng.lognormal(size=rows),
                "count": np.where(rng.random(rows) < 0.1, np.nan, rng.poisson(3, rows)),
                "kind": rng.choice(["a", "b", "ü"], rows),
                "open": rng.random(rows) < 0.3,
                "at": pd.Timestamp("2024-01-01")
                + pd.to_timedelta(rng.integers(0, 10**7, rows), "s"),
            }
        )

    return table


@pytest.fixture(scope="session")
def fitted(table):
    """Fit in a moment."""

    def fitted(seed=0, **params):
        return GANDetector(settings=TINY, random_state=seed, **params).fit(table())

    return fitted


@pytest.fixture(scope="session")
def detector(fitted):
    """A detector fitted once; tests must not change it."""
    return fitted()


@pytest.fixture(scope="session")
def newer(fitted):
    """Another one, to be saved over the first."""
    return fitted(seed=1)


@pytest.fixture(scope="session")
def original(detector, tmp_path_factory):
    """The first one's model directory; tests must not change it."""
    folder = tmp_path_factory.mktemp("store") / "model"
    detector.save(folder)
    return folder


@pytest.fixture
def saved(original, tmp_path):
    """A copy of the model directory, to be maltreated."""
    return Path(shutil.copytree(original, tmp_path / "model"))


@pytest.fixture(scope="session")
def same_scores(table):
    """Whether two detectors score alike, to the last bit."""

    def same_scores(one, other):
        rows = table(30, seed=5)
        return np.array_equal(one.score_samples(rows), other.score_samples(rows))

    return same_scores


@pytest.fixture(scope="session")
def beside():
    """What else lies in a folder's parent."""

    def beside(folder):
        return {path.name for path in folder.parent.iterdir()} - {folder.name}

    return beside
