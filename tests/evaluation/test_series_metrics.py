from __future__ import annotations

import numpy as np
import pytest

from anomgan.evaluation.series_metrics import (
    compute_event_recall,
    compute_range_f1,
    compute_series_metrics,
    compute_vus_pr,
    find_intervals,
)


def mark(count, *intervals):
    marked = np.zeros(count, dtype=bool)
    for start, end in intervals:
        marked[start:end] = True
    return marked


def test_intervals_reach_both_ends():
    assert find_intervals(mark(6, (0, 2), (5, 6))).tolist() == [[0, 2], [5, 6]]
    assert find_intervals(mark(3)).shape == (0, 2)


def test_vus_pr_by_hand():
    """The highest score is one point late, then come both abnormal points."""
    truth, score = mark(6, (2, 4)), np.array([1.0, 2, 6, 5, 7, 3])
    # Buffers 0 and 1 have no sides: precision 0, 1/2, 2/3 at recall 0, 1/2, 1.
    plain = 0.5 * 0.5 + 0.5 * 2 / 3
    # Buffer 2 has sides of one point, of √(1 − 1/2).
    side = np.sqrt(0.5)
    hits = np.array([side, side + 1, side + 2])
    recall = np.minimum(hits / (2 + side / 2), 1)
    buffered = np.diff(recall, prepend=0) @ (hits / [1, 2, 3])
    assert compute_vus_pr(truth, score, 0) == pytest.approx(plain)
    assert compute_vus_pr(truth, score, 2) == pytest.approx((2 * plain + buffered) / 3)


def test_vus_pr_asks_for_every_interval():
    """One of two points is found first, the other last but one: recall 1/2 counts half."""
    truth, score = mark(4, (0, 1), (3, 4)), np.array([4.0, 3, 1, 2])
    assert compute_vus_pr(truth, score, 0) == pytest.approx(0.25 + 0.75 * 2 / 3)
    # Sides that meet make one interval of both.
    assert compute_vus_pr(mark(5, (1, 2), (3, 4)), np.array([0.0, 5, 1, 4, 2]), 4) > 0.9


def test_vus_pr_is_1_for_a_perfect_score_and_the_share_for_a_constant_one():
    truth = mark(400, (50, 90), (200, 220))
    assert compute_vus_pr(truth, truth * 1.0, 0) == pytest.approx(1)
    assert compute_vus_pr(truth, np.zeros(400), 0) == pytest.approx(60 / 400)


def test_range_f1_by_hand():
    truth = mark(14, (2, 6), (10, 12))
    # Half of the found range is right; half of one interval is found, nothing of the other.
    recall = 0.2 * 1 / 2 + 0.8 * (0.5 + 0) / 2
    assert compute_range_f1(truth, mark(14, (4, 8))) == pytest.approx(
        2 * 0.5 * recall / (0.5 + recall)
    )
    # The same half in two pieces counts half.
    recall = 0.2 * 1 / 2 + 0.8 * (0.5 / 2 + 0) / 2
    assert compute_range_f1(truth, mark(14, (2, 3), (4, 5))) == pytest.approx(
        2 * recall / (1 + recall)
    )
    assert compute_range_f1(truth, truth) == 1
    assert compute_range_f1(truth, mark(14)) == compute_range_f1(truth, mark(14, (8, 9))) == 0


def test_event_recall_stops_at_the_budget():
    """2,950 normal points allow two false alarms; the third is at 5."""
    truth, score = mark(3000, (100, 120), (900, 920), (2000, 2010)), np.zeros(3000)
    score[[110, 910, 2005]] = 9, 6, 4
    score[[300, 500, 700]] = 8, 7, 5
    assert compute_event_recall(truth, score, 10) == pytest.approx(2 / 3)
    score[701:709] = 8  # one run of ten points is one alarm, of 300 points many
    score[[300, 500]] = 0
    assert compute_event_recall(truth, score, 10) == 1
    score[1200:1500] = 10
    assert compute_event_recall(truth, score, 10) == 0
    # Beside an interval, within half a window, nothing is false.
    late = np.zeros(3000)
    late[[119, 122, 124]] = 1, 2, 3
    assert compute_event_recall(mark(3000, (100, 120)), late, 10) == 1


def test_flagging_everything_finds_no_event():
    assert compute_event_recall(mark(4000, (100, 200)), np.ones(4000), 50) == 0


def adjust(truth, score):
    """Point adjustment, which we don't do: every point of an interval gets its highest score."""
    adjusted = score.copy()
    for start, end in find_intervals(truth):
        adjusted[start:end] = score[start:end].max()
    return adjusted


def test_random_scores_are_no_better_than_chance():
    truth = mark(4000, (700, 1100))
    found = []
    for seed in range(5):
        score = np.random.default_rng(seed).normal(size=4000)
        found.append(compute_series_metrics(truth, score, score > 2.33, 40))
        assert compute_vus_pr(truth, adjust(truth, score), 40) > 0.8
    # A tenth is abnormal; touching the interval is worth a recall of 0.2, at a precision of 0.1.
    for name, most in (("vus_pr", 0.13), ("ap", 0.12), ("range_f1", 0.14)):
        assert np.mean([each[name] for each in found]) < most
