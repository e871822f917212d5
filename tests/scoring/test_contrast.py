"""The score that rests on a discriminator of corrupted rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from anomgan import GANDetector, InputError, load

SETTINGS = {"score": "contrast", "steps": 60, "members": 2, "hidden": 16, "contrast_hidden": 32,
            "checks": 0, "memory_rows": 300}  # fmt: skip


def dependent(rows: int, seed: int) -> pd.DataFrame:
    """Two numbers and a level that all say the same, among three that say nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    table = pd.DataFrame(rng.normal(size=(rows, 3)), columns=["u", "v", "w"])
    return table.assign(x=x, y=x + 0.1 * rng.normal(size=rows), sign=np.where(x > 0, "+", "-"))


@pytest.fixture(scope="module")
def detector() -> GANDetector:
    return GANDetector(settings=SETTINGS, random_state=0).fit(dependent(700, 0))


def test_broken_dependence_is_abnormal(detector):
    normal, broken = dependent(300, 1), dependent(300, 2)
    broken["y"] = broken["y"].to_numpy()[::-1]
    scores = -detector.score_samples(pd.concat([normal, broken]))
    assert roc_auc_score(np.repeat([0, 1], 300), scores) > 0.85


def test_it_is_the_mean_of_its_components(detector):
    rows = dependent(20, 3)
    parts = detector.components(rows)
    assert list(parts) == ["contrast_length", "contrast_neighbours", "memory"]
    assert -detector.score_samples(rows) == pytest.approx(parts.mean(axis=1), abs=1e-5)


def test_rows_stand_alone_and_a_stored_model_scores_alike(detector, tmp_path):
    rows = dependent(70, 4)
    scores = detector.score_samples(rows)
    assert np.array_equal(detector.score_samples(rows.iloc[3:8]), scores[3:8])
    detector.save(tmp_path / "model")
    assert np.array_equal(load(tmp_path / "model").score_samples(rows), scores)


@pytest.mark.parametrize("method", ["alad", "cyclegan", "anogan"])
def test_every_kind_of_gan_can_be_scored_so(method):
    settings = SETTINGS | {"steps": 5, "search_steps": 2}
    detector = GANDetector(method, settings=settings, random_state=0).fit(dependent(200, 0))
    assert np.isfinite(detector.score_samples(dependent(10, 1))).all()


def test_pictures_have_none():
    pictures = np.random.default_rng(0).integers(0, 255, (20, 8, 8), dtype=np.uint8)
    with pytest.raises(InputError, match="contrast is for tables"):
        GANDetector(settings=SETTINGS | {"steps": 1}).fit(pictures)
