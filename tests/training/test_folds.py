import numpy as np
import pytest

from anomgan.config import Config
from anomgan.data.series.windows import Windows
from anomgan.training.folds import split_records, split_rows


def test_split_holds_out_one_part_or_every_row_once():
    (held,) = split_rows(100, 1, 20, np.random.default_rng(0))
    assert len(set(held)) == 20
    folds = split_rows(101, 4, 0, np.random.default_rng(0))
    assert sorted(np.concatenate(folds)) == list(range(101))
    assert {len(f) for f in folds} == {25, 26}


@pytest.mark.parametrize("cross_fit_below", [0, 10**6])
def test_windows_that_are_held_out_share_no_point_with_training(
    cross_fit_below: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = np.arange(391)
    windows = Windows(starts, 10, 400, starts, np.ones(391, dtype=bool))
    config = Config(cross_fit_below=cross_fit_below, folds=4, members=2)
    monkeypatch.setattr("anomgan.training.folds.MIN_WINDOWS_TO_HOLD_OUT", 0)
    folds, rows = split_records(391, 1, config, np.random.default_rng(0), windows)
    assert len(rows) == 2 * len(folds) == (8 if cross_fit_below else 2)
    for held_out, members in zip(folds, rows[::2], strict=True):
        points = np.zeros(400, dtype=bool)
        points[(held_out[:, None] + np.arange(10)).ravel()] = True
        trained = members.numpy()[:, None] + np.arange(10)
        assert not points[trained].any()
        assert points.mean() == pytest.approx(1 / 4 if cross_fit_below else 1 / 5, abs=0.01)
