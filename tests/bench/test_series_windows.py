from __future__ import annotations

import numpy as np
import pytest

from anomgan.bench.series_windows import (
    FALLBACK_WINDOW,
    choose_window,
    cut_windows,
    pool_scores,
)


@pytest.mark.parametrize("period", [100, 24, 10])
def test_a_window_holds_whole_periods(period):
    rng = np.random.default_rng(0)
    wave = np.sin(2 * np.pi * np.arange(2000) / period) + rng.normal(0, 0.3, 2000)
    window = choose_window(wave[:, None])
    assert 64 <= window <= 256
    assert window == pytest.approx(period * round(window / period), abs=window / period)


def test_noise_and_short_series_have_no_rhythm():
    noise = np.random.default_rng(0).normal(size=(2000, 2))
    assert choose_window(noise) == FALLBACK_WINDOW
    assert choose_window(noise[:80]) == 20
    assert choose_window(np.zeros((80, 1))) == 20


def test_windows_and_back():
    points = np.arange(8.0).reshape(4, 2)
    assert cut_windows(points, 3).tolist() == [[0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 6, 7]]
    assert pool_scores(np.array([1.0, 3, 2]), 3).tolist() == [1, 3, 3, 3, 2]
