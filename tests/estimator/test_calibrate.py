from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, kstest

from anomgan import DataWarning, GANDetector, InputError, load
from anomgan.calibration.conformal import ConformalCalibrator, binomial_interval
from anomgan.calibration.mondrian import FEWEST, MondrianCalibrator
from anomgan.calibration.probability import Platt, fit, from_json
from anomgan.data.encoders.convert import learn
from anomgan.fit_summary import _levels

TINY = {"steps": 20, "members": 1, "hidden": 16, "memory_rows": 100, "inversion_steps": 1}


# --- p-values -------------------------------------------------------------------------------------


def test_p_values_are_uniform_for_each_condition():
    """Where levels differ in spread, pooled p-values are not; those of the level are."""
    rng = np.random.default_rng(0)
    spread = np.array([0.3, 1.0, 3.0])
    flagged, pooled, found = np.zeros(3), np.zeros(3), []
    for _ in range(100):
        level = np.repeat([0, 1, 2], 150)
        scores = rng.normal(size=450) * spread[level]
        every = ConformalCalibrator.fit(scores)
        mondrian = MondrianCalibrator.fit(every, [(np.eye(3)[level], scores)])
        new = rng.integers(0, 3, 300)
        fresh = rng.normal(size=300) * spread[new]
        p = mondrian.p_values(fresh, np.eye(3)[new])
        found.append(rng.choice(p, 1))  # p-values of one calibration depend on one another
        for at in range(3):
            flagged[at] += (p[new == at] <= 0.05).mean() / 100
            pooled[at] += (every.p_values(fresh)[new == at] <= 0.05).mean() / 100
    assert np.abs(flagged - 0.05).max() < 0.01
    assert pooled[0] < 0.001
    assert pooled[2] > 0.1
    assert kstest(np.concatenate(found), "uniform").pvalue > 0.01


def test_conditions_with_few_rows_fall_back_on_the_pool():
    rng = np.random.default_rng(1)
    level = np.repeat([0, 1], [FEWEST, FEWEST - 1])
    scores = rng.normal(size=len(level))
    every = ConformalCalibrator.fit(scores)
    mondrian = MondrianCalibrator.fit(every, [(np.eye(2)[level], scores)])
    assert mondrian.keys.tolist() == [[1, 0]]
    conditions = np.array([[1.0, 0], [0, 1], [0, 0]])
    assert mondrian.groups(conditions).tolist() == [0, -1, -1]
    new = np.full(3, 0.3)
    own = ConformalCalibrator.fit(scores[level == 0])
    assert mondrian.p_values(new, conditions).tolist() == [
        own.p_values(new)[0], *every.p_values(new)[1:],
    ]  # fmt: skip
    assert mondrian.thresholds(0.1, conditions).tolist() == [
        own.threshold(0.1), every.threshold(0.1), every.threshold(0.1),
    ]  # fmt: skip


def test_share_of_fresh_rows_flagged_lies_where_it_is_said_to():
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(400):
        calibrator = ConformalCalibrator.fit(rng.random(200))
        low, high = calibrator.flagged_share(0.05, level=0.9)
        inside += low <= 1 - calibrator.threshold(0.05) <= high
    assert binomtest(inside, 400, 0.9).pvalue > 1e-3
    assert ConformalCalibrator.fit(np.zeros(5)).flagged_share(0.05) == (0, 0)


def test_interval_of_a_share_by_hand():
    low, high = binomial_interval(0, 20)
    assert (low, high) == pytest.approx((0, 1 - 0.025 ** (1 / 20)))


# --- probabilities --------------------------------------------------------------------------------


def test_platt_recovers_the_curve_that_labels_were_drawn_from():
    rng = np.random.default_rng(3)
    score = rng.normal(5, 2, 20_000)
    curve, quality = fit(score, rng.random(20_000) < Platt(1.5, -9)(score), "platt")
    assert isinstance(curve, Platt)
    assert (curve.slope, curve.intercept) == pytest.approx((1.5, -9), rel=0.05)
    assert quality["ece"] < 0.02
    assert sum(point["rows"] for point in quality["reliability"]) == 20_000


def test_isotonic_follows_any_rising_shape():
    rng = np.random.default_rng(4)
    score = rng.random(20_000)
    truth = np.where(score < 0.5, 0.1, 0.6)
    curve, quality = fit(score, rng.random(20_000) < truth, "isotonic")
    assert curve(np.array([0.2, 0.8])) == pytest.approx([0.1, 0.6], abs=0.04)
    assert np.all(np.diff(curve(np.linspace(-1, 2, 100))) >= 0)
    assert quality["ece"] < 0.02


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_classes_that_do_not_overlap_give_no_certainty(kind):
    labels = np.arange(60) >= 40
    curve, _ = fit(np.arange(60.0), labels, kind)
    found = curve(np.array([-1e9, 0, 59, 1e9]))
    if kind == "isotonic":
        assert found == pytest.approx([1 / 62, 1 / 62, 61 / 62, 61 / 62])
    assert 0 < found[1] < 0.1
    assert 0.9 < found[2] < 1
    assert from_json(curve.to_json()) == curve


@pytest.mark.parametrize(
    ("labels", "kind", "message"),
    [
        (np.arange(40) >= 37, "platt", "37 normal and 3 abnormal rows are too few"),
        (np.arange(40) >= 30, "isotonic", "20 of each"),
        (np.arange(40) < 20, "platt", "wrong way round"),
        (np.arange(40) >= 20, "beta", "kind='beta'"),
    ],
)
def test_labels_that_teach_nothing(labels, kind, message):
    with pytest.raises(InputError, match=message):
        fit(np.arange(40.0), labels, kind)


# --- the detector ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    y = np.arange(300) >= 240
    return rng.normal(size=(300, 3)) + 2 * y[:, None], y


@pytest.fixture
def detector(fitted: bytes) -> GANDetector:
    return pickle.loads(fitted)


@pytest.fixture(scope="module")
def fitted() -> bytes:
    X = np.random.default_rng(6).normal(size=(600, 3))
    return pickle.dumps(GANDetector(preset="fast", settings=TINY, random_state=0).fit(X))


def test_alpha_changes_the_threshold_and_nothing_else(
    detector: GANDetector, rows: Any, tmp_path: Any
) -> None:
    X, _ = rows
    before = detector.score_samples(X)
    assert detector.calibrate(alpha=0.2) is detector
    np.testing.assert_array_equal(detector.score_samples(X), before)
    np.testing.assert_array_equal(detector.predict(X) == -1, detector.p_values(X) <= 0.2)
    facts = detector.training_facts_["calibration"]
    assert facts["share_flagged"] == pytest.approx(0.2, abs=0.01)
    low, high = facts["flagged_interval"]
    assert low < 0.2 < high
    detector.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.alpha == 0.2
    np.testing.assert_array_equal(again.predict(X), detector.predict(X))


def test_alpha_takes_the_place_of_a_contamination(rows: Any) -> None:
    X, _ = rows
    detector = GANDetector(contamination=0.2, preset="fast", settings=TINY, random_state=0).fit(X)
    detector.calibrate(alpha=0.05)
    assert detector.contamination is None
    assert detector.training_facts_["calibration"]["rule"] == "alpha"
    np.testing.assert_array_equal(detector.predict(X) == -1, detector.p_values(X) <= 0.05)


def test_alpha_out_of_reach(detector: GANDetector) -> None:
    with pytest.warns(DataWarning, match="nothing will be flagged"):
        detector.calibrate(alpha=0.001)


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_labelled_rows_give_probabilities(
    detector: GANDetector, rows: Any, kind: str, tmp_path: Any
) -> None:
    X, y = rows
    assert not hasattr(detector, "predict_proba")
    before = detector.offset_
    found = detector.calibrate(X, y, kind=kind).predict_proba(X)
    assert found.shape == (300, 2)
    np.testing.assert_allclose(found.sum(1), 1)
    assert found[y, 1].mean() > 0.6 > 0.2 > found[~y, 1].mean()
    order = np.argsort(detector.score_samples(X))
    assert np.all(np.diff(found[order, 1]) <= 0)
    assert detector.offset_ == before
    facts = detector.training_facts_["probability"]
    assert facts["rows"], facts["abnormal_rows"] == (300, 60)
    assert 0 < facts["ece"] < 0.2
    low, high = facts["false_positive_interval"]
    assert low < (detector.predict(X[~y]) == -1).mean() < high
    detector.save(tmp_path / "model")
    for same in (load(tmp_path / "model"), pickle.loads(pickle.dumps(detector))):
        np.testing.assert_array_equal(same.predict_proba(X), found)


def test_a_new_fit_forgets_probabilities(detector: GANDetector, rows: Any) -> None:
    X, y = rows
    detector.calibrate(X, y).fit(X)
    with pytest.raises(AttributeError, match="predict_proba"):
        detector.predict_proba(X)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to calibrate by"),
        ({"alpha": 1.5}, "alpha=1.5"),
        ({"X": np.zeros((9, 3))}, "give both"),
        ({"X": np.zeros((9, 3)), "y": np.arange(8) % 2}, "8 labels for 9 rows"),
        ({"X": np.zeros((9, 3)), "y": np.zeros(9)}, "only normal rows"),
    ],
)
def test_calibrate_refuses(detector: GANDetector, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        detector.calibrate(**arguments)


def test_each_condition_is_flagged_as_often(tmp_path: Any) -> None:
    """Level b scatters ten times as much: pooled, only its rows would be flagged."""
    rng = np.random.default_rng(7)

    def readings(rows: int) -> pd.DataFrame:
        level = rng.choice(["a", "b", "rare"], rows, p=[0.49, 0.49, 0.02])
        spread = np.where(level == "b", 10, 1)[:, None]
        table = pd.DataFrame(rng.normal(size=(rows, 2)) * spread, columns=["x", "y"])
        return table.assign(level=level)

    settings = TINY | {"held_out": 0.5}
    detector = GANDetector(
        "cgan", condition="level", preset="fast", settings=settings, random_state=0
    ).fit(readings(1600))
    facts = detector.training_facts_["calibration"]
    assert set(facts["levels"]) == {"level=a", "level=b", "level=?"}
    assert facts["pooled_levels"] == ["level=rare"]
    new = readings(4000)
    flagged = detector.predict(new) == -1
    for level in "ab":
        assert 0.02 < flagged[new["level"] == level].mean() < 0.09
    np.testing.assert_array_equal(flagged, detector.p_values(new) <= 0.05)
    with pytest.warns(DataWarning, match="pooled"):
        strange = detector.p_values(new.assign(level="new"))
    assert 0.02 < (strange <= 0.05).mean() < 0.09
    detector.save(tmp_path / "model")
    np.testing.assert_array_equal(load(tmp_path / "model").predict(new), detector.predict(new))


def test_a_missing_level_is_told_from_an_unknown_one() -> None:
    frame = pd.DataFrame({"x": np.arange(60.0) % 7, "level": ["a", "b", None] * 20})
    encoder, values, _ = learn(frame, conditions=["level"])
    told = encoder.spec.told(values)[:3]
    named = _levels(encoder, np.concatenate([told, np.zeros_like(told[:1])]))
    assert named == ["level=a", "level=b", "level=(missing)", "level=?"]


def test_levels_never_seen_come_as_often_among_calibration_rows() -> None:
    """One row in five holds a level of its own: normal, and no reason to be flagged."""
    rng = np.random.default_rng(8)

    def people(rows: int) -> pd.DataFrame:
        own = rng.random(rows) < 0.2
        city = np.where(own, rng.integers(10**12, size=rows), rng.integers(5, size=rows))
        return pd.DataFrame({"x": rng.normal(size=rows), "city": city.astype(str)})

    settings = TINY | {"cross_fit_below": 0, "held_out": 0.5}
    train = people(250)  # few enough levels for each to have a slot
    train["city"] = [f"city {name}" for name in train["city"]]
    detector = GANDetector(preset="fast", settings=settings, random_state=0).fit(train)
    new = people(3000)
    new["city"] = [f"city {name}" for name in new["city"]]
    assert not detector.encoder_.schema["city"].open
    assert (detector.predict(new) == -1).mean() < 0.1

    encoder = detector.encoder_
    values, _ = encoder.transform(train)
    span = next(span for span in encoder.spec.spans if span.column == "city")
    once = ~train["city"].duplicated(keep=False).to_numpy()
    expected = values.copy()
    expected[once, span.slice] = 0
    expected[once, span.stop - 1] = 1
    assert once.sum() > 30
    np.testing.assert_array_equal(encoder.as_new(train, values), expected)
    # The calibration rows were scored so: among them are as many of the highest scores.
    found = detector.ensemble_.calibrator.scores
    known, new_ones = detector.ensemble_.score(values), detector.ensemble_.score(expected)
    assert np.isin(found, new_ones).all()
    assert not np.isin(found, known).all()
