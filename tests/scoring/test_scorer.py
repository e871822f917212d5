from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist, mahalanobis
from sklearn.covariance import LedoitWolf

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans import blockwise, get_method
from anomgan.scoring import whitening
from anomgan.scoring.components import (
    Deviation,
    FeatureDensity,
    FeatureDistance,
    Latent,
    Memory,
    Neighbours,
    Paper,
    Reconstruction,
)
from anomgan.scoring.features import RecordFeatures
from anomgan.scoring.scorer import ComponentScaler, Scorer, evaluate_components, fit_components


@pytest.fixture
def records():
    """Of 2 folds with 2 members each."""
    draw = torch.Generator().manual_seed(0)

    def vectors(width):
        mix = torch.randn(4, width, width, generator=draw, dtype=torch.float64)
        return torch.randn(4, 60, width, generator=draw, dtype=torch.float64) @ mix + 3

    parts = {"features": 5, "feature_differences": 4, "residuals": 3, "x": 3}
    return SimpleNamespace(**{name: vectors(width) for name, width in parts.items()})


FOLDS = [torch.arange(40), torch.arange(20, 60)]
ROWS = [FOLDS[0], FOLDS[0], FOLDS[1], FOLDS[1]]
TWO = {"members": 2, "neighbours": 3, "memory_rows": 25}


def whitened(vectors, own):
    reference = LedoitWolf().fit(vectors[own].numpy())
    return (vectors.numpy() - reference.location_) @ np.linalg.cholesky(reference.get_precision())


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (FeatureDensity, ["features"]),
        (Reconstruction, ["residuals"]),
        (FeatureDistance, ["feature_differences"]),
        (Deviation, ["features", "feature_differences", "residuals"]),
    ],
)
def test_lengths_are_mahalanobis_distances_to_each_members_own_rows(records, kind, names):
    component = kind(Config.make(settings=TWO))
    component.fit(records, ROWS)
    got = component(records)
    assert got.shape == (2, 60)
    for k, own in enumerate(FOLDS):
        squares = np.zeros(60)
        for m in (2 * k, 2 * k + 1):
            vectors = torch.cat([getattr(records, name)[m] for name in names], -1).numpy()
            reference = LedoitWolf().fit(vectors[own])
            precision = reference.get_precision()
            squares += [mahalanobis(v, reference.location_, precision) ** 2 for v in vectors]
        assert got[k].numpy() == pytest.approx(np.sqrt(squares / 2), rel=1e-6)


def nearest_three(places, own):
    """Brute force, with the documented floor."""
    distances = np.sort(cdist(places, places[own[:25]]), axis=1)[:, :3]
    return np.sqrt(distances**2 + 1e-6).mean(1)


def test_neighbours_are_those_of_brute_force_in_what_all_members_see(records):
    component = Neighbours(Config.make(settings=TWO))
    component.fit(records, ROWS)
    got = component(records)
    for k, own in enumerate(FOLDS):
        parts = [
            whitened(vectors[m], own) / np.sqrt(vectors.shape[-1] * 2)
            for m in (2 * k, 2 * k + 1)
            for vectors in (records.features, records.residuals)
        ]
        assert got[k].numpy() == pytest.approx(nearest_three(np.hstack(parts), own), rel=1e-4)


def test_memory_looks_at_the_scaled_records_alone(records):
    component = Memory(Config.make(settings=TWO))
    spec = Spec.of([(f"x{i}", "numeric", 1, f"x{i}") for i in range(3)])
    seen = SimpleNamespace(x=records.x, gan=SimpleNamespace(views=SimpleNamespace(spec=spec)))
    component.fit(seen, ROWS)
    got = component(seen)
    for k, own in enumerate(FOLDS):
        places = np.hstack(records.x[2 * k : 2 * k + 2].numpy()) / np.sqrt(3 * 2)
        assert got[k].numpy() == pytest.approx(nearest_three(places, own), rel=1e-4)


def test_papers_scores_of_members_are_averaged_in_their_own_units():
    raw = torch.from_numpy(np.random.default_rng(0).lognormal(size=(2, 500)))
    one, thousand = raw[:1], 1000 * raw[:1]
    records = SimpleNamespace(paper=torch.cat([one, thousand]), x=raw)
    component = Paper(Config.make(settings=TWO))
    component.fit(records, [torch.arange(500)] * 2)
    got = component(records)
    assert got.shape == (1, 500)
    assert (got[0].argsort() == one[0].argsort()).all()
    alone = Paper(Config.make(settings=TWO | {"members": 1}))
    alone.fit(SimpleNamespace(paper=one, x=raw), [torch.arange(500)])
    expected = alone(SimpleNamespace(paper=one, x=raw))
    assert got.numpy() == pytest.approx(expected.numpy(), rel=1e-6)


def test_many_dimensions_are_whitened_by_their_variances_alone(records, monkeypatch):
    monkeypatch.setattr(whitening, "MAX_COVARIANCE_SIZE", 4)
    component = FeatureDensity(Config.make(settings={"members": 1}))
    component.fit(records, ROWS)
    vectors = records.features[0].numpy()
    own = vectors[ROWS[0]]
    expected = np.linalg.norm((vectors - own.mean(0)) / own.std(0), axis=1)
    assert component(records)[0].numpy() == pytest.approx(expected, rel=1e-4)


def small_scorer(values):
    spec = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])
    config = Config.make(settings={"hidden": 8, "latent": 2, "members": 2})
    views = EnsembleScaler(spec, ["standard", "asinh"]).fit(values)
    gan = get_method("f-anogan")(views, config).eval().requires_grad_(False)
    rows = [torch.arange(len(values))] * 2
    components = fit_components(gan, torch.from_numpy(values), rows, "combined")
    return Scorer("combined", gan, components, ComponentScaler(np.zeros(4), np.ones(4)))


def evaluate(scorer, values):
    return evaluate_components(scorer.gan, scorer.components, values)


def test_blocks_change_nothing(monkeypatch):
    values = np.random.default_rng(0).normal(size=(150, 2))
    scorer = small_scorer(values)
    at_once = evaluate(scorer, values)
    assert at_once.shape == (4, 1, 150)
    monkeypatch.setattr(blockwise, "BLOCK_SIZE", 1)  # the smallest blocks there are
    assert np.array_equal(evaluate(scorer, values), at_once)


def test_threads_change_nothing_and_are_put_back(monkeypatch):
    monkeypatch.setattr(blockwise, "BLOCK_SIZE", 1)
    values = np.random.default_rng(0).normal(size=(100, 2))
    scorer = small_scorer(values)
    alone = evaluate(scorer, values)
    torch.set_num_threads(2)
    try:
        assert np.array_equal(evaluate(scorer, values), alone)
        assert torch.get_num_threads() == 2
        with pytest.raises(RuntimeError):
            evaluate(scorer, np.zeros((100, 7)))  # another width
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_only_what_is_asked_for_is_computed():
    class Broken:
        def __getattr__(self, name):
            raise AssertionError(f"{name} was computed")

    gan = SimpleNamespace(features=lambda x: 2 * x, generate=Broken(), paper_score=Broken())
    records = RecordFeatures(gan, torch.ones(1, 1, 2), torch.zeros(1, 1, 2))
    assert records.features.tolist() == [[[2, 2]]]


def test_latent_is_the_length_of_the_code_without_its_conditions():
    views = SimpleNamespace(spec=SimpleNamespace(condition_size=2))
    gan = SimpleNamespace(views=views, inversion="izi")
    z = torch.tensor([[[3.0, 4.0, 1.0, 0.0]], [[0.0, 1.0, 0.0, 1.0]]], dtype=torch.float64)
    component = Latent(Config.make(settings=TWO))
    component.fit(SimpleNamespace(), ROWS)
    assert component(SimpleNamespace(gan=gan, z=z)).tolist() == [[pytest.approx(13**0.5)]]


def test_scaler_brings_each_component_to_median_0_and_range_1_over_all_folds():
    rng = np.random.default_rng(2)
    units = np.array([1e-6, 1.0, 1e6])[:, None, None]
    raw = units * rng.lognormal(size=(3, 2, 200))  # 3 components, 2 folds
    folds = np.array_split(rng.permutation(200), 2)
    scaler = ComponentScaler.fit(raw, folds)
    held = np.concatenate(
        [scaler.transform(raw[:, [k]])[:, rows] for k, rows in enumerate(folds)], axis=-1
    )
    low, middle, high = np.quantile(held, [0.25, 0.5, 0.75], axis=-1)
    assert middle == pytest.approx(np.zeros(3), abs=1e-9)
    assert high - low == pytest.approx(np.ones(3))


def test_scaler_survives_components_that_are_zero():
    raw = np.zeros((1, 1, 10))
    scaler = ComponentScaler.fit(raw, [np.arange(5)])
    assert np.isfinite(scaler.transform(raw)).all()
    assert (scaler.transform(np.ones((1, 1, 3))) > 0).all()
