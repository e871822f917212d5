from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import DataWarning, GANDetector, InputError, load
from anomgan.data.encoders.convert import fit_encoder
from anomgan.fit_summary import _levels

TINY = {"steps": 20, "members": 1, "hidden": 16, "memory_rows": 100, "inversion_steps": 1}


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
    encoder, values, _ = fit_encoder(frame, conditions=["level"])
    told = encoder.spec.conditions(values)[:3]
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
    np.testing.assert_array_equal(encoder.transform_as_new(train, values), expected)
    # The calibration rows were scored so: among them are as many of the highest scores.
    found = detector.ensemble_.calibrator.scores
    known, new_ones = detector.ensemble_.score(values), detector.ensemble_.score(expected)
    assert np.isin(found, new_ones).all()
    assert not np.isin(found, known).all()
