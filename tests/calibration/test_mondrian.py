import numpy as np
from scipy.stats import kstest

from anomgan.calibration.conformal import ConformalCalibrator
from anomgan.calibration.mondrian import MIN_CALIBRATION_ROWS, MondrianCalibrator


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
    level = np.repeat([0, 1], [MIN_CALIBRATION_ROWS, MIN_CALIBRATION_ROWS - 1])
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
