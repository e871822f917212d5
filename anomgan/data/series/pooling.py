"""Bring the scores of windows back to the points that they hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anomgan.utils.types import Floats

POOLED_DECIMALS = 6
"""Decimals of a point's score, as of a window's: sums along a series have rounding errors."""


def pool_scores(scores: Floats, starts: NDArray[np.int64], length: int, points: int) -> Floats:
    """The score of each point: between the mean and the largest of the windows that hold it.

    The largest alone raises all points within a window's length of an anomaly alike; the mean tells
    where it is, but forgets one that is short beside the window.  Each counts half.

    Args:
        scores: Of each window, ``(m,)``.
        starts: First point of each window, ``(m,)``.
        length: Points in a window.
        points: Number of points.

    Returns:
        ``(points,)``, NaN for points that no window holds.
    """
    totals, counts = np.zeros(points + 1), np.zeros(points + 1)
    for sums, amounts in ((totals, scores), (counts, np.ones(len(starts)))):
        np.add.at(sums, starts, amounts)
        np.add.at(sums, starts + length, -amounts)
    held = counts.cumsum()[:-1]
    largest = _spread_largest(scores, starts, length, points)
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = (totals.cumsum()[:-1] / held + largest) / 2
    return np.where(held > 0, np.round(pooled, POOLED_DECIMALS), np.nan)


def _spread_largest(scores: Floats, starts: NDArray[np.int64], length: int, points: int) -> Floats:
    """The largest score of the windows that hold each point, −∞ where there is none, ``(points,)``.

    Runs that began at most 1, 2, 4, … points before are joined, so that a long window takes few
    steps.
    """
    largest = np.full(points, -np.inf)
    np.maximum.at(largest, starts, scores)
    reach = 1
    while reach < length:
        ahead = min(reach, length - reach)
        joined = largest.copy()
        np.maximum(joined[ahead:], largest[:-ahead], out=joined[ahead:])
        largest, reach = joined, reach + ahead
    return largest
