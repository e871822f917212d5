"""Networks for images of any size; what they make of images beside that."""

import pytest
import torch

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets import builders

SMALL = {"channels": 4, "hidden": 8, "latent": 3}


def spec_of(channels, height, width, conditions=0):
    told = [("c", "condition", conditions, "c")] if conditions else []
    pixels = channels * height * width
    return Spec.of([("p", "pixel", pixels, "p"), *told], (channels, height, width))


@pytest.mark.parametrize("size", [(28, 28), (32, 20), (9, 33), (4, 4), (64, 64)])
@pytest.mark.parametrize(
    "options", [{}, {"residual": "on", "attention": "on"}], ids=["dcgan", "all"]
)
def test_pictures_of_any_size_and_conditions_fit(size, options):
    spec = spec_of(3, *size, conditions=2)
    config = Config.make(settings=SMALL | options, kind="images")
    x, z = torch.randn(2, 5, spec.size), torch.randn(2, 5, 5)
    assert builders.build_generator(spec, config, 2)(z).shape == (2, 5, spec.record_size)
    assert builders.build_encoder(spec, config, 2)(x).shape == (2, 5, 3)
    assert builders.build_translator(spec, config, 2)(x).shape == (2, 5, spec.record_size)
    network = builders.build_discriminator(spec, config, 2, extra=3)
    assert network(x, extra=torch.randn(2, 5, 3)).shape == (2, 5)
    assert network.features(x).shape[2] <= 512
    assert builders.build_discriminator(spec, config, 2, records=2)(x, x).shape == (2, 5)


@pytest.mark.parametrize(
    "make", [builders.build_encoder, builders.build_translator, builders.build_discriminator]
)
def test_neither_neighbours_nor_other_members_count(make):
    spec = spec_of(1, 12, 12)
    network = make(spec, Config.make(settings=SMALL | {"attention": "on"}, kind="images"), 2)
    network.double().eval()
    x = torch.randn(2, 5, 144, dtype=torch.float64)
    whole = network(x)
    assert torch.allclose(network(x[:, 3:4]), whole[:, 3:4], atol=1e-12)
    other = x.clone()
    other[1] += 1
    assert torch.allclose(network(other)[0], whole[0], atol=1e-12)
    assert not torch.allclose(network(other)[1], whole[1], atol=1e-3)


def test_coarse_pictures_keep_their_brightness_and_lose_detail():
    spec = spec_of(1, 16, 16, conditions=2)
    x = torch.randn(1, 4, spec.size)
    rough = builders.coarsen(spec, x)
    assert torch.equal(rough[..., 256:], x[..., 256:])
    assert rough[..., :256].var() < 0.3 * x[..., :256].var()
    flat = torch.full((1, 1, 258), 0.5)
    assert torch.allclose(builders.coarsen(spec, flat), flat)


def test_small_pictures_and_tables_are_remembered_as_they_are_and_large_ones_as_thumbnails():
    small, large = spec_of(1, 12, 12), spec_of(2, 64, 48, conditions=2)
    x = torch.randn(2, 3, 144)
    assert builders.make_thumbnails(small, x) is x
    pictures = torch.randn(2, 3, large.size)
    few = builders.make_thumbnails(large, pictures)
    assert few.shape == (2, 3, 2 * 32 * 32 + 2)
    assert torch.equal(few[..., -2:], pictures[..., -2:])
    assert torch.allclose(few[..., :1024].mean(-1), pictures[..., : 64 * 48].mean(-1), atol=0.02)
