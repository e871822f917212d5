import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from anomgan import GANDetector, load
from anomgan.training_gain import _auroc, describe_training_gain

SETTINGS = {"steps": 10, "members": 1, "hidden": 8, "memory_rows": 50, "checks": 1, "restarts": 0}


def table(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=rows)
    level = np.where(rng.random(rows) < 0.3, "a", "b")
    return pd.DataFrame({"x": x, "y": x + 0.1 * rng.normal(size=rows), "level": level})


def gain(rows: int, **settings: object) -> dict[str, float] | None:
    detector = GANDetector(settings=SETTINGS | settings, random_state=0).fit(table(rows))
    found: dict[str, float] | None = detector.training_facts_["gain"]
    return found


def test_area_is_scikit_learns_with_ties():
    rng = np.random.default_rng(0)
    normal, abnormal = rng.integers(0, 9, 200).astype(float), rng.integers(3, 12, 90).astype(float)
    labels = np.repeat([0, 1], [200, 90])
    expected = roc_auc_score(labels, np.concatenate([normal, abnormal]))
    assert _auroc(np.sort(normal), abnormal) == pytest.approx(expected)


@pytest.mark.parametrize("rows", [100, 600], ids=["cross-fitted", "held out"])
def test_corrupted_rows_are_told_better_than_by_chance(rows):
    found = gain(rows)
    assert found is not None
    assert found["trained"] > 0.55
    assert found["untrained"] > 0.55
    assert found["low"] <= found["trained"] - found["untrained"] <= found["high"]
    assert gain(rows) == found


@pytest.mark.parametrize("settings", [{"steps": 0}, {"checks": 0}])
def test_nothing_to_compare(settings):
    assert gain(60, **settings) is None


def test_conditions_stay_what_they_are():
    detector = GANDetector("cgan", condition="level", settings=SETTINGS, random_state=0)
    assert detector.fit(table(150)).training_facts_["gain"] is not None


@pytest.mark.parametrize("rows", [5, 100])
def test_levels_alone(rows):
    levels = pd.DataFrame({"a": ["p", "q", "p", "q", "p"], "b": ["u", "u", "v", "v", "v"]})
    many = pd.concat([levels] * (rows // 5), ignore_index=True)
    detector = GANDetector(settings=SETTINGS, alpha=0.5, random_state=0).fit(many)
    found = detector.training_facts_["gain"]
    assert (found is None) == (rows == 5)


def test_pictures_are_not_compared():
    pictures = np.random.default_rng(0).integers(0, 255, (20, 8, 8), dtype=np.uint8)
    detector = GANDetector(settings=SETTINGS | {"steps": 1, "channels": 2}, random_state=0)
    assert detector.fit(pictures).training_facts_["gain"] is None


def test_a_stored_model_knows_it(tmp_path):
    detector = GANDetector(settings=SETTINGS, random_state=0).fit(table(60))
    detector.save(tmp_path / "model")
    assert load(tmp_path / "model").training_facts_["gain"] == detector.training_facts_["gain"]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.01, 0.03, "helped"), (-0.01, 0.05, "brought nothing"), (-0.2, -0.1, "did harm")],
)
def test_verdict(low, high, verdict):
    found = {"trained": 0.9, "untrained": 0.9 - (low + high) / 2, "low": low, "high": high}
    assert describe_training_gain(found).startswith(f"{verdict} (")


def test_no_verdict():
    assert describe_training_gain(None) == "not compared with its random start"
