"""Networks that grow: what lacks while they do, and that nothing is left of it afterwards."""

import numpy as np
import pytest
import torch

from anomgan import GANDetector, load
from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans import GAN, Batch, get_method
from anomgan.nets import builders
from anomgan.nets.progressive_growing import (
    GROWING_SHARE,
    Growing,
    count_levels,
    grow,
    match_channels,
    remove_detail,
)
from anomgan.training.checkpoint import Checkpoint
from anomgan.training.sampler import Sampler
from anomgan.training.trainer import train

SMALL = {"channels": 4, "hidden": 8, "latent": 3, "members": 2, "batch": 8, "checks": 0}
SIDE = 16
SPEC = Spec.of([("p", "pixel", SIDE * SIDE, "p"), ("c", "condition", 2, "c")], (1, SIDE, SIDE))
GROWN = {"gan", "wgan-gp", "sngan", "cgan", "anogan", "f-anogan", "bigan", "ganomaly", "alad"}


def config(growing="on", **settings):
    return Config.make(settings=SMALL | {"growing": growing} | settings, kind="images")


def network(make, spec=SPEC, **settings):
    torch.manual_seed(0)
    return make(spec, config(**settings), 2)


def build(name, **settings):
    torch.manual_seed(0)
    views = EnsembleScaler(SPEC, ["minmax"] * 2)
    return get_method(name)(views, config(**settings))


def sampler(gan, seed=0):
    rng = np.random.default_rng(0)
    told = np.eye(2)[rng.integers(0, 2, 40)]
    values = np.c_[rng.integers(0, 256, (40, SIDE * SIDE)), told]
    gan.views.fit(values)
    draws = torch.Generator().manual_seed(seed)
    return Sampler(gan, torch.from_numpy(values), [torch.arange(40)] * 2, draws)


def missing(part, amount):
    for each in part.modules():
        if isinstance(each, Growing):
            each.missing = amount


def test_a_schedule_trains_each_level_and_fades_the_next_one_in():
    part = network(builders.build_generator, Spec.of([("p", "pixel", 32 * 32, "p")], (1, 32, 32)))
    assert part.levels == 2
    seen = [
        grow(part, GROWING_SHARE * share) for share in (0, 0.25, 0.375, 0.5, 0.75, 0.875, 1, 1.6)
    ]
    assert seen == pytest.approx([2, 2, 1.5, 1, 1, 0.5, 0, 0])


def test_large_pictures_are_grown_into_and_others_if_asked():
    assert count_levels(config("auto"), (127, 64)) == 0
    assert count_levels(config("auto"), (64, 128)) > 0
    assert count_levels(config("auto"), (128, 128)) == 4  # 8, 16, 32, 64 and then 128 pixels a side
    assert count_levels(config("off"), (256, 256)) == 0
    assert count_levels(config("on"), (4, 4)) == 0


def test_without_detail_blocks_of_pixels_are_alike_and_have_the_same_mean():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    coarse = remove_detail(x, 1.0)
    assert coarse[0, 0].tolist() == [[2.5, 2.5, 4.5, 4.5]] * 2 + [[10.5, 10.5, 12.5, 12.5]] * 2
    assert torch.allclose(remove_detail(x, 0.25), 0.75 * x + 0.25 * coarse)
    assert remove_detail(x, 0) is x


def test_channels_are_repeated_or_averaged_each_members_own():
    x = torch.tensor([1.0, 2, 3, 4]).reshape(1, 4, 1, 1)  # two members of two channels
    assert match_channels(x, 2, 4).flatten().tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    root = 2**0.5  # so that the mean of independent channels varies as much as one
    assert match_channels(x, 2, 1).flatten().tolist() == pytest.approx([1.5 * root, 3.5 * root])


def test_a_young_generator_makes_coarse_pictures():
    young = network(builders.build_generator)
    missing(young, 1.0)
    made = young(torch.randn(2, 5, 5)).reshape(10, 1, SIDE, SIDE)
    assert torch.allclose(remove_detail(made, 1.0), made, atol=1e-6)
    missing(young, 0.5)
    assert not torch.allclose(
        remove_detail(young(torch.randn(2, 5, 5)).reshape(made.shape), 1.0), made
    )


@pytest.mark.parametrize("make", [builders.build_encoder, builders.build_discriminator])
def test_young_critics_and_encoders_see_no_detail(make):
    young = network(make)
    x = torch.randn(2, 5, SPEC.size)
    coarse = builders.drop_detail(SPEC, x, 1.0)
    assert torch.equal(coarse[..., -2:], x[..., -2:])
    assert not torch.allclose(young(x), young(coarse), atol=1e-3)
    missing(young, 1.0)
    assert torch.allclose(young(x), young(coarse), atol=1e-5)


@pytest.mark.parametrize(
    "make", [builders.build_generator, builders.build_encoder, builders.build_discriminator]
)
@pytest.mark.parametrize("options", [{}, {"residual": "on", "attention": "on", "channels": 5}])
def test_what_is_faded_in_starts_from_nothing_and_ends_with_all(make, options):
    size = (32, 24)
    spec = Spec.of([("p", "pixel", 3 * 32 * 24, "p"), ("c", "condition", 2, "c")], (3, *size))
    part = network(make, spec, **options).double()
    x = torch.randn(2, 3, 5 if make is builders.build_generator else spec.size, dtype=torch.float64)

    def at(amount):
        missing(part, amount)
        return part(builders.drop_detail(spec, x, amount) if x.shape[-1] == spec.size else x)

    assert part.levels if make is builders.build_generator else part.trunk.levels == 2
    for level in (1, 2):
        assert torch.allclose(at(level), at(level - 1e-9), atol=1e-6)
        assert torch.allclose(at(level - 1), at(level - 1 + 1e-9), atol=1e-6)
        assert not torch.allclose(at(level), at(level - 1), atol=1e-3)


def test_grown_networks_are_those_that_never_grew():
    for make in (builders.build_generator, builders.build_encoder, builders.build_discriminator):
        grown, never = network(make), network(make, growing="off")
        assert list(grown.state_dict()) == list(never.state_dict())
        x = torch.randn(2, 5, 5 if make is builders.build_generator else SPEC.size)
        assert torch.equal(grown(x), never(x))
        missing(grown, 1.0)
        assert not torch.equal(grown(x), never(x))
        assert torch.equal(grown.eval()(x), never.eval()(x))  # scoring never meets a child


@pytest.mark.parametrize("name", sorted(n for n, g in GAN.registry.items() if "images" in g.kinds))
def test_every_method_grows_up_and_translators_never_were_young(name):
    gan = build(name, steps=4)
    curve = train(gan, sampler(gan))
    assert all(np.isfinite(loss) for point in curve for loss in point.losses.values())
    trunks = [part for part in gan.modules() if isinstance(part, Growing) and part.levels]
    assert trunks
    assert all(part.missing == 0 for part in trunks)
    batch = Batch(torch.randn(2, 8, SPEC.size), torch.randn(2, 8, 5), torch.Generator())
    assert (gan._grow_networks(batch) is not batch) == (name in GROWN)


def test_blocks_that_are_left_out_stay_as_they_are():
    class EnoughError(Exception):
        pass

    def stop(progress):
        if progress.step == 10:
            raise EnoughError

    gan = build("gan", steps=100)
    before = {key: value.clone() for key, value in gan.state_dict().items()}
    with pytest.raises(EnoughError):
        train(gan, sampler(gan), stop)
    moved = {key for key, value in gan.state_dict().items() if not torch.equal(value, before[key])}
    assert "discriminator.trunk.halvings.0.main.weight" in moved
    assert "generator.doublings.0.main.weight" in moved
    assert "discriminator.trunk.halvings.1.main.weight" not in moved
    assert "generator.doublings.1.main.weight" not in moved


@pytest.mark.slow
def test_an_interrupted_fit_grows_on_to_the_same_end_and_a_copy_scores_alike(tmp_path):
    class PulledError(Exception):
        pass

    def stop(progress):
        if progress.step == 4:  # in the middle of fading in
            raise PulledError

    pictures = np.random.default_rng(0).integers(0, 256, (60, SIDE, SIDE)).astype(np.uint8)
    little = SMALL | {"growing": "on", "steps": 8, "checks": 2, "inversion_steps": 0}

    def fitted(**options):
        return GANDetector(preset="fast", settings=little, random_state=0).fit(pictures, **options)

    whole, folder = fitted(), tmp_path / "partial"
    with pytest.raises(PulledError):
        fitted(callback=stop, checkpoint=Checkpoint(folder, every=0))
    resumed = fitted(checkpoint=Checkpoint(folder, every=0, resume=True))
    scores = whole.score_samples(pictures)
    assert np.array_equal(resumed.score_samples(pictures), scores)
    assert resumed.history_ == whole.history_
    whole.save(tmp_path / "model")
    assert np.array_equal(load(tmp_path / "model").score_samples(pictures), scores)
