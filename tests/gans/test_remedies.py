"""Switches that every method shares against collapse and divergence."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans import GAN, Batch, get_method
from anomgan.nets.spectral_norm import SpectralLinear
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.ensemble import TrainedEnsemble
from anomgan.training.sampler import Sampler
from anomgan.training.trainer import train

SPEC = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])
SMALL = {"hidden": 16, "latent": 3, "batch": 32, "members": 2, "steps": 100}
REMEDIES = [
    {"penalty": "none"},
    {"penalty": "one-centred"},
    {"penalty": "zero-centred", "zero_penalty": 1.0},
    {"spectral_norm": "on"},
    {"spectral_norm": "off", "penalty": "zero-centred"},
    {"minibatch_statistics": "on"},
    {"mode_seeking": 0.1},
    {"critic_rate": 4.0, "critic_steps": 2},
    {"label_smoothing": 0.1},
    {"instance_noise": 0.5},
]


def ring(n, seed):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.c_[np.cos(angle), np.sin(angle)] * rng.normal(1, 0.05, (n, 1))


def build(name, **settings):
    views = EnsembleScaler(SPEC, ["standard", "asinh"]).fit(ring(100, 0))
    return get_method(name)(views, Config.make(settings=SMALL | settings))


def ensemble(name, values, **settings):
    config = Config.make(settings=SMALL | settings)
    return TrainedEnsemble.fit(values, SPEC, name=name, config=config, seed=0, device="cpu")


@pytest.fixture(scope="module")
def plain():
    return ensemble("gan", ring(600, 1))


@pytest.mark.parametrize("remedy", REMEDIES, ids=str)
def test_a_remedy_changes_the_training_and_leaves_the_answer(plain, remedy):
    trained = ensemble("gan", ring(600, 1), **remedy)
    weights = trained.gan.generator.head.weight, plain.gan.generator.head.weight
    same = remedy in ({"spectral_norm": "off", "penalty": "zero-centred"},)  # gan's own
    assert torch.equal(*weights) == same
    detector = FittedEnsemble.fit_scores(
        trained.gan, ring(600, 1), trained.rows, trained.folds, "combined"
    )["combined"]
    rows = np.concatenate([ring(300, 2), np.random.default_rng(3).normal(0, 0.1, (200, 2))])
    assert roc_auc_score(np.arange(500) >= 300, detector.score(rows)) >= 0.95


@pytest.mark.parametrize("name", sorted(GAN.registry))
def test_every_method_takes_all_remedies_at_once(name):
    remedies = {key: value for remedy in REMEDIES[3:] for key, value in remedy.items()}
    gan = build(name, **remedies | {"steps": 3, "spectral_norm": "on"})
    values = torch.from_numpy(ring(100, 0))
    draws = torch.Generator().manual_seed(0)
    curve = train(gan, Sampler(gan, values, [torch.arange(100)] * 2, draws))
    assert all(np.isfinite(loss) for point in curve for loss in point.losses.values())
    layers = [m for name in gan.discriminators for m in gan.get_submodule(name).modules()]
    assert sum(isinstance(layer, SpectralLinear) for layer in layers) >= 3 * len(gan.discriminators)


def test_methods_have_remedies_of_their_own():
    own = {name: build(name).config for name in GAN.registry}
    one_centred = {n for n, c in own.items() if c.penalty == "one-centred"}
    assert one_centred == {"wgan-gp", "f-anogan", "tadgan"}
    assert {n for n, c in own.items() if c.spectral_norm == "on"} == {"sngan", "alad"}
    assert {n for n, c in own.items() if c.penalty == "none"} == {"sngan", "alad"}


def test_instance_noise_fades():
    gan = build("gan", instance_noise=2.0)
    zeros = torch.zeros(2, 500, 2)

    def spread(progress):
        batch = Batch(zeros, zeros, torch.Generator().manual_seed(0), progress=progress)
        return float(gan._add_instance_noise(batch, (zeros,))[0].std())

    assert spread(0.0) == pytest.approx(2.0, rel=0.1)
    assert spread(0.75) == pytest.approx(0.5, rel=0.1)
    assert spread(1.0) == 0


def test_two_time_scales():
    gan = build("gan", critic_rate=1e-6, steps=5)
    before = {key: value.clone() for key, value in gan.state_dict().items()}
    values = torch.from_numpy(ring(100, 0))
    train(gan, Sampler(gan, values, [torch.arange(100)] * 2, torch.Generator().manual_seed(0)))
    moved = {
        net: (gan.state_dict()[f"{net}.head.weight"] - before[f"{net}.head.weight"]).abs().max()
        for net in ("generator", "discriminator.net")
    }
    assert moved["discriminator.net"] < 1e-6
    assert moved["generator"] > 1e-3


def test_mode_seeking_makes_generated_records_more_varied():
    values = ring(600, 1)

    def variety(**settings):
        return np.mean(ensemble("gan", values, **settings).history.health[-1].measures["variety"])

    assert variety(mode_seeking=5.0) > 1.2 * variety()


def test_the_discriminator_sees_how_varied_a_batch_is_but_features_do_not():
    gan = build("gan", minibatch_statistics="on")
    discriminator = gan.discriminator
    torch.nn.init.ones_(discriminator.variety.weight)
    draws = torch.Generator().manual_seed(0)
    varied = torch.randn(2, 64, 2, generator=draws)
    same = varied[:, :1].expand(-1, 64, -1)
    with torch.no_grad():
        louder = discriminator(varied)[:, 0] - discriminator(same)[:, 0]
        assert (louder > 1).all()
        assert torch.allclose(
            discriminator.features(varied)[:, :1], discriminator.features(same)[:, :1]
        )
        discriminator.eval()  # when scoring, a record stands for itself
        assert torch.allclose(discriminator(varied)[:, 0], discriminator(same)[:, 0])
