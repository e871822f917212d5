"""Numbers that count rows or time are left out, whatever their unit; others stay."""

from __future__ import annotations

import numpy as np
import pytest

from anomgan.data.table.cells import ParsedCells
from anomgan.data.table.dropped import drop_counter

RNG = np.random.default_rng(2)


def find(values: object) -> str | None:
    numbers = np.asarray(values, dtype=float)
    dropped = drop_counter("x", ParsedCells(numbers, np.zeros(len(numbers), dtype=bool)))
    return None if dropped is None else dropped.reason


def with_gap(values: np.ndarray) -> np.ndarray:
    return np.where(np.arange(len(values)) == 7, np.nan, values)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.arange(20), "running number"),
        (np.arange(20)[::-1] + 5, "running number"),
        (RNG.permutation(20), "running number in another order"),
        (RNG.permutation(30) + 1, "running number in another order"),
        (np.arange(20) * 0.25, "rises with the file"),
        (np.cumsum(RNG.random(30) + 0.01), "rises with the file"),
        (-np.cumsum(RNG.random(30) + 0.01), "falls with the file"),
        (np.repeat(np.arange(50), 2) * 1.5, "rises with the file"),  # two rows a second
        (np.sort(RNG.integers(0, 300, 200)), "rises with the file"),
        (with_gap(np.cumsum(RNG.random(40) + 0.01)), "rises with the file"),
    ],
)
def test_counters(values: np.ndarray, reason: str) -> None:
    assert find(values) == reason


@pytest.mark.parametrize(
    "values",
    [
        np.arange(19),  # too few rows
        np.cumsum(RNG.random(29) + 0.01),
        np.repeat(np.arange(10), 20),  # blocks of a sorted table
        np.append(np.cumsum(RNG.random(40) + 0.01), 0.0),  # begins anew
        RNG.normal(size=200),
        np.cumsum(RNG.normal(size=200)),
        np.full(40, 3.0),
        RNG.permutation(30) + 2,
        RNG.permutation(30) / 2,
        np.where(np.arange(40) % 3 == 0, np.nan, np.arange(40)),  # says something by its gaps
        np.append(RNG.permutation(39), 5),  # one comes twice
    ],
)
def test_others(values: np.ndarray) -> None:
    assert find(values) is None
