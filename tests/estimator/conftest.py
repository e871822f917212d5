from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector


@pytest.fixture(scope="session")
def settings():
    """Settings of a detector that is fitted in a moment; tests must not change them."""
    return {
        "steps": 12,
        "members": 2,
        "views": ["standard", "power"],
        "folds": 2,
        "hidden": 16,
        "layers": 1,
        "latent": 4,
        "batch": 32,
        "inversion_steps": 1,
        "memory_rows": 200,
    }


@pytest.fixture(scope="session")
def tiny(settings):
    """Make a detector with these settings."""

    def tiny(**params):
        return GANDetector(**{"settings": settings, "random_state": 0, **params})

    return tiny


@pytest.fixture(scope="session")
def numbers():
    """Make up an array of columns that go together."""

    def numbers(rows=120, seed=0, columns=4):
        rng = np.random.default_rng(seed)
        factors = np.random.default_rng(9).normal(size=(columns,) * 2)
        return rng.normal(size=(rows, columns)) @ factors

    return numbers


@pytest.fixture(scope="session")
def mixed():
    """Make up records of every kind of column."""

    def mixed(rows=120, seed=0):
        rng = np.random.default_rng(seed)
        days = pd.to_timedelta(rng.integers(0, 10**7, rows), "s")
        return pd.DataFrame(
            {
                "size": rng.lognormal(size=rows),
                "count": np.where(rng.random(rows) < 0.1, np.nan, rng.poisson(3, rows)),
                "kind": rng.choice(["a", "b", "c"], rows),
                "level": pd.Categorical(rng.choice(["low", "high"], rows)),
                "open": rng.random(rows) < 0.3,
                "at": pd.Timestamp("2024-01-01") + days,
            },
            index=pd.RangeIndex(1000, 1000 + rows),
        )

    return mixed


@pytest.fixture(scope="session")
def on_array(tiny, numbers):
    """A detector fitted once on an array; tests must not change it."""
    return tiny().fit(numbers())


@pytest.fixture(scope="session")
def on_frame(tiny, mixed):
    """A detector fitted once on a frame; tests must not change it."""
    return tiny().fit(mixed())
