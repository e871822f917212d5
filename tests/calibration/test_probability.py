import numpy as np
import pytest

from anomgan.calibration.probability import (
    Platt,
    fit_probability_curve,
    probability_curve_from_json,
)
from anomgan.errors import InputError


def test_platt_recovers_the_curve_that_labels_were_drawn_from():
    rng = np.random.default_rng(3)
    score = rng.normal(5, 2, 20_000)
    curve, quality = fit_probability_curve(
        score, rng.random(20_000) < Platt(1.5, -9)(score), "platt"
    )
    assert isinstance(curve, Platt)
    assert (curve.slope, curve.intercept) == pytest.approx((1.5, -9), rel=0.05)
    assert quality["ece"] < 0.02
    assert sum(point["rows"] for point in quality["reliability"]) == 20_000


def test_isotonic_follows_any_rising_shape():
    rng = np.random.default_rng(4)
    score = rng.random(20_000)
    truth = np.where(score < 0.5, 0.1, 0.6)
    curve, quality = fit_probability_curve(score, rng.random(20_000) < truth, "isotonic")
    assert curve(np.array([0.2, 0.8])) == pytest.approx([0.1, 0.6], abs=0.04)
    assert np.all(np.diff(curve(np.linspace(-1, 2, 100))) >= 0)
    assert quality["ece"] < 0.02


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_classes_that_do_not_overlap_give_no_certainty(kind):
    labels = np.arange(60) >= 40
    curve, _ = fit_probability_curve(np.arange(60.0), labels, kind)
    found = curve(np.array([-1e9, 0, 59, 1e9]))
    if kind == "isotonic":
        assert found == pytest.approx([1 / 62, 1 / 62, 61 / 62, 61 / 62])
    assert 0 < found[1] < 0.1
    assert 0.9 < found[2] < 1
    assert probability_curve_from_json(curve.to_json()) == curve


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
        fit_probability_curve(np.arange(40.0), labels, kind)
