from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomgan.bench.measure import Task, measure
from anomgan.bench.series_gans import SeriesGAN
from anomgan.bench.series_sets import SeriesSet
from anomgan.cli.labels import find_abnormal_rows

TINY = {"members": 1, "hidden": 8, "latent": 4, "inversion_steps": 1, "memory_rows": 50, "steps": 5}


@pytest.mark.parametrize("time", ["at", None])
def test_our_methods_and_their_controls_score_every_point(tmp_path, time):
    index = np.arange(3000)
    wave = np.sin(2 * np.pi * index / 50) + np.random.default_rng(0).normal(0, 0.1, 3000)
    wave[2000:2050] = 0
    label = ((index >= 2000) & (index < 2050)).astype(int)
    frame = pd.DataFrame({"value": wave, "bad": label})
    if time:
        frame[time] = pd.date_range("2026-01-01", periods=3000, freq="min").astype(str)
    frame.to_csv(tmp_path / "wave.csv", index=False)
    data = SeriesSet("wave", tmp_path / "wave.csv", "bad", find_abnormal_rows, time=time)
    gan = SeriesGAN("gan", "deviation", False, "balanced", TINY, "cpu")
    rows = list(measure(Task(data, 0, (gan, gan.control()))))
    assert [row.detector for row in rows] == ["gan (deviation)", "untrained (deviation)"]
    for row in rows:
        assert row.error == ""
        assert row.event_recall == 1
        assert row.vus_pr > 0.3
