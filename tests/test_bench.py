import sys

import numpy as np
import pandas as pd
import pytest

from anomgan.bench import compare, speed


@pytest.fixture
def archive(tmp_path):
    label = np.r_[np.zeros(90), np.ones(10)].astype(int)
    np.savez(tmp_path / "toy.npz", X=np.c_[np.arange(100.0), label], y=label)
    return tmp_path / "toy.npz"


def test_archives_are_split_into_normal_rows_and_the_others(archive):
    normal, new, label = compare.load(archive, seed=0)
    assert len(normal) == 45
    assert (normal[1] == 0).all()
    assert sorted([*normal[0], *new[0]]) == list(range(100))
    assert np.array_equal(label, new[1])
    other, _, _ = compare.load(archive, seed=1)
    assert not np.array_equal(other, normal)


def test_large_archives_keep_the_proportion(archive, monkeypatch):
    monkeypatch.setattr(compare, "MOST_NORMAL", 20)
    monkeypatch.setattr(compare, "MOST_NEW", 11)
    normal, new, label = compare.load(archive, seed=0)
    assert (len(normal), len(new), label.sum()) == (20, 11, 2)


def test_comparison_of_folders(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.normal(size=(60, 2))).to_csv(tmp_path / "normal.csv", index=False)
    new = np.r_[rng.normal(size=(30, 2)), rng.normal(9, 1, size=(10, 2))]
    pd.DataFrame(new).to_csv(tmp_path / "new.csv", index=False)
    pd.DataFrame({"label": np.repeat([0, 1], [30, 10])}).to_csv(
        tmp_path / "new_labels.csv", index=False
    )
    peers = {key: value for key, value in compare.DETECTORS.items() if key != "GANDetector"}
    monkeypatch.setattr(compare, "DETECTORS", peers)
    monkeypatch.setattr(sys, "argv", ["compare", str(tmp_path), "--seeds", "1"])
    compare.main()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("| **mean of 1** | 1.000 / 1.000 | 1.000 / 1.000 |")


def test_usage_is_that_of_the_process():
    usage = speed.run(sys.executable, "-c", "x = bytearray(600_000_000)")
    assert usage.megabytes > 500
    with pytest.raises(RuntimeError, match="no such luck"):
        speed.run(sys.executable, "-c", "raise SystemExit('no such luck')")


def test_speed_data_are_as_long_as_asked_for(tmp_path):
    speed.write(tmp_path / "a.csv", 250, seed=0)
    assert pd.read_csv(tmp_path / "a.csv").shape == (250, speed.COLUMNS)
