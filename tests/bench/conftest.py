from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomgan.bench.contender import DetectorRun, EncodedTable
from anomgan.bench.sets import LabelledSet


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """90 normal rows and 10 abnormal ones; the second column is the label, the first the row."""
    label = np.r_[np.zeros(90), np.ones(10)].astype(int)
    np.savez(tmp_path / "toy.npz", X=np.c_[np.arange(100.0), label], y=label)
    return tmp_path / "toy.npz"


@pytest.fixture
def make_set(tmp_path: Path) -> Callable[..., LabelledSet]:
    """Write a set whose abnormal rows are far from the others."""

    def make(name: str = "far", *, normal: int = 60, odd: int = 10) -> LabelledSet:
        rng = np.random.default_rng(len(name))
        rows = np.r_[rng.normal(size=(normal, 3)), rng.normal(9, 1, size=(odd, 3))]
        np.savez(tmp_path / f"{name}.npz", X=rows, y=np.repeat([0, 1], [normal, odd]))
        return LabelledSet(name, tmp_path / f"{name}.npz")

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A set that is split already."""
    rng = np.random.default_rng(0)
    place = tmp_path / "split"
    place.mkdir()
    pd.DataFrame(rng.normal(size=(60, 2))).to_csv(place / "normal.csv", index=False)
    new = np.r_[rng.normal(size=(30, 2)), rng.normal(9, 1, size=(10, 2))]
    pd.DataFrame(new).to_csv(place / "new.csv", index=False)
    label = pd.DataFrame({"label": np.repeat([0, 1], [30, 10])})
    label.to_csv(place / "new_labels.csv", index=False)
    return place


@dataclass(frozen=True)
class Fake:
    """A contender whose scores are the first encoded entry; `calls` counts its runs."""

    names: tuple[str, ...] = ("fake",)
    error: str = ""
    calls: list[tuple[str, ...]] | None = None

    def select(self, names: tuple[str, ...]) -> Fake:
        return Fake(tuple(name for name in self.names if name in names), self.error, self.calls)

    def run(self, table: EncodedTable, seed: int) -> Iterator[DetectorRun]:
        if self.calls is not None:
            self.calls.append(self.names)
        for _ in self.names:
            print("noise that belongs nowhere")  # noqa: T201
            if self.error:
                raise RuntimeError(self.error)
            yield DetectorRun(table.new[:, 0].copy(), 1.0, 0.5, 10.0)


@pytest.fixture
def fake() -> type[Fake]:
    """The class of contenders that cost nothing."""
    return Fake
