from __future__ import annotations

import numpy as np
import pytest

from anomgan.calibration.conformal import ConformalCalibrator
from anomgan.calibration.dependent import widen_scores


def make_scores(rng: np.random.Generator, points: int) -> np.ndarray:
    """Scores of points that are means over the thirty before: worth a thirtieth of their number."""
    return np.convolve(rng.normal(size=points + 29), np.ones(30) / 30, "valid")


def test_p_values_hold_on_average_though_scores_depend_on_one_another() -> None:
    rng = np.random.default_rng(0)
    shares, plain = [], []
    for _ in range(200):
        scores, new = make_scores(rng, 300), make_scores(rng, 600)
        shares.append(
            np.mean(ConformalCalibrator.fit(widen_scores(scores, 10)).p_values(new) <= 0.01)
        )
        plain.append(np.mean(ConformalCalibrator.fit(scores).p_values(new) <= 0.01))
    assert 0.005 < np.mean(shares) < 0.02
    assert np.mean(plain) > 0.03  # what their number alone would give


def test_many_independent_scores_stay_as_they_are() -> None:
    scores = np.random.default_rng(0).normal(size=5000)
    widened = widen_scores(scores, 5000)
    assert len(widened) == 5000
    assert (np.diff(widened) >= 0).all()
    assert np.quantile(widened, 0.95) == pytest.approx(np.quantile(scores, 0.95), abs=0.1)
