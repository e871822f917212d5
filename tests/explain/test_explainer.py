from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector, InputError
from anomgan.explain.explainer import EXPLANATION_COLUMNS, OTHER_COLUMNS, Explainer

COLUMNS = ["a", "b", "c", "d", "load", "mode"]


def records(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Columns of any kind that all follow from two causes."""
    cause, other = rng.normal(size=(2, rows))
    noise = rng.normal(size=(6, rows)) / 5
    mood = other + noise[5]
    return pd.DataFrame(
        {
            "a": cause + noise[0],
            "b": other + noise[1],
            "c": cause - other + noise[2],
            "d": 50 + 10 * (cause + other + noise[3]),
            "load": (1000 * np.exp(cause + noise[4])).round(),
            "mode": np.where(mood > 0.6, "high", np.where(mood < -0.6, "low", "mid")),
        }
    )


@pytest.fixture(scope="module")
def new() -> pd.DataFrame:
    return records(150, np.random.default_rng(1))


@pytest.fixture(scope="module")
def detector() -> GANDetector:
    settings = {"steps": 150, "members": 2, "hidden": 48, "memory_rows": 500, "inversion_steps": 1}
    detector = GANDetector(preset="fast", settings=settings, random_state=0)
    return detector.fit(records(1500, np.random.default_rng(0)))


def culprits(new: pd.DataFrame, detector: GANDetector, how: str) -> tuple[pd.DataFrame, list[str]]:
    """Rows of which one column was spoilt, so that they are flagged and weren't before."""
    rng, spoilt, guilty = np.random.default_rng(2), new.copy(), []
    for row in range(len(new)):
        at = int(rng.integers(len(COLUMNS)))
        if how == "shifted" and COLUMNS[at] != "mode":
            cell = new.iloc[row, at] + rng.choice([-4, 4]) * new.iloc[:, at].std()
        else:
            cell = new.iloc[int(rng.integers(len(new))), at]
        spoilt.iloc[row, at] = cell
        guilty.append(COLUMNS[at])
    chosen = (detector.predict(new) == 1) & (detector.predict(spoilt) == -1)
    return spoilt[chosen], [
        name for name, is_chosen in zip(guilty, chosen, strict=True) if is_chosen
    ]


@pytest.mark.parametrize("how", ["shifted", "swapped"])
def test_culprit_is_named_first(detector: GANDetector, new: pd.DataFrame, how: str) -> None:
    """Far off by itself, or only not fitting the other columns."""
    spoilt, guilty = culprits(new, detector, how)
    assert len(guilty) >= 30
    found = detector.explain(spoilt, top=1)
    assert np.mean(found["column"].to_numpy() == guilty) >= 0.9


def test_contributions_add_up_to_the_excess(detector: GANDetector, new: pd.DataFrame) -> None:
    spoilt, _ = culprits(new, detector, "swapped")
    spoilt.iloc[0] = [9.0, -9.0, 9.0, 500.0, 1.0, "sideways"]
    explained = detector.explain_frame(spoilt)
    total = explained.frame.groupby("row")["contribution"].sum().to_numpy()
    np.testing.assert_allclose(total, explained.score - explained.normal_score, atol=1e-9)
    np.testing.assert_array_equal(explained.score, -detector.score_samples(spoilt))
    assert (explained.normal_score < -detector.offset_).all()
    assert total[0] > 3


def test_what_is_expected_makes_the_row_normal(detector: GANDetector, new: pd.DataFrame) -> None:
    spoilt, _ = culprits(new, detector, "shifted")
    explained = detector.explain_frame(spoilt)
    mended = spoilt.reset_index(drop=True).copy()
    for line in explained.frame.itertuples():
        mended.loc[line.row, line.column] = line.expected
    np.testing.assert_allclose(
        -detector.score_samples(mended), explained.normal_score, rtol=0, atol=0.02
    )
    assert (detector.predict(mended) == 1).all()
    untouched = explained.frame["contribution"] == 0
    same = explained.frame["observed"] == explained.frame["expected"]
    assert same[untouched].all()
    assert not same[~untouched].any()


def test_long_form(detector: GANDetector, new: pd.DataFrame) -> None:
    found = detector.explain(new.head(7))
    assert list(found.columns) == EXPLANATION_COLUMNS
    assert found["row"].tolist() == [row for row in range(7) for _ in COLUMNS]
    for _, lines in found.groupby("row"):
        assert sorted(lines["column"]) == COLUMNS
        assert lines["rank"].tolist() == [1, 2, 3, 4, 5, 6]
        assert lines["contribution"].is_monotonic_decreasing
    first = detector.explain(new.head(7), top=2)
    pd.testing.assert_frame_equal(first, found[found["rank"] <= 2].reset_index(drop=True))


def test_normal_rows_need_no_change(detector: GANDetector, new: pd.DataFrame) -> None:
    typical = new[detector.p_values(new) > 0.5]
    found = detector.explain(typical)
    assert (found["contribution"] == 0).all()
    assert found["sentence"].str.endswith("which is normal here").all()


def test_rows_do_not_depend_on_one_another(detector: GANDetector, new: pd.DataFrame) -> None:
    odd = culprits(new, detector, "swapped")[0].head(5)
    together = detector.explain(odd)
    for row in range(5):
        alone = detector.explain(odd.iloc[[row]]).drop(columns="row")
        among = together[together["row"] == row].drop(columns="row")
        pd.testing.assert_frame_equal(alone, among)


def test_the_index_is_kept(detector: GANDetector, new: pd.DataFrame) -> None:
    odd = new.iloc[[4, 2]].set_axis(["pump 7", "pump 3"])
    found = detector.explain(odd, top=2)
    assert found.index.tolist() == ["pump 7", "pump 7", "pump 3", "pump 3"]
    assert found["row"].tolist() == [0, 0, 1, 1]
    plain = detector.explain(odd.reset_index(drop=True), top=2)
    assert plain.index.tolist() == [0, 1, 2, 3]
    pd.testing.assert_frame_equal(found.reset_index(drop=True), plain)


def test_cells_that_are_odd_in_themselves(detector: GANDetector, new: pd.DataFrame) -> None:
    typical = new[detector.p_values(new) > 0.5].head(3).astype({"d": object, "a": object})
    typical.iloc[0, 5] = "sideways"
    typical.iloc[1, 3] = None
    typical.iloc[2, 0] = "much"
    with pytest.warns(UserWarning, match="can't be read"):
        found = detector.explain(typical, top=1)
    assert found["column"].tolist() == ["mode", "d", "a"]
    level, gap, text = found["sentence"]
    assert level.startswith("mode = 'sideways' (never seen) where '")
    assert gap.startswith("d is missing where ")
    assert text.startswith("a = 'much' (not a number) where ")


def test_same_after_pickling_and_saving(
    detector: GANDetector, new: pd.DataFrame, tmp_path: Any
) -> None:
    from anomgan import load

    expected = detector.explain(new.head(3))
    pd.testing.assert_frame_equal(
        pickle.loads(pickle.dumps(detector)).explain(new.head(3)), expected
    )
    detector.save(tmp_path / "model")
    pd.testing.assert_frame_equal(load(tmp_path / "model").explain(new.head(3)), expected)


def test_conditions_are_not_blamed_but_decide() -> None:
    """What is normal is taken from the row's own level."""
    rng = np.random.default_rng(0)

    def machines(rows: int) -> pd.DataFrame:
        level = rng.integers(0, 3, rows)
        heat, other = 5 * level + rng.normal(size=(2, rows)) / 5
        return pd.DataFrame({"heat": heat, "other": other, "machine": level})

    settings = {"steps": 150, "members": 1, "hidden": 48, "memory_rows": 500}
    detector = GANDetector(
        "cgan", condition="machine", preset="fast", settings=settings, random_state=0
    ).fit(machines(900))
    odd = pd.DataFrame({"heat": [10.0], "other": [0.0], "machine": [0]})
    found = detector.explain(odd)
    assert set(found["column"]) == {"heat", "other"}
    assert found["column"][0] == "heat"
    assert abs(found["expected"][0]) < 2


def test_wide_tables_share_the_rest_as_one() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1)) + rng.normal(size=(60, 50)) / 5
    settings = {"steps": 20, "members": 1, "hidden": 16, "folds": 2, "memory_rows": 50}
    detector = GANDetector(preset="fast", settings=settings, random_state=0).fit(X)
    odd = rng.normal(size=(1, 50)) * 9
    found = detector.explain(odd)
    if (rest := found["column"] == OTHER_COLUMNS).any():
        assert found.loc[rest, "sentence"].str.fullmatch(r"\d+ other columns together").all()
    excess = Explainer(detector.encoder_, detector.ensemble_)(pd.DataFrame(odd).add_prefix("x"))
    assert found["contribution"].sum() == pytest.approx(
        (excess.score - excess.normal_score).item(), abs=1e-9
    )


@pytest.mark.parametrize("top", [0, -1, 1.5, "all"])
def test_top_must_be_a_count(detector: GANDetector, new: pd.DataFrame, top: Any) -> None:
    with pytest.raises(InputError, match="top="):
        detector.explain(new, top=top)
