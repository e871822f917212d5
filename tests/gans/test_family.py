"""The same invariants for every registered GAN."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons
from sklearn.metrics import roc_auc_score

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.detector import Detector
from anomgan.gans import GAN

PLANE = Spec.of([("x", "numeric", 1, "x"), ("y", "numeric", 1, "y")])
BUDGET = {
    "steps": 150,
    "hidden": 32,
    "latent": 4,
    "batch": 64,
    "members": 2,
    "search_steps": 20,
    "held_out": 0.3,
}


def fit(name, values, *, seed=0, **settings):
    config = Config.make(settings=BUDGET | settings)
    return Detector.fit(values, PLANE, name=name, config=config, seed=seed, device="cpu")


def ring(rows, seed):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, rows)
    return np.c_[np.cos(angle), np.sin(angle)] * rng.normal(1, 0.05, (rows, 1))


@pytest.fixture(scope="module", params=sorted(GAN.registry))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def on_ring(name):
    return fit(name, ring(500, 0))


def test_the_hole_of_a_ring_is_abnormal(on_ring):
    """No column is unusual there, only both together; public GAN detectors score 0.05 to 0.47."""
    inside = np.random.default_rng(1).normal(0, 0.1, (100, 2))
    scores = on_ring.score(np.concatenate([ring(200, 2), inside]))
    assert roc_auc_score(np.repeat([0, 1], [200, 100]), scores) >= 0.95


def test_what_lies_between_two_moons_is_abnormal(name):
    normal, _ = make_moons(700, noise=0.05, random_state=0)
    rng = np.random.default_rng(1)
    # Midway between the moons, and in two corners of the frame that no moon reaches.
    places = np.array([[0.5, 0.25], [-0.8, -0.4], [1.8, 0.9]])
    odd = places[rng.integers(0, 3, 100)] + rng.normal(0, 0.05, (100, 2))
    scores = fit(name, normal[:500]).score(np.concatenate([normal[500:], odd]))
    assert roc_auc_score(np.repeat([0, 1], [200, 100]), scores) >= 0.95


def test_a_row_alone_scores_as_it_does_among_others(on_ring):
    rows = np.random.default_rng(3).normal(size=(12, 2))
    together = on_ring.score(rows)
    assert [on_ring.score(row[None])[0] for row in rows] == pytest.approx(together, abs=1e-8)


def test_further_out_is_more_abnormal(on_ring):
    ray = np.geomspace(3, 1e30, 40)[:, None] * np.array([[-0.8, 0.6]])
    scores = on_ring.score(ray)
    assert np.isfinite(scores).all()
    assert (np.diff(scores) > 0).all()


def test_same_seed_same_scores_another_seed_others(name):
    values, new = ring(500, 5), ring(20, 6)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    quick = {"steps": 10, "hidden": 8}
    first = fit(name, values, **quick).score(new)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(fit(name, values, **quick).score(new), first)
    assert not np.array_equal(fit(name, values, seed=1, **quick).score(new), first)


def test_the_papers_own_score(name):
    """Finite, at least 0, and far outliers stand out."""
    rng = np.random.default_rng(0)
    detector = fit(name, rng.normal(size=(500, 2)), score="paper")
    new = np.concatenate([rng.normal(size=(100, 2)), rng.normal(8, 1, size=(100, 2))])
    raw = detector.scorer(new)
    assert raw.shape == (1, 2, 200)
    assert np.isfinite(raw).all()
    assert (raw >= 0).all()
    assert roc_auc_score(np.repeat([0, 1], 100), detector.score(new)) > 0.9


def test_what_it_says_of_itself(name):
    variant = GAN.registry[name]
    assert variant.name == name
    assert variant.paper
    assert 2014 <= variant.year <= 2026
    assert variant.formula
    assert str(variant.year) in (variant.__doc__ or "")
