from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist, mahalanobis
from sklearn.covariance import LedoitWolf

from anomgan import score
from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.data.views import Views
from anomgan.gans import method
from anomgan.score import Evidence, FeatureDensity, Neighbours, Reconstruction, Scorer


@pytest.fixture
def evidence():
    draw = torch.Generator().manual_seed(0)
    mix = torch.randn(2, 5, 5, generator=draw, dtype=torch.float64)
    vectors = torch.randn(2, 60, 5, generator=draw, dtype=torch.float64) @ mix + 3
    return SimpleNamespace(features=vectors, residuals=vectors)


ROWS = [torch.arange(40), torch.arange(20, 60)]


@pytest.mark.parametrize("kind", [FeatureDensity, Reconstruction])
def test_lengths_are_mahalanobis_distances_to_each_members_own_rows(evidence, kind):
    component = kind(Config())
    component.fit(evidence, ROWS)
    got = component(evidence)
    for m, own in enumerate(ROWS):
        vectors = evidence.features[m].numpy()
        reference = LedoitWolf().fit(vectors[own])
        expected = [mahalanobis(v, reference.location_, reference.get_precision()) for v in vectors]
        assert got[m].numpy() == pytest.approx(np.array(expected), rel=1e-6)


def test_neighbours_are_those_of_brute_force(evidence):
    component = Neighbours(Config.make(settings={"neighbours": 3, "memory_rows": 25}))
    component.fit(evidence, ROWS)
    got = component(evidence)
    for m, own in enumerate(ROWS):
        reference = LedoitWolf().fit(evidence.features[m][own].numpy())
        white = np.linalg.cholesky(reference.get_precision())
        mapped = (evidence.features[m].numpy() - reference.location_) @ white
        distances = np.sort(cdist(mapped, mapped[own[:25]]), axis=1)[:, :3]
        expected = np.sqrt(distances**2 + 1e-4).mean(1)  # the documented floor
        assert got[m].numpy() == pytest.approx(expected, rel=1e-4)


def test_many_dimensions_are_whitened_by_their_variances_alone(evidence, monkeypatch):
    monkeypatch.setattr(score, "FULL_COVARIANCE", 4)
    component = FeatureDensity(Config())
    component.fit(evidence, ROWS)
    vectors = evidence.features[0].numpy()
    own = vectors[ROWS[0]]
    expected = np.linalg.norm((vectors - own.mean(0)) / own.std(0), axis=1)
    assert component(evidence)[0].numpy() == pytest.approx(expected, rel=1e-4)


def small_scorer(values):
    spec = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])
    config = Config.make(settings={"hidden": 8, "latent": 2})
    views = Views(spec, ["standard", "asinh"]).fit(values)
    gan = method("f-anogan")(views, config).double().requires_grad_(False)
    return Scorer.fit(gan, torch.from_numpy(values), [torch.arange(len(values))] * 2, "combined")


def test_blocks_change_nothing(monkeypatch):
    values = np.random.default_rng(0).normal(size=(70, 2))
    scorer = small_scorer(values)
    at_once = scorer(values)
    assert at_once.shape == (4, 2, 70)
    monkeypatch.setattr(score, "BLOCK", 1)  # the smallest blocks there are
    assert scorer(values) == pytest.approx(at_once, rel=1e-9)


def test_threads_change_nothing_and_are_put_back(monkeypatch):
    monkeypatch.setattr(score, "BLOCK", 1)
    values = np.random.default_rng(0).normal(size=(100, 2))
    scorer = small_scorer(values)
    alone = scorer(values)
    torch.set_num_threads(2)
    try:
        assert np.array_equal(scorer(values), alone)
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError):
            scorer(np.zeros((100, 7)))  # another width
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_only_what_is_asked_for_is_computed():
    class Broken:
        def __getattr__(self, name):
            raise AssertionError(f"{name} was computed")

    gan = SimpleNamespace(features=lambda x: 2 * x, generate=Broken(), paper_score=Broken())
    evidence = Evidence(gan, torch.ones(1, 1, 2), torch.zeros(1, 1, 2))
    assert evidence.features.tolist() == [[[2, 2]]]
