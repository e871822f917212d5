from __future__ import annotations

import numpy as np
import pytest

from anomgan.data.series.pooling import pool_scores
from anomgan.data.series.window_length import NO_RHYTHM_WINDOW, choose_window
from anomgan.data.series.windows import Windows, place_windows


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 13])
def test_pooling_is_mostly_the_largest_and_a_little_the_mean(length: int) -> None:
    rng = np.random.default_rng(length)
    starts = np.sort(rng.choice(40 - length, 9, replace=False)).astype(np.int64)
    scores = rng.normal(size=9)
    pooled = pool_scores(scores, starts, length, 40)
    for point in range(40):
        held = scores[(starts <= point) & (point < starts + length)]
        expected = 0.25 * held.mean() + 0.75 * held.max() if len(held) else np.nan
        assert pooled[point] == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_windows_cover_each_segment_and_cross_no_gap() -> None:
    starts = place_windows([(0, 10), (10, 13), (13, 20)], 4, 3)
    assert starts.tolist() == [0, 3, 6, 13, 16]  # the second segment is too short


def test_windows_hold_their_points() -> None:
    rows = np.array([0, 1, 2, 3, -1, 4])
    windows = Windows(np.array([0, 1]), 3, 5, rows, np.ones(2, dtype=bool))
    cut = windows.cut(np.arange(10.0).reshape(5, 2))
    assert cut[1].tolist() == [[2, 4, 6], [3, 5, 7]]
    assert windows.has_window.tolist() == [True, True, True, True, False, False]
    assert np.isnan(windows.to_rows(np.array([1.0, 2.0]))).tolist() == [*[False] * 4, True, True]


def test_window_holds_whole_periods() -> None:
    t, rng = np.arange(2000), np.random.default_rng(0)
    rhythm = np.sin(2 * np.pi * t / 24) + 0.2 * rng.normal(size=2000)
    assert choose_window(rhythm[:, None], [(0, 2000)]) == (96, 24)
    assert choose_window(rhythm[:200, None], [(0, 200)]) == (50, 24)  # four windows of training
    noise = rng.normal(size=(2000, 1))
    assert choose_window(noise, [(0, 2000)]) == (NO_RHYTHM_WINDOW, 0)
    assert choose_window(np.ones((2000, 1)), [(0, 2000)])[1] == 0
