from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from anomgan.bench.series_sets import SeriesSplit, find_series_sets
from anomgan.cli.labels import find_abnormal_rows
from anomgan.errors import DataWarning, InputError


@pytest.fixture
def nab(tmp_path):
    """Two series of 400 hours, the second without an abnormal interval."""
    times = pd.date_range("2026-01-01", periods=400, freq="h").astype(str)
    for name in ("a", "b"):
        (tmp_path / "real").mkdir(exist_ok=True)
        frame = pd.DataFrame({"timestamp": times, "value": np.arange(400.0)})
        frame.to_csv(tmp_path / f"real/{name}.csv", index=False)
    windows = {"real/a.csv": [[times[100], times[109]]], "real/b.csv": [], "real/gone.csv": []}
    (tmp_path / "windows.json").write_text(json.dumps(windows))
    return tmp_path


def find(*paths, label=None, time=None):
    return find_series_sets(paths, label, time, find_abnormal_rows)


def test_a_folder_with_intervals(nab):
    with pytest.warns(DataWarning, match=r"real/b.csv: no abnormal interval; left out"):
        [found] = find(nab)
    assert found.name == "real/a"
    parts = found.split(0)
    assert (len(parts.normal), len(parts.new), parts.time) == (60, 340, "timestamp")
    assert np.flatnonzero(parts.label).tolist() == list(range(40, 50))
    normal, new = parts.values
    assert normal.mean() == pytest.approx(0)
    assert new.shape == (340, 1)
    assert new[0, 0] > normal[-1, 0]


def test_labels_in_a_column(tmp_path):
    frame = pd.DataFrame({"x": range(500), "y": range(500), "kind": "text", "bad": 0})
    frame.loc[55:60, "bad"] = 1
    frame.loc[70, "x"] = None
    frame.to_csv(tmp_path / "pump.csv", index=False)
    [found] = find(tmp_path, label="bad")
    assert found.name == "pump"
    parts = found.split(0)
    assert (len(parts.normal), int(parts.label.sum())) == (55, 6)  # the first 75 hold abnormal ones
    assert list(parts.normal) == ["x", "y", "kind"]
    assert parts.values[1].shape == (445, 2)
    assert parts.values[1][15, 0] == pytest.approx(parts.values[1][15, 1])
    assert found.digest != find(tmp_path / "pump.csv", label="x")[0].digest


def test_series_that_cant_be_used(nab, tmp_path):
    for path, label, message in [
        (nab / "real/a.csv", None, "--label COL"),
        (tmp_path / "no", None, "no such file or folder"),
    ]:
        with pytest.raises(InputError, match=message):
            find(path, label=label)
    (nab / "windows.json").write_text(json.dumps({"real/a.csv": [["2026-01-01", "2026-01-02"]]}))
    with pytest.raises(InputError, match="0 normal points at its start to fit on"):
        find(nab)[0].split(0)
    with pytest.raises(InputError, match="has no column 'when'; name the times with --time"):
        find(nab, time="when")[0].split(0)
    (nab / "windows.json").write_text(json.dumps({"real/a.csv": [["soon", "later"]]}))
    with pytest.raises(InputError, match="'timestamp'"):
        find(nab)[0].split(0)
    (nab / "windows.json").write_text("[]")
    with pytest.raises(InputError, match=r"windows.json: isn't a list of intervals by file"):
        find(nab)
    (nab / "windows.json").write_text("{}")
    with pytest.raises(InputError, match="no file that it names"):
        find(nab)


def test_words_are_no_series():
    frame = pd.DataFrame({"word": ["a", "b"] * 50})
    with pytest.raises(InputError, match="no column of numbers"):
        _ = SeriesSplit(frame, frame, np.zeros(100, int)).values
