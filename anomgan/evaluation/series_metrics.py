"""Metrics of the scores of a series against labelled intervals, without point adjustment.

Point adjustment counts a whole interval as found when a single point of it is flagged; random
scores then look good (Kim et al., "Towards a rigorous evaluation of time-series anomaly detection",
AAAI 2022).  Nothing here does that.

An interval is a maximal run of abnormal points, a found range a maximal run of flagged ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score

from anomgan.metrics import check_labels
from anomgan.utils.types import Bools, Floats

VUS_THRESHOLDS = 250
"""Thresholds of a range-based curve: scores at equally spaced ranks, as in the authors' code."""

EXISTENCE_WEIGHT = 0.2
"""α of the range-based recall, as in the TSB-UAD benchmark."""

POINTS_PER_FALSE_ALARM = 1_000
"""The budget of :func:`compute_event_recall`: one false alarm in so many normal points."""

Intervals = NDArray[np.intp]
"""``(k, 2)``: first point, and the one after the last."""


def compute_series_metrics(
    labels: ArrayLike, score: Floats, flagged: Bools, window: int
) -> dict[str, float]:
    """Compute all metrics of one series.

    Args:
        labels: ``(n,)``, 1 for abnormal points; both kinds occur.
        score: ``(n,)``, finite; larger is more abnormal.
        flagged: ``(n,)``, decisions at the threshold of the detector's calibration.
        window: Length of the windows that detectors look at, in points; the tolerance of VUS-PR and
            of the events.

    Returns:
        ``vus_pr``, ``ap`` (the area under the precision-recall curve of points), ``range_f1``,
        ``event_recall``; all in [0, 1], larger is better.

    Raises:
        InputError: If the labels are of one kind.
    """
    truth = check_labels(labels)
    return {
        "vus_pr": compute_vus_pr(truth, score, window),
        "ap": float(average_precision_score(truth, score)),
        "range_f1": compute_range_f1(truth, flagged),
        "event_recall": compute_event_recall(truth, score, window),
    }


def find_intervals(marked: Bools) -> Intervals:
    """Find the maximal runs of True.

    >>> find_intervals(np.array([True, False, True, True])).tolist()
    [[0, 1], [2, 4]]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return edges.reshape(-1, 2)


def compute_vus_pr(truth: Bools, score: Floats, window: int) -> float:
    """Compute the volume under the surface of range-based precision-recall curves.

    Paparrizos et al., "Volume under the surface", PVLDB 15 (2022), as their package ``vus`` and the
    TSB-AD benchmark compute it.  Labels a few points early or late shouldn't decide, so with a
    buffer b each interval gets sloping sides of ⌊b/2⌋ points: √(1 − d/b) at distance d.
    With such soft labels L, the sum P of the hard ones, and the points F flagged at a threshold::

        hits      = Σ L over F
        precision = hits / |F|
        recall    = min(1, hits / (P + S/2)) · share of the intervals that are touched

    where S is the sum over those of F that are in the sloping sides, which needn't be found but may
    be; intervals whose sides meet are one.  The area is Σ precision · increase of recall over
    :data:`VUS_THRESHOLDS` thresholds, averaged over the buffers b = 0, 1, …, ``window``.

    Args:
        truth: ``(n,)``, True for abnormal points.
        score: ``(n,)``, larger is more abnormal.
        window: The largest buffer, in points.
    """
    ascending = np.sort(score)
    ranks = np.linspace(0, len(score) - 1, VUS_THRESHOLDS).astype(int)
    thresholds = ascending[::-1][ranks]
    flagged = len(score) - np.searchsorted(ascending, thresholds)
    descending = np.argsort(-score, kind="stable")
    intervals = find_intervals(truth)
    hard_hits = np.cumsum(truth[descending])[flagged - 1]
    areas = []
    for buffer in range(window + 1):
        soft = _soften(intervals, buffer, len(score))
        hits = np.cumsum(soft[descending])[flagged - 1]
        widened = _widen(intervals, buffer // 2, len(score))
        highest = np.array([score[start:end].max() for start, end in widened])
        touched = (highest[:, None] >= thresholds).mean(0)
        recall = np.minimum(hits / (truth.sum() + (hits - hard_hits) / 2), 1) * touched
        areas.append(np.diff(recall, prepend=0.0) @ (hits / flagged))
    return float(np.mean(areas))


def compute_range_f1(truth: Bools, flagged: Bools) -> float:
    """Compute the harmonic mean of range-based precision and recall.

    Tatbul et al., "Precision and recall for time series", NeurIPS 2018, flat positional bias::

        reward(A, B) = |A ∩ B| / |A| / max(1, number of ranges of B that overlap range A)
        precision    = mean of reward(found range, intervals) over the found ranges
        recall       = mean of α · [interval is touched] + (1 − α) · reward(interval, found ranges)

    with α = :data:`EXISTENCE_WEIGHT`.  Nothing flagged gives 0.
    """
    intervals, found = find_intervals(truth), find_intervals(flagged)
    if not len(found):
        return 0.0
    precision = _mean_reward(found, intervals, truth)
    touched = np.mean([flagged[start:end].any() for start, end in intervals])
    reward = _mean_reward(intervals, found, flagged)
    recall = EXISTENCE_WEIGHT * touched + (1 - EXISTENCE_WEIGHT) * reward
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def compute_event_recall(truth: Bools, score: Floats, window: int) -> float:
    """Compute the share of intervals that are found at a budget of false alarms.

    The threshold comes down from the highest score until the false alarms are more than one in
    :data:`POINTS_PER_FALSE_ALARM` normal points (one is always allowed); an interval is found if
    one of its points is above where that happens.  A run of flagged normal points is a false alarm
    for each ``window`` points begun, so that flagging everything isn't cheap; points within half a
    window of an interval are neither found nor false.

    Args:
        truth: ``(n,)``, True for abnormal points.
        score: ``(n,)``, larger is more abnormal.
        window: In points, at least 1.
    """
    intervals = find_intervals(truth)
    normal = ~truth
    for start, end in _widen(intervals, window // 2, len(score)):
        normal[start:end] = False
    budget = max(1.0, normal.sum() / POINTS_PER_FALSE_ALARM)
    places = np.flatnonzero(normal)
    places = places[np.argsort(-score[places], kind="stable")]
    limit = -np.inf
    for threshold in np.unique(score[places])[::-1]:
        above = np.zeros(len(score), dtype=bool)
        above[places[score[places] >= threshold]] = True
        lengths = np.diff(find_intervals(above))
        if np.ceil(lengths / window).sum() > budget:
            limit = threshold
            break
    return float(np.mean([score[start:end].max() > limit for start, end in intervals]))


def _soften(intervals: Intervals, buffer: int, count: int) -> Floats:
    """Labels of ``count`` points, 1 in the intervals, sloping down beside them."""
    soft = np.zeros(count)
    slope = np.sqrt(1 - np.arange(1, buffer // 2 + 1) / max(1, buffer))
    for start, end in intervals:
        soft[start:end] = 1
        after, before = slope[: count - end], slope[:start][::-1]
        soft[end : end + len(after)] += after
        soft[start - len(before) : start] += before
    return np.minimum(soft, 1)


def _widen(intervals: Intervals, side: int, count: int) -> Intervals:
    """Widen intervals to both sides; those that meet become one."""
    widened: list[list[int]] = []
    for start, end in intervals:
        if widened and start - side < widened[-1][1]:
            widened[-1][1] = end + side
        else:
            widened.append([start - side, end + side])
    return np.clip(widened, 0, count)


def _mean_reward(ranges: Intervals, others: Intervals, in_others: Bools) -> float:
    """Mean over the ranges of the share that is in others, by the number of these."""
    rewards = []
    for start, end in ranges:
        overlapping = ((others[:, 0] < end) & (others[:, 1] > start)).sum()
        rewards.append(in_others[start:end].mean() / max(1, overlapping))
    return float(np.mean(rewards))
