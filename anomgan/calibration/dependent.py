"""Calibration by scores that depend on one another, as those of neighbouring points of a series.

A thousand points may hold what ten independent ones say, and the highest of their scores is soon
exceeded.  So beside their own distribution stands the predictive one of a normal sample of the size
that they are worth: Student's t, with its wide tails where that is small.
"""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from anomgan.utils.types import Floats

MIN_QUANTILES = 999
"""Fewest scores that stand for the distribution: p-values go down to a thousandth."""

MIN_INDEPENDENT = 3.0
"""Independent scores that any sample counts for; a spread needs some."""


def widen_scores(scores: Floats, independent: float) -> Floats:
    """Scores that calibrate as independent ones would, ascending.

    Args:
        scores: Scores of held-out points, at least one.
        independent: How many independent ones they are worth.

    Returns:
        Quantiles, ``(n,)``: the higher of those of the scores and of the predictive distribution.
    """
    count = max(MIN_QUANTILES, len(scores))
    worth = max(MIN_INDEPENDENT, independent)
    levels = np.arange(1, count + 1) / (count + 1)
    spread = scores.std() * np.sqrt(worth / (worth - 1)) * np.sqrt(1 + 1 / worth)
    predicted = scores.mean() + spread * stdtrit(worth - 1, levels)
    return np.asarray(np.maximum(predicted, np.quantile(scores, levels)))
