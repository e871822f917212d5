from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from anomgan.errors import InputError
from anomgan.metrics import metrics, reliability

LABELS = np.array([0, 0, 1, 0, 1, 1])
SCORE = np.array([0.1, 0.2, 0.25, 0.3, 0.8, 0.9])


def test_by_hand():
    found = metrics(LABELS, SCORE, flagged=SCORE > 0.28, ks=(1, 3, 6, 7))
    # Of 9 pairs only (0.25, 0.3) is the wrong way round.
    assert found["auroc"] == pytest.approx(8 / 9)
    # Hits at places 1, 2 and 4.
    assert found["average_precision"] == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert found["best_f1"] == pytest.approx(6 / 7)  # four rows, three of them abnormal
    assert found["fpr_at_95_tpr"] == pytest.approx(1 / 3)
    assert (found["precision"], found["recall"]) == pytest.approx((2 / 3, 2 / 3))
    assert (found["f1"], found["false_positive_rate"]) == pytest.approx((2 / 3, 1 / 3))
    assert (found["precision_at_1"], found["recall_at_1"]) == pytest.approx((1, 1 / 3))
    assert (found["precision_at_3"], found["recall_at_3"]) == pytest.approx((2 / 3, 2 / 3))
    assert (found["precision_at_6"], found["recall_at_6"]) == pytest.approx((1 / 2, 1))
    assert "precision_at_7" not in found
    assert "brier" not in found


def test_decisions_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    labels, flagged = rng.random(200) < 0.3, rng.random(200) < 0.4
    found = metrics(labels, rng.normal(size=200), flagged=flagged)
    assert found["f1"] == pytest.approx(f1_score(labels, flagged))
    assert found["precision"] == pytest.approx(precision_score(labels, flagged))
    assert found["recall"] == pytest.approx(recall_score(labels, flagged))


def test_nothing_flagged():
    found = metrics(LABELS, SCORE, flagged=np.zeros(6))
    assert found["precision"] == found["recall"] == found["f1"] == 0


def test_rows_that_tie_for_the_last_places_count_as_a_mean_of_all_orders():
    labels = np.array([1, 1, 0, 0, 0])
    score = np.array([5.0, 1.0, 1.0, 1.0, 1.0])
    assert metrics(labels, score, ks=(3,))["precision_at_3"] == pytest.approx((1 + 2 / 4) / 3)


def test_calibration_errors_by_hand():
    chance = np.array([0.0, 0.05, 0.31, 0.39, 0.9, 1.0])
    found = metrics(LABELS, SCORE, probability=chance)
    assert found["brier"] == pytest.approx(np.mean((chance - LABELS) ** 2))
    # Bins: two rows of mean 0.025 and none abnormal, of 0.35 and one, of 0.95 and two.
    assert found["ece"] == pytest.approx((2 * 0.025 + 2 * 0.15 + 2 * 0.05) / 6)
    curve = reliability(LABELS, chance)
    assert curve["rows"].tolist() == [2, 2, 2]
    assert curve["abnormal"].tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(6), "only normal"),
        (np.ones(6), "only abnormal"),
        ([], "no row"),
        ([0, 1, 2, 0, 0, 0], "0 .normal. or 1"),
        ([0, 1, 0], "3 labels for score of shape .6,."),
        (np.zeros((6, 1)), "one for each row"),
    ],
)
def test_labels_that_are_of_no_use(labels, message):
    with pytest.raises(InputError, match=message):
        metrics(labels, SCORE)


def test_a_score_that_is_no_number():
    with pytest.raises(InputError, match="score holds"):
        metrics(LABELS, np.where(SCORE > 0.5, np.nan, SCORE))
