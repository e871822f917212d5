"""Maps of where pictures are abnormal."""

import numpy as np
import pytest
import torch

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.scoring.localization.anomaly_map import _smooth
from anomgan.training.ensemble import TrainedEnsemble

GRID = (1, 16, 20)
SPEC = Spec.of([("picture", "pixel", 320, "picture")], GRID)
SMALL = {"members": 2, "steps": 10, "channels": 4, "latent": 4, "batch": 24, "cross_fit_below": 0}


def stripes(n, seed):
    rng = np.random.default_rng(seed)
    bright = 100 + 80 * np.sin(np.arange(20) + rng.uniform(0, 6, (n, 1, 1)))
    return (bright + rng.normal(0, 5, (n, 16, 20))).astype(np.float32)


def fit(pictures):
    values, config = pictures.reshape(len(pictures), -1), Config.make("fast", SMALL, "images")
    trained = TrainedEnsemble.fit(values, SPEC, name="gan", config=config, seed=0, device="cpu")
    return FittedEnsemble.fit(trained.gan, values, trained.rows, trained.folds)


@pytest.fixture(scope="module")
def ensemble():
    return fit(stripes(200, 0))


def test_a_spot_stands_out_where_it_is(ensemble):
    pictures = stripes(20, 1)
    pictures[:, 4:8, 12:16] = 255
    maps = ensemble.anomaly_maps(pictures.reshape(20, -1))
    assert maps.shape == (20, 16, 20)
    inside = maps[:, 4:8, 12:16].mean()
    far = np.concatenate([maps[:, :, :6].ravel(), maps[:, 13:].ravel()])
    assert inside > np.quantile(far, 0.99)


def test_held_out_pictures_are_about_nought_everywhere(ensemble):
    maps = ensemble.anomaly_maps(stripes(100, 2).reshape(100, -1))
    assert np.abs(np.median(maps, 0)).max() < 1
    assert abs(np.median(maps)) < 0.3


def test_one_in_a_hundred_places_of_normal_pictures_is_above_one(ensemble):
    maps = ensemble.anomaly_maps(stripes(200, 5).reshape(200, -1))
    assert 0.001 < (maps > 1).mean() < 0.05


def test_tables_have_no_maps():
    spec = Spec.of([("a", "numeric", 1, "a")])
    config = Config.make(settings={"steps": 3, "members": 1, "hidden": 4})
    rows = np.random.default_rng(0).normal(size=(40, 1))
    trained = TrainedEnsemble.fit(rows, spec, name="gan", config=config, seed=0, device="cpu")
    table = FittedEnsemble.fit(trained.gan, rows, trained.rows, trained.folds)
    with pytest.raises(ValueError, match="only pictures"):
        table.anomaly_maps(rows)
    assert table.reconstruct(rows).shape == rows.shape


def test_a_constant_part_of_the_picture_does_not_cry_out_at_a_whisper():
    """Nothing ever happens in the upper half: a faint dot there is less than a spot below."""
    pictures = stripes(200, 3)
    pictures[:, :8] = 0
    half = fit(pictures)
    new = stripes(10, 4)
    new[:, :8] = 0
    new[:, 3, 5] = 15
    new[:, 11:14, 12:16] = 255
    maps = half.anomaly_maps(new.reshape(10, -1))
    assert np.isfinite(maps).all()
    assert maps[:, 2:5, 4:7].max() < np.median(maps[:, 12, 13:15])


def test_smoothing_keeps_what_is_even_and_spreads_what_is_not():
    even = torch.full((1, 9, 9), 3.0)
    assert torch.allclose(_smooth(even, 1.0), even)
    spot = torch.zeros(1, 9, 9)
    spot[0, 4, 4] = 1
    smooth = _smooth(spot, 1.0)[0]
    assert float(smooth.sum()) == pytest.approx(1, abs=1e-5)
    assert smooth[4, 4] > smooth[4, 5] > smooth[4, 6] > 0
    assert torch.allclose(smooth, smooth.mT)
