"""Bring the scores of windows back to the points that they hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anomgan.utils.types import Floats

LARGEST_SHARE = 0.75
"""Weight of the largest score of the windows that hold a point; their mean has the rest."""

POOLED_DECIMALS = 6
"""Decimals of a point's score, as of a window's."""


def pool_scores(scores: Floats, starts: NDArray[np.int64], length: int, points: int) -> Floats:
    """The score of each point: between the largest and the mean of the windows that hold it.

    The largest finds what fills a part of some window, but raises all points within a window's
    length of it alike; the mean tells where it is.

    Args:
        scores: Of each window, ``(m,)``.
        starts: First point of each window, ``(m,)``.
        length: Points in a window.
        points: Number of points.

    Returns:
        ``(points,)``, NaN for points that no window holds.
    """
    totals, counts = (np.zeros(points + 1, dtype=np.int64) for _ in range(2))
    # In whole units of the last decimal, so that no sum along the series is rounded.
    units = np.rint(scores * 10**POOLED_DECIMALS).astype(np.int64)
    for sums, amounts in ((totals, units), (counts, np.ones_like(units))):
        np.add.at(sums, starts, amounts)
        np.add.at(sums, starts + length, -amounts)
    held = counts.cumsum()[:-1]
    largest = _spread_largest(scores, starts, length, points)
    mean = totals.cumsum()[:-1] / np.maximum(held, 1) / 10**POOLED_DECIMALS
    pooled = LARGEST_SHARE * largest + (1 - LARGEST_SHARE) * mean
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
