"""What every registered method must hold; a method added later is tested without a line here."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons
from sklearn.metrics import roc_auc_score

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.errors import InputError
from anomgan.gans import GAN
from anomgan.gans.sampling import sample_records
from anomgan.params import resolve_config
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.scoring.scorer import evaluate_components
from anomgan.training.ensemble import TrainedEnsemble

SPEC = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])
SMALL = {"hidden": 32, "latent": 4, "batch": 64, "members": 2, "search_steps": 20}
METHODS = sorted(name for name, gan in GAN.registry.items() if "tables" in gan.kinds)
PICTURED = sorted(name for name, gan in GAN.registry.items() if "images" in gan.kinds)


def ring(n, seed):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.c_[np.cos(angle), np.sin(angle)] * rng.normal(1, 0.05, (n, 1))


def moons(n, seed):
    return make_moons(n, noise=0.05, random_state=seed)[0]


def between_moons(n, seed):
    """Uniform over the plane that the moons lie in, but no nearer to them than 0.25."""
    points = np.random.default_rng(seed).uniform([-1.5, -1.0], [2.5, 1.5], (20 * n, 2))
    known = moons(2000, 0)
    distance = np.linalg.norm(points[:, None] - known[None], axis=-1).min(1)
    return points[distance > 0.25][:n]


MIXED = Spec.of(
    [
        ("x", "numeric", 1, "x"),
        ("y", "numeric", 1, "y"),
        ("kind", "category", 3, "kind"),
        ("on", "indicator", 1, "on"),
    ]
)


def mixed(n, seed, odd=False):
    """Numbers that go by a category; odd rows name another one, which alone is nothing unusual."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    x = 3.0 * (kind - 1) + 0.4 * rng.normal(size=n)
    y, on = x + 0.3 * rng.normal(size=n), kind == 1
    named = (kind + rng.integers(1, 3, n)) % 3 if odd else kind
    return np.c_[x, y, np.eye(3)[named], on]


def hole(n, seed):
    return np.random.default_rng(seed).normal(0, 0.1, (n, 2))


def mismatched(n, seed):
    return mixed(n, seed, odd=True)


def blob(n, seed):
    return np.random.default_rng(seed).normal(size=(n, 2)) @ [[1.0, 0.6], [0.0, 0.8]]


def fit(values, spec, name, config, seed=0):
    ensemble = TrainedEnsemble.fit(values, spec, name=name, config=config, seed=seed, device="cpu")
    return FittedEnsemble.fit(ensemble.gan, values, ensemble.rows, ensemble.folds)


@functools.cache
def fitted(name, shape, steps, seed=0, score="combined"):
    config = Config.make(settings={**SMALL, "steps": steps, "score": score})
    values = {"ring": ring, "moons": moons, "mixed": mixed, "blob": blob}[shape](600, 1)
    return fit(values, MIXED if shape == "mixed" else SPEC, name, config, seed)


def auroc(detector, normal, abnormal):
    labels = np.r_[np.zeros(len(normal)), np.ones(len(abnormal))]
    return roc_auc_score(labels, detector.score(np.concatenate([normal, abnormal])))


@pytest.mark.parametrize("name", sorted(GAN.registry))
def test_says_what_it_is(name):
    kind = GAN.registry[name]
    assert set(kind.kinds) <= {"tables", "images", "series"}
    assert kind.name == name
    assert kind.paper
    assert kind.formula
    assert 2014 <= kind.year <= 2030


SHAPES = {"ring": (ring, hole), "moons": (moons, between_moons), "mixed": (mixed, mismatched)}


CASES = [
    pytest.param(
        shape, seed, marks=[] if seed == first == 0 else pytest.mark.slow, id=f"{shape}-{seed}"
    )
    for first, shape in enumerate(SHAPES)
    for seed in range(3)
]
"""Every shape with every seed; but for the slow ones the ring comes once."""


@pytest.mark.parametrize(("shape", "seed"), CASES)
@pytest.mark.parametrize("name", METHODS)
def test_finds_what_is_known_to_be_abnormal(name, shape, seed):
    normal, abnormal = SHAPES[shape]
    detector = fitted(name, shape, 100, seed)
    assert auroc(detector, normal(300, 2), abnormal(200, 3)) >= 0.95


@pytest.mark.parametrize("name", METHODS)
def test_the_papers_own_score_finds_far_outliers(name):
    detector = fitted(name, "blob", 100, score="paper")
    rng = np.random.default_rng(4)
    angle = rng.uniform(0, 2 * np.pi, 100)
    far = np.c_[np.cos(angle), np.sin(angle)] * rng.uniform(6, 9, (100, 1))
    scorer, rows = detector.scorer, np.concatenate([blob(300, 2), far])
    raw = evaluate_components(scorer.gan, scorer.components, rows)
    assert np.isfinite(raw).all()
    assert (raw >= 0).all()
    assert auroc(detector, blob(300, 2), far) > 0.9


@pytest.mark.parametrize("score", ["combined", "paper"])
@pytest.mark.parametrize("name", METHODS)
def test_a_row_is_scored_as_if_it_were_alone(name, score):
    detector = (
        fitted(name, "blob", 100, score=score) if score == "paper" else fitted(name, "ring", 100)
    )
    rows = np.concatenate([ring(12, 5), [[0.0, 0.0], [50.0, -3.0], [1e12, 1.0]]])
    together = detector.score(rows)
    alone = np.concatenate([detector.score(row[None]) for row in rows])
    assert alone == pytest.approx(together, abs=1e-9)


@pytest.mark.parametrize("name", METHODS)
def test_seeds_decide_everything_and_the_global_state_is_left_alone(name):
    rows = blob(50, 6)
    torch.manual_seed(1)
    np.random.seed(1)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = fitted.__wrapped__(name, "blob", 15).score(rows)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    torch.manual_seed(2)
    assert np.array_equal(fitted.__wrapped__(name, "blob", 15).score(rows), first)
    assert not np.array_equal(fitted.__wrapped__(name, "blob", 15, seed=1).score(rows), first)


@pytest.mark.parametrize("name", METHODS)
def test_a_row_moved_ever_further_out_never_becomes_more_normal(name):
    detector = fitted(name, "ring", 100)
    distances = np.array([3.0, 10.0, 30.0, 1e2, 1e3, 1e5, 1e8, 1e15, 1e30])
    for angle in np.linspace(0, 2 * np.pi, 8, endpoint=False) + 0.1:
        scores = detector.score(distances[:, None] * [np.cos(angle), np.sin(angle)])
        assert np.isfinite(scores).all()
        assert (np.diff(scores) >= 0).all(), (angle, scores)


CONDITIONED = Spec.of(
    [("a", "numeric", 1, "a"), ("b", "numeric", 1, "b"), ("m", "condition", 3, "machine")]
)


def machines(n, seed, claim=0):
    """Three machines with a blob each; rows may claim to be from the next one, or from none."""
    rng = np.random.default_rng(seed)
    machine = rng.integers(0, 3, n)
    at = np.array([[0, 0], [4, 0], [0, 4]])[machine] + 0.5 * rng.normal(size=(n, 2))
    told = np.zeros((n, 3)) if claim is None else np.eye(3)[(machine + claim) % 3]
    return np.c_[at, told]


@pytest.mark.parametrize("name", METHODS)
def test_what_is_normal_depends_on_the_condition_and_without_a_known_one_on_none(name):
    config = Config.make(settings={**SMALL, "steps": 80})
    detector = fit(machines(800, 1), CONDITIONED, name, config)

    def flagged(rows):
        return np.mean(detector.calibrator.p_values(detector.score(rows)) <= 0.05)

    assert flagged(machines(300, 2)) < 0.12
    assert flagged(machines(300, 3, claim=1)) > 0.95
    assert flagged(machines(300, 4, claim=None)) < 0.12
    far = machines(300, 5, claim=None)
    far[:, :2] += 10
    assert flagged(far) == 1
    [made] = sample_records(detector.gan, 300, seed=0)
    assert made.shape == (300, 5)
    assert (made[:, 2:].sum(1) == 1).all()


# --- windows of series ----------------------------------------------------------------------------

WINDOW = Spec.of([("a", "numeric", 16, "a"), ("b", "numeric", 16, "b")], window=(2, 16))
BRIEF = {
    "members": 2,
    "steps": 15,
    "hidden": 16,
    "latent": 4,
    "score": "gan",
    "batch": 32,
    "search_steps": 5,
    "memory_rows": 200,
    "cross_fit_below": 0,
    "checks": 0,
}
OF_SERIES = sorted(name for name, gan in GAN.registry.items() if "series" in gan.kinds)


def waves(n, seed, noise=0.05):
    """Two channels with a rhythm of eight points, a quarter of it apart."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, (n, 1)) + 2 * np.pi * np.arange(16) / 8
    return np.c_[np.sin(phase), np.cos(phase)] + noise * rng.normal(size=(n, 32))


@pytest.mark.parametrize("networks", ["mlp", pytest.param("conv", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", OF_SERIES)
def test_rough_windows_are_abnormal_whatever_lies_beside_them(name, networks):
    config = Config.make("fast", BRIEF | {"series_networks": networks}, "series")
    detector = fit(waves(300, 1), WINDOW, name, config)
    rough = waves(60, 3, noise=1.0)
    assert auroc(detector, waves(60, 2), rough) >= 0.95
    assert detector.score(rough[:1]) == pytest.approx(detector.score(rough)[:1], abs=1e-9)
    [made] = sample_records(detector.gan, 5, seed=0)
    assert made.shape == (5, 32)


# --- pictures -------------------------------------------------------------------------------------

GRID = (1, 12, 12)
PICTURE = Spec.of([("picture", "pixel", 144, "picture")], GRID)
LITTLE = {
    "members": 2,
    "steps": 10,
    "channels": 4,
    "hidden": 16,
    "latent": 4,
    "batch": 24,
    "search_steps": 3,
    "inversion_steps": 1,
    "memory_rows": 200,
    "cross_fit_below": 0,
}


def discs(n, seed, odd=False):
    """A bright disc in the middle or, if odd, anywhere else: bytes, as pictures mostly are."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:12, :12]
    at = np.array([5.5, 5.5]) + rng.normal(0, 0.4, (n, 2))
    if odd:
        angle = rng.uniform(0, 2 * np.pi, n)
        at = 5.5 + np.c_[np.cos(angle), np.sin(angle)] * rng.uniform(2.5, 4.5, (n, 1))
    far = np.hypot(row - at[:, :1, None], column - at[:, 1:, None])
    pictures = 200 * np.exp(-((far / 2) ** 4)) + rng.integers(0, 30, (n, 12, 12))
    return pictures.reshape(n, -1).astype(np.uint8)


@functools.cache
def fitted_on_pictures(name, seed=0):
    return fit(discs(200, 1), PICTURE, name, Config.make("fast", LITTLE, "images"), seed)


@pytest.mark.parametrize("name", sorted(set(PICTURED) - set(METHODS)))
def test_methods_for_pictures_alone_are_refused_for_tables_by_name(name):
    with pytest.raises(
        InputError, match=f"{name}.* doesn't learn from tables; choose one of: alad"
    ):
        resolve_config(name, "fast", None, 0.05, None)
    assert resolve_config(name, "fast", None, 0.05, None, kind="images").score == "visual"


@pytest.mark.parametrize("name", PICTURED)
def test_a_disc_in_the_wrong_place_is_abnormal_and_the_map_says_where(name):
    detector = fitted_on_pictures(name)
    odd = discs(80, 3, odd=True)
    assert auroc(detector, discs(80, 2), odd) >= 0.95
    maps = detector.anomaly_maps(odd)
    assert maps.shape == (80, 12, 12)
    assert maps.dtype == np.float32
    bright = odd.reshape(maps.shape) > 120
    middle = np.zeros((12, 12), dtype=bool)
    middle[4:8, 4:8] = True
    assert maps[bright & ~middle].mean() > maps[~bright & ~middle].mean() + 1
    made = detector.reconstruct(odd[:3])
    assert made.shape == (3, 144)
    assert (made >= 0).all()
    assert (made <= 255).all()


@pytest.mark.parametrize("name", PICTURED)
def test_a_picture_is_scored_as_if_it_were_alone(name):
    detector = fitted_on_pictures(name)
    rows = np.concatenate([discs(2, 4), discs(1, 5, odd=True), np.zeros((1, 144), np.uint8)])
    alone = np.concatenate([detector.score(row[None]) for row in rows])
    assert alone == pytest.approx(detector.score(rows), abs=1e-9)
    maps = np.concatenate([detector.anomaly_maps(row[None]) for row in rows])
    assert maps == pytest.approx(detector.anomaly_maps(rows), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURED)
def test_of_pictures_too_seeds_decide_everything_and_a_copy_scores_alike(name):
    detector, rows = fitted_on_pictures(name), discs(10, 6)
    again = fitted_on_pictures.__wrapped__(name)
    scores = detector.score(rows)
    assert np.array_equal(again.score(rows), scores)
    copy = FittedEnsemble.from_arrays(
        detector.to_arrays(),
        PICTURE,
        name=name,
        config=detector.gan.config,
    )
    assert np.array_equal(copy.score(rows), scores)
    assert np.array_equal(copy.anomaly_maps(rows), detector.anomaly_maps(rows))


def test_a_picture_under_the_condition_of_another_kind_is_abnormal():
    """Discs in the middle under one condition, at the edge under the other."""
    spec = Spec.of([("picture", "pixel", 144, "picture"), ("kind", "condition", 2, "kind")], GRID)

    def told(n, seed, swap):
        kind = np.arange(n) % 2
        pictures = np.where(kind[:, None] == 0, discs(n, seed), discs(n, seed + 1, odd=True))
        return np.c_[pictures, np.eye(2, dtype=np.uint8)[1 - kind if swap else kind]]

    config = Config.make("fast", LITTLE | {"steps": 30, "members": 1}, "images")
    detector = fit(told(200, 1, False), spec, "cgan", config)
    right, wrong = detector.score(told(100, 7, False)), detector.score(told(100, 7, True))
    assert np.isfinite(wrong).all()
    assert wrong.mean() > right.mean()
