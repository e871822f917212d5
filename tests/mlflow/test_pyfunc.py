"""Concurrent calls are scored in one batch, and each gets its own scores."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from anomgan.errors import InputError
from anomgan.mlflow import pyfunc
from anomgan.mlflow.pyfunc import add_batching
from anomgan.scoring.fitted_ensemble import FittedEnsemble


@pytest.fixture
def values(detector: Any, records: Any) -> Any:
    return detector.encoder_.transform(records(70, seed=3))[0]


@pytest.fixture
def batches(values: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each batch that is scored; the first waits until six more calls have arrived."""
    seen: list[int] = []
    plain = FittedEnsemble.score

    def score(self: Any, values: Any) -> Any:
        seen.append(len(values))
        if len(seen) == 1:
            while len(self._waiting) < 6:
                threading.Event().wait(0.001)
        if (values[:, 0] == 99).any():
            raise InputError(f"{len(values)} rows, one of them 99")
        return plain(self, values)

    monkeypatch.setattr(FittedEnsemble, "score", score)
    return seen


def ask(detector: Any, parts: list[Any]) -> list[Any]:
    def one(part: Any) -> Any:
        try:
            return detector.ensemble_.score(part)
        except InputError as error:
            return str(error)

    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(one, parts))


def test_calls_that_arrive_meanwhile_make_up_the_next_batch(
    detector: Any, values: Any, batches: list[int]
) -> None:
    expected = detector.ensemble_.scorer.score(values)
    found = ask(add_batching(detector), np.split(values, 7))
    assert batches == [10, 60]
    np.testing.assert_allclose(np.concatenate(found), expected, atol=2e-9, rtol=0)
    assert type(detector.ensemble_) is FittedEnsemble


def test_the_rows_of_a_batch_are_limited(
    detector: Any, values: Any, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyfunc, "MAX_BATCH_ROWS", 25)
    expected = detector.ensemble_.scorer.score(values)
    found = ask(add_batching(detector), np.split(values, 7))
    assert batches == [10, 20, 20, 20]
    np.testing.assert_allclose(np.concatenate(found), expected, atol=2e-9, rtol=0)


def test_an_error_is_its_callers_own(detector: Any, values: Any, batches: list[int]) -> None:
    values[15, 0] = 99
    found = ask(add_batching(detector), np.split(values, 7))
    assert batches[:2] == [10, 60]
    told = [each for each in found if isinstance(each, str)]
    assert told == ["10 rows, one of them 99"]
    assert all(len(each) == 10 for each in found if not isinstance(each, str))
