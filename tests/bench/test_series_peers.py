from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomgan.bench.measure import Task, measure
from anomgan.bench.series_peers import SERIES_PEERS, SeriesPeer, check_series_peers
from anomgan.bench.series_sets import SeriesSet
from anomgan.cli.labels import find_abnormal_rows
from anomgan.errors import InputError


@pytest.fixture
def planted(tmp_path):
    """A noisy wave and its mirror; for one period it stands still, for another it is doubled."""
    rng, at = np.random.default_rng(0), np.arange(3000)
    wave = np.sin(2 * np.pi * at / 50)
    still, doubled = (at // 50 == 40), (at // 50 == 54)
    wave[still] = 0.5
    wave[doubled] *= 2
    label = (still | doubled).astype(int)
    noise = rng.normal(0, 0.1, (2, 3000))
    frame = pd.DataFrame({"up": wave + noise[0], "down": noise[1] - wave, "bad": label})
    frame.to_csv(tmp_path / "wave.csv", index=False)
    return SeriesSet("wave", tmp_path / "wave.csv", "bad", find_abnormal_rows)


SLOW = pytest.param("discord", marks=pytest.mark.slow)  # a minute of compiling


@pytest.mark.parametrize("name", ["mahalanobis", "knn", "iforest", "sub-pca", SLOW])
def test_what_looks_at_windows_finds_what_it_can_see(planted, name):
    """Sub-PCA rests on the length of windows, discord forgets it: each sees one of the two."""
    if name == "discord":
        pytest.importorskip("stumpy")
    [row] = measure(Task(planted, 0, (SeriesPeer(name),)))
    assert row.error == ""
    assert row.event_recall >= (1 if name == "mahalanobis" else 0.5)
    assert row.vus_pr > 0.3
    assert (row.rows_fit, row.rows_scored, row.columns, row.window) == (450, 2550, 2, 100)


def test_the_moving_z_score_finds_a_spike_but_no_wave_that_stands_still(planted):
    [row] = measure(Task(planted, 0, (SeriesPeer("zscore"),)))
    assert row.event_recall < 1
    normal = np.random.default_rng(0).normal(size=(200, 2))
    points = normal[::-1].copy()
    points[120, 1] = 30
    score = SERIES_PEERS["zscore"](normal, 50, 0)(points)
    assert score.shape == (200,)
    assert score.argmax() == 120


def test_peers_are_the_same_each_time_and_leave_the_random_state(planted):
    before = np.random.get_state()[1].copy()
    first, second = (next(SeriesPeer("iforest").run(planted.split(0), 3)).scores for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(before, np.random.get_state()[1])


def test_few_points_and_a_missing_library_are_said(planted, monkeypatch):
    parts = planted.split(0)
    short = type(parts)(parts.normal, parts.new[:20], parts.label[:20])
    with pytest.raises(InputError, match="20 points to score are fewer than a window of 100"):
        next(SeriesPeer("knn").run(short, 0))
    monkeypatch.setitem(__import__("sys").modules, "stumpy", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"stumpy; install it with: pip install 'anomgan\[bench\]'"
    ):
        check_series_peers(["discord"])
    check_series_peers(["knn"])
