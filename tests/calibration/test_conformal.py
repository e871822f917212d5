import numpy as np
import pytest
from scipy.stats import binomtest

from anomgan.calibration.conformal import ConformalCalibrator, binomial_interval, flag_rows


def test_p_value_counts_held_out_rows_at_least_as_abnormal():
    calibrator = ConformalCalibrator.fit(np.array([3.0, 1.0, 2.0, 2.0]))
    assert calibrator.p_values(np.array([0.5, 1.0, 2.0, 2.5, 9.0])).tolist() == [
        1.0, 1.0, 4 / 5, 2 / 5, 1 / 5,
    ]  # fmt: skip


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("rows", [1, 9, 19, 20, 99, 100, 1234])
def test_threshold_and_p_values_say_the_same(alpha, rows):
    rng = np.random.default_rng(rows)
    calibrator = ConformalCalibrator.fit(rng.integers(0, 50, rows).astype(float))  # with ties
    new = np.arange(-1, 52, 0.5)
    by_threshold = new > calibrator.threshold(alpha)
    assert np.array_equal(by_threshold, flag_rows(calibrator.p_values(new), alpha=alpha))


def test_too_few_rows_for_alpha_flag_nothing():
    calibrator = ConformalCalibrator.fit(np.arange(9.0))
    assert calibrator.threshold(0.05) == np.inf
    assert calibrator.smallest_alpha() == 0.1


def test_p_values_are_valid():
    """At most alpha of fresh normal rows is flagged, up to chance, whatever the distribution."""
    rng = np.random.default_rng(0)
    flagged = trials = 0
    for _ in range(400):
        calibrator = ConformalCalibrator.fit(rng.lognormal(size=99))
        flagged += int(flag_rows(calibrator.p_values(rng.lognormal(size=50)), alpha=0.05).sum())
        trials += 50
    assert binomtest(flagged, trials, 0.05).pvalue > 1e-4


def test_benjamini_hochberg_holds_the_false_discovery_rate():
    rng = np.random.default_rng(1)
    rates = []
    for _ in range(200):
        calibrator = ConformalCalibrator.fit(rng.normal(size=1000))
        scores = np.concatenate([rng.normal(size=180), rng.normal(6, 1, size=20)])
        chosen = flag_rows(calibrator.p_values(scores), fdr=0.2)
        rates.append(chosen[:180].sum() / max(1, chosen.sum()))
        assert chosen[180:].any()
    assert np.mean(rates) < 0.22


def test_share_of_fresh_rows_flagged_lies_where_it_is_said_to():
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(400):
        calibrator = ConformalCalibrator.fit(rng.random(200))
        low, high = calibrator.flag_rate_interval(0.05, level=0.9)
        inside += low <= 1 - calibrator.threshold(0.05) <= high
    assert binomtest(inside, 400, 0.9).pvalue > 1e-3
    assert ConformalCalibrator.fit(np.zeros(5)).flag_rate_interval(0.05) == (0, 0)


def test_interval_of_a_share_by_hand():
    low, high = binomial_interval(0, 20)
    assert (low, high) == pytest.approx((0, 1 - 0.025 ** (1 / 20)))
