import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.score_weights import SUMS
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.ensemble import TrainedEnsemble

TINY = Config.make(settings={"steps": 150, "hidden": 32, "latent": 4, "batch": 64, "members": 2})


def numeric(width):
    return Spec.of([(f"x{i}", "numeric", 1, f"x{i}") for i in range(width)])


def fit(values, **changes):
    options = {"name": "f-anogan", "config": TINY, "seed": 0, "device": "cpu", **changes}
    trained = TrainedEnsemble.fit(values, numeric(values.shape[1]), **options)
    return FittedEnsemble.fit(trained.gan, values, trained.rows, trained.folds)


def ring(n, seed):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.c_[np.cos(angle), np.sin(angle)] * rng.normal(1, 0.05, (n, 1))


@pytest.fixture(scope="module", params=[600, 120], ids=["held out", "cross-fitted"])
def ensemble(request):
    return fit(ring(request.param, 0))


def test_the_hole_of_a_ring_is_abnormal(ensemble):
    """Inside the ring every column is usual; only their combination isn't."""
    rng = np.random.default_rng(1)
    inside = rng.normal(0, 0.1, (100, 2))
    scores = ensemble.score(np.concatenate([ring(300, 2), inside]))
    assert roc_auc_score(np.r_[np.zeros(300), np.ones(100)], scores) > 0.95


def test_a_row_alone_scores_as_it_does_among_others(ensemble):
    rows = np.random.default_rng(3).normal(size=(50, 2))
    together = ensemble.score(rows)
    assert [ensemble.score(row[None])[0] for row in rows] == pytest.approx(together, abs=1e-9)
    assert ensemble.score(rows[::-1].copy())[::-1] == pytest.approx(together, abs=1e-9)


def test_further_out_is_more_abnormal(ensemble):
    ray = np.geomspace(3, 1e30, 60)[:, None] * np.array([[0.6, -0.8]])
    scores = ensemble.score(ray)
    assert np.isfinite(scores).all()
    assert (np.diff(scores) > 0).all()


def test_score_is_the_weighted_mean_of_its_components(ensemble):
    rows, weights = ring(20, 4), SUMS["combined"]
    parts = ensemble.components(rows)
    expected = sum(weights[key] * part for key, part in parts.items()) / sum(weights.values())
    assert ensemble.score(rows) == pytest.approx(expected, abs=1e-6)


def test_same_seed_same_scores_and_global_random_state_left_alone():
    values, new = ring(200, 5), ring(50, 6)
    torch.manual_seed(7)
    np.random.seed(7)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    first = fit(values).score(new)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]
    assert np.array_equal(fit(values).score(new), first)
    assert not np.array_equal(fit(values, seed=1).score(new), first)


def test_calibration_uses_held_out_rows_or_every_row_once():
    assert len(fit(ring(600, 0)).calibrator.scores) == 120
    assert len(fit(ring(120, 0)).calibrator.scores) == 120


@pytest.mark.parametrize("members", [1, 3, 8])
def test_any_number_of_members(members):
    config = Config.make(settings={"steps": 5, "hidden": 8, "latent": 2, "members": members})
    ensemble = fit(ring(600, 0), config=config)
    assert ensemble.gan.views.members == members
    assert np.isfinite(ensemble.score(ring(10, 1))).all()
