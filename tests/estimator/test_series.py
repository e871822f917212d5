"""The scikit-learn face on series: a value for each row, whatever windows hold it."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from anomgan import GANDetector, load
from anomgan.errors import DataWarning, InputError
from anomgan.scoring.series_stream import score_chunks


def make_series(rows: int, seed: int = 0) -> pd.DataFrame:
    """Two columns with a rhythm of sixteen steps, five minutes apart."""
    rng, t = np.random.default_rng(seed), np.arange(rows)
    waves = {name: np.sin(2 * np.pi * t / 16 + at) for at, name in enumerate("ab")}
    columns = {name: wave + 0.1 * rng.normal(size=rows) for name, wave in waves.items()}
    stamps = pd.date_range("2024-03-30", periods=rows, freq="5min").astype(str)
    return pd.DataFrame({"at": stamps, **columns})


@pytest.fixture(scope="module")
def tiny(settings):
    """Make a detector that learns nothing to speak of."""

    def tiny(**params):
        hasty = settings | {"steps": 3, "members": 1, "views": "standard", "checks": 0}
        return GANDetector(settings=hasty, random_state=0, **params)

    return tiny


@pytest.fixture(scope="module")
def fitted(tiny) -> GANDetector:
    return tiny(time="at", window=16).fit(make_series(400))


def test_each_row_has_a_score_and_a_frozen_stretch_stands_out(fitted: GANDetector) -> None:
    new = make_series(200, seed=1)
    new.loc[100:120, ["a", "b"]] = 0.0
    score = fitted.score_samples(new)
    assert score.shape == (200,)
    assert score[105:115].max() < np.quantile(score[:80], 0.05)
    assert (fitted.predict(new)[105:115] == -1).all()
    assert np.array_equal(fitted.decision_function(new), score - fitted.offset_)
    assert fitted.components(new).shape == (200, 2)


def test_scores_come_in_the_order_of_the_rows(fitted: GANDetector) -> None:
    new = make_series(100, seed=1)
    shuffled = new.sample(frac=1, random_state=0)
    with pytest.warns(DataWarning, match="put in order"):
        score = fitted.score_samples(shuffled)
    assert np.array_equal(score[np.argsort(shuffled.index)], fitted.score_samples(new))


def test_later_rows_of_a_longer_file_dont_change_what_windows_saw(fitted: GANDetector) -> None:
    new = make_series(200, seed=1)
    whole, first = fitted.score_samples(new), fitted.score_samples(new[:104])
    assert np.array_equal(whole[:88], first[:88])  # all of whose windows are in both


def test_round_trips(fitted: GANDetector, tmp_path: Path) -> None:
    new = make_series(60, seed=1)
    fitted.save(tmp_path / "model")
    for copy in (load(tmp_path / "model"), pickle.loads(pickle.dumps(fitted))):
        assert np.array_equal(copy.score_samples(new), fitted.score_samples(new))
        assert copy.encoder_.summary() == fitted.encoder_.summary()
    assert clone(fitted).get_params()["time"] == "at"


def test_arrays_and_an_index_of_times_are_series_too(tiny) -> None:
    table = make_series(300)
    values = table[["a", "b"]].to_numpy()
    by_order = tiny(window=16).fit(values)
    indexed = table.set_index(pd.DatetimeIndex(table["at"]))[["a", "b"]]
    by_index = tiny(window="auto").fit(indexed)
    assert by_order.score_samples(values[:50]).shape == (50,)
    assert by_index.encoder_.layout.length == 75  # a quarter of the rows
    assert by_index.score_samples(indexed[:100]).shape == (100,)
    assert by_order.sample(2).shape == (2, 16, 2)
    with pytest.raises(InputError, match="DatetimeIndex"):
        by_index.score_samples(table[["a", "b"]])


def test_groups_are_apart_and_on_their_own_scale(tiny) -> None:
    low, high = make_series(200).assign(machine="m1"), make_series(200, 1).assign(machine="m2")
    high[["a", "b"]] = high[["a", "b"]] * 10 + 50
    table = pd.concat([low, high]).sort_values("at")
    detector = tiny(time="at", window=16, group="machine").fit(table)
    scores = detector.score_samples(table)
    is_high = table["machine"] == "m2"
    assert abs(scores[is_high].mean() - scores[~is_high].mean()) < 1
    swapped = low.assign(machine="m2")
    assert detector.score_samples(swapped).mean() < scores.mean() - 2
    with pytest.warns(DataWarning, match="training didn't have.*'m9'"):
        assert detector.score_samples(low.assign(machine="m9")).shape == (200,)


@pytest.mark.parametrize(
    ("params", "change", "message"),
    [
        ({"time": "when"}, {}, "no column 'when'"),
        ({"time": "at", "window": 3}, {}, "window=3"),
        ({"time": "at", "window": 390}, {}, "too few"),
        ({"time": "at", "window": 500}, {}, "has 400 points"),
        ({"time": "at", "every": "often"}, {}, "every='often'"),
        ({"window": 16, "every": "1h"}, {}, "needs times"),
        ({"group": "a"}, {}, "give time or window"),
        ({"time": "at", "group": "at"}, {}, "same column"),
        ({"time": "at", "group": "a"}, {}, "names 400 series"),
        ({"time": "at"}, {"a": 1.0, "b": 1.0}, "no column to learn from"),
        ({"time": "at"}, {"at": "soon"}, "holds no dates"),
    ],
)
def test_what_cant_be_a_series_is_refused(tiny, params, change, message) -> None:
    with pytest.raises(InputError, match=message):
        tiny(**params).fit(make_series(400).assign(**change))


def test_odd_times_are_told_and_every_row_is_answered(fitted: GANDetector) -> None:
    new = make_series(200, seed=1)
    twice = pd.concat([new[:100], new[90:]])  # as a clock put back at the end of summer
    with pytest.warns(DataWarning) as told:
        assert np.isfinite(fitted.score_samples(twice)).all()
    texts = [str(each.message) for each in told]
    assert [text.split(";")[-1] for text in texts] == [
        " they are put in order",
        " these are averaged",
    ]
    gap = pd.concat([new[:80], new[150:]])
    with pytest.warns(DataWarning, match="1 gaps of more than 3 points"):
        assert np.isfinite(fitted.score_samples(gap)).all()
    few = pd.concat([new[:80], new[150:160]])
    with pytest.warns(DataWarning) as told:
        score = fitted.score_samples(few)
    assert "from row 80 on only 10 points without a gap" in str(told[0].message)
    assert np.isnan(score).tolist() == [False] * 80 + [True] * 10
    with pytest.raises(InputError, match="every 10min, in training every 5min"):
        fitted.score_samples(new[::2])
    timeless = new.assign(at=new["at"].where(new.index != 5))
    with pytest.warns(DataWarning) as told:
        assert np.flatnonzero(np.isnan(fitted.score_samples(timeless))).tolist() == [5]
    assert "no time in column 'at'" in str(told[0].message)


def test_missing_cells_are_bridged_and_count(fitted: GANDetector) -> None:
    new = make_series(100, seed=1)
    bare = new.copy()
    bare.loc[50:52, "a"] = np.nan
    assert fitted.score_samples(bare)[51] < fitted.score_samples(new)[51] - 0.5


def test_uneven_rows_count_as_steps_or_are_averaged(tiny) -> None:
    table = make_series(600)
    rng = np.random.default_rng(0)
    moments = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.exponential(60, 600).cumsum(), "s")
    uneven = table.assign(at=moments)
    with pytest.warns(DataWarning, match="aren't evenly spaced.*--every"):
        assert tiny(time="at", window=16).fit(uneven).encoder_.clock.step == 0
    with pytest.warns(DataWarning, match="no row and are interpolated"):
        averaged = tiny(time="at", window=16, every="2min").fit(uneven)
    assert averaged.encoder_.clock.step == 120
    with pytest.warns(DataWarning, match="no row and are interpolated"):
        assert np.isfinite(averaged.score_samples(uneven)).all()


def test_a_table_in_chunks_gets_the_scores_of_the_whole(tiny) -> None:
    parts = [make_series(90, seed).assign(machine=f"m{seed}") for seed in range(3)]
    parts[1].loc[40:, "at"] = make_series(190)["at"][100:150].to_numpy()  # a gap
    table = pd.concat(parts).sort_values("at", kind="stable").reset_index(drop=True)
    with pytest.warns(DataWarning, match="1 gaps"):
        detector = tiny(time="at", window=16, group="machine").fit(table)
    whole = detector.score_frame(table)
    chunks = [table[a:b] for a, b in pairwise([0, 7, 8, 120, 200, 270])]
    given = list(score_chunks(detector, chunks))
    assert len(given) > 3
    assert len(given[0][0]) < 120
    rows = pd.concat([frame for frame, _ in given])
    assert rows.equals(table)
    assert np.array_equal(np.concatenate([each.score for _, each in given]), whole.score)
    assert np.array_equal(np.concatenate([each.p_value for _, each in given]), whole.p_value)


def test_explanations_name_the_column_that_isnt_normal(fitted: GANDetector) -> None:
    new = make_series(200, seed=1)
    new.loc[100:120, "b"] = 0.0
    lines = fitted.explain_frame(new, rows=np.array([110])).frame
    assert lines["column"].tolist()[0] == "b"
    assert lines["contribution"].iloc[0] > 2 * lines["contribution"].iloc[1]
    assert lines["observed"].iloc[0] == 0.0
    assert len(fitted.explain(new[:40], top=1)) == 40


def test_spark_is_refused_before_any_file_is_read(fitted: GANDetector) -> None:
    plan = pytest.importorskip("anomgan.spark.plan")
    with pytest.raises(InputError, match="the model is of series"):
        plan.table_files("rows.parquet", fitted, None)
