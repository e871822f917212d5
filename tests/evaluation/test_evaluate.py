from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector, InputError
from anomgan.evaluation.evaluate import MISSING, PEER_LABELS, REST, evaluate, subgroups
from anomgan.metrics import metrics

TINY = {"steps": 20, "members": 1, "hidden": 16, "memory_rows": 100, "inversion_steps": 1}


@pytest.fixture(scope="module")
def normal() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(300, 2)), columns=["x", "y"])


@pytest.fixture(scope="module")
def detector(normal: pd.DataFrame) -> GANDetector:
    settings = TINY | {"folds": 2}
    return GANDetector(preset="fast", settings=settings, random_state=0).fit(normal)


@pytest.fixture(scope="module")
def labelled() -> tuple[pd.DataFrame, Any]:
    rng = np.random.default_rng(1)
    y = rng.random(200) < 0.2
    return pd.DataFrame(rng.normal(size=(200, 2)) + 2.5 * y[:, None], columns=["x", "y"]), y


def test_numbers_are_those_of_the_metrics(detector: GANDetector, labelled: Any) -> None:
    frame, y = labelled
    found = evaluate(detector, frame, y, bootstrap=0)
    score, flagged = -detector.score_samples(frame), detector.predict(frame) == -1
    assert found.metrics == metrics(y, score, flagged=flagged)
    assert found.confusion == {
        "true_positives": (y & flagged).sum(),
        "false_positives": (~y & flagged).sum(),
        "false_negatives": (y & ~flagged).sum(),
        "true_negatives": (~y & ~flagged).sum(),
    }
    assert found.intervals == found.peers == {}
    assert (found.groups, found.reliability) == ([], [])


def test_bootstrap_is_stratified_seeded_and_around_the_estimate(
    detector: GANDetector, labelled: Any
) -> None:
    frame, y = labelled
    found = evaluate(detector, frame, y, bootstrap=100, seed=3)
    assert found.intervals.keys() == found.metrics.keys()
    for key in ("auroc", "average_precision", "recall", "false_positive_rate"):
        low, high = found.intervals[key]
        assert low < found.metrics[key] < high
    # The standard error of a share, from the binomial distribution.
    rate, rows = found.metrics["false_positive_rate"], int((~y).sum())
    low, high = found.intervals["false_positive_rate"]
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(rate * (1 - rate) / rows), rel=0.3)
    assert evaluate(detector, frame, y, bootstrap=100, seed=3).intervals == found.intervals
    assert evaluate(detector, frame, y, bootstrap=100, seed=4).intervals != found.intervals


def test_peers_learn_from_the_same_rows(
    detector: GANDetector, labelled: Any, normal: pd.DataFrame
) -> None:
    frame, y = labelled
    found = evaluate(detector, frame, y, normal=normal, bootstrap=20)
    assert set(found.peers) == set(found.peer_intervals) == set(PEER_LABELS)
    assert all(peer["auroc"] > 0.8 for peer in found.peers.values())
    for name, more in found.peer_intervals.items():
        low, high = more["auroc"]
        assert low <= found.metrics["auroc"] - found.peers[name]["auroc"] <= high


def test_probabilities_are_judged_where_there_are_any(normal: pd.DataFrame, labelled: Any) -> None:
    frame, y = labelled
    detector = GANDetector(preset="fast", settings=TINY, random_state=0).fit(normal)
    found = evaluate(detector.calibrate(frame, y), frame, y, bootstrap=0)
    assert found.metrics["brier"] < np.mean(y) * (1 - np.mean(y))
    assert sum(point["rows"] for point in found.reliability) == len(y)


def test_a_group_that_is_flagged_more_often() -> None:
    labels = np.repeat([0, 1], [400, 20])
    site = np.array(["north", "south"] * 210)
    flagged = (labels == 1) | ((site == "south") & (np.arange(420) % 8 == 1))
    north, south = subgroups(labels, flagged, pd.DataFrame({"site": site}))
    assert (north.level, north.rows, north.abnormal, north.false_positives) == ("north", 210, 10, 0)
    assert (south.false_positives, south.false_positive_rate) == (50, 0.25)
    assert south.interval == pytest.approx((0.192, 0.316), abs=1e-3)  # Clopper and Pearson
    assert north.recall == south.recall == 1
    assert south.p_value < 1e-6


def test_groups_that_are_flagged_alike_do_not_differ() -> None:
    rng = np.random.default_rng(0)
    surprising = 0
    for _ in range(200):
        labels, flagged = rng.random(300) < 0.1, rng.random(300) < 0.1
        found = subgroups(labels, flagged, pd.DataFrame({"group": rng.integers(0, 4, 300)}))
        surprising += any(group.p_value < 0.05 for group in found)
    assert surprising <= 20  # 10 expected at most


def test_many_values_become_few_groups() -> None:
    rng = np.random.default_rng(0)
    by = pd.DataFrame(
        {
            "size": np.where(np.arange(200) < 10, np.nan, rng.normal(size=200)),
            "city": [f"city {i % 7 if i < 100 else i}" for i in range(200)],
        }
    )
    found = subgroups(np.zeros(200), np.zeros(200), by)
    sizes = [group for group in found if group.column == "size"]
    assert len(sizes) == 5
    assert {group.rows for group in sizes if group.level == MISSING} == {10}
    cities = {group.level: group.rows for group in found if group.column == "city"}
    assert len(cities) == 20
    assert cities[REST] == 200 - 100 - 12


def test_labels_of_another_length(detector: GANDetector, labelled: Any) -> None:
    frame, y = labelled
    with pytest.raises(InputError, match="199 labels for 200 rows"):
        evaluate(detector, frame, y[1:])
