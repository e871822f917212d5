"""Columns that never varied in training, and rows in which they do."""

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector, load

SETTINGS = {"steps": 5, "members": 1, "hidden": 8, "memory_rows": 50, "checks": 0}


def table(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.normal(size=(rows, 2)), columns=["x", "y"]).assign(
        state="ok", gain=3, note=None, day=pd.Timestamp("2024-05-01")
    )


@pytest.fixture(scope="module")
def detector() -> GANDetector:
    with pytest.warns(UserWarning, match="columns left out"):
        return GANDetector(settings=SETTINGS, random_state=0).fit(table(300, 0))


CHANGES = {"text": ("state", "failed"), "number": ("gain", 4), "empty": ("note", "look at this")}


@pytest.mark.parametrize(("column", "value"), CHANGES.values(), ids=CHANGES)
def test_a_row_in_which_one_changes_is_as_abnormal_as_can_be(detector, column, value):
    rows = table(40, 1).astype({"note": object})
    before = detector.score_rows(rows)
    rows.loc[7, column] = value
    result = detector.score_rows(rows)
    smallest = detector.ensemble_.calibrator.smallest_alpha()
    assert result.score.argmax() == 7
    assert result.p_value[7] == smallest
    assert detector.predict(rows)[7] == -1
    others = np.arange(40) != 7
    assert np.array_equal(result.score[others], before.score[others])


def test_more_changes_are_more_abnormal(detector):
    rows = table(3, 2)
    rows.loc[1, "state"] = rows.loc[2, "state"] = "failed"
    rows.loc[2, "gain"] = 9
    first, second, third = -detector.score_samples(rows)
    assert first < second < third


def test_missing_cells_and_later_days_are_no_such_change(detector):
    rows = table(5, 3)
    expected = detector.score_samples(rows)
    rows["state"] = None
    rows["day"] = pd.Timestamp("2024-06-01")
    assert np.array_equal(detector.score_samples(rows), expected)
    assert np.array_equal(detector.score_samples(rows.drop(columns="gain")), expected)


def test_explain_names_it_first_and_contributions_add_up(detector):
    rows = table(4, 4)
    rows.loc[2, "state"] = "failed"
    frame = detector.explain(rows)
    line = frame[(frame["row"] == 2) & (frame["rank"] == 1)].iloc[0]
    assert (line["column"], line["observed"], line["expected"]) == ("state", "failed", "ok")
    assert line["sentence"] == (
        "state = 'failed' (constant in training) where 'ok' would be normal here"
    )
    explanation = detector.explain_frame(rows)
    total = explanation.frame.groupby("row")["contribution"].sum().to_numpy()
    excess = explanation.score - explanation.normal_score
    assert total == pytest.approx(excess, abs=1e-5)
    np.testing.assert_array_equal(explanation.score, -detector.score_samples(rows))
    assert list(detector.explain(rows, top=1)["rank"]) == [1] * 4


def test_a_stored_model_remembers_them(detector, tmp_path):
    rows = table(4, 5)
    rows.loc[0, "gain"] = 0
    detector.save(tmp_path / "model")
    assert np.array_equal(
        load(tmp_path / "model").score_samples(rows), detector.score_samples(rows)
    )
