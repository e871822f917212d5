"""Networks of pictures: each member on its own, each picture on its own, any size."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets import builders
from anomgan.nets.conv import Attention, MemberConv, halve_sizes, to_images, to_records
from anomgan.nets.hog import compute_gradients, pool_cells
from anomgan.nets.spectral_norm import SpectralConv, spectral_norm

SMALL = {"channels": 4, "hidden": 8, "latent": 3}


def spec_of(channels, height, width, conditions=0):
    told = [("c", "condition", conditions, "c")] if conditions else []
    pixels = channels * height * width
    return Spec.of([("p", "pixel", pixels, "p"), *told], (channels, height, width))


def test_members_lie_side_by_side_and_come_back():
    x = torch.arange(2 * 3 * 2 * 4 * 5).reshape(2, 3, 40)
    pictures = to_images(x, (2, 4, 5))
    assert pictures.shape == (3, 4, 4, 5)
    assert torch.equal(pictures[1, 2:], x[1, 1].reshape(2, 4, 5))  # the second member's channels
    assert torch.equal(to_records(pictures, 2), x)


@pytest.mark.parametrize("side", [7, 8])
@pytest.mark.parametrize("up", [False, True])
def test_each_member_convolves_its_own_pictures(side, up):
    layer = MemberConv(3, 2, 5, 4, stride=2, up=up)
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(4, 6, side, side)
    made = layer(x)
    own = x[:, 2:4]
    if up:
        expected = conv_transpose2d(own, layer.weight[1], layer.bias[1], 2, 1)
    else:
        wide = torch.nn.functional.pad(own, (1, 1 + side % 2, 1, 1 + side % 2))
        expected = conv2d(wide, layer.weight[1], layer.bias[1], 2)
    assert made.shape[2] == (2 * side if up else math.ceil(side / 2))
    assert torch.allclose(made[:, 5:10], expected, atol=1e-6)


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
    critic = builders.build_discriminator(spec, config, 2, extra=3)
    assert critic(x, extra=torch.randn(2, 5, 3)).shape == (2, 5)
    assert critic.features(x).shape[2] <= 512
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


def test_sizes_halve_down_to_about_four():
    assert halve_sizes(256, 256)[-1] == (4, 4)
    assert halve_sizes(28, 50) == [(28, 50), (14, 25), (7, 13), (4, 7)]
    assert halve_sizes(3, 9) == [(3, 9), (2, 5)]


def test_attention_starts_as_the_identity():
    x = torch.randn(3, 16, 5, 5)
    layer = Attention(2, 8)
    assert torch.equal(layer(x), x)
    torch.nn.init.ones_(layer.weight)
    assert not torch.allclose(layer(x), x)


def test_spectral_norm_of_convolutions():
    layer = spectral_norm(torch.nn.Sequential(MemberConv(2, 3, 4)))[0]
    assert isinstance(layer, SpectralConv)
    layer.eval()
    unit = layer.normalized_weight().flatten(2).detach().numpy()
    largest = np.linalg.svd(unit, compute_uv=False)[:, 0]
    assert largest == pytest.approx(np.ones(2), rel=1e-5)


def test_gradients_of_a_slope_are_known():
    column = torch.arange(8.0).expand(1, 1, 8, 8)
    found = compute_gradients(column, 4)[0, :, 4, 4]  # right, down, left, up
    assert found.tolist() == pytest.approx([1, 0, 0, 0], abs=1e-6)
    assert compute_gradients(column.mT, 4)[0, :, 4, 4].tolist() == pytest.approx(
        [0, 1, 0, 0], abs=1e-6
    )


def test_cells_are_means_that_overlap():
    x = torch.zeros(1, 1, 6, 6)
    x[..., 2, 2] = 36.0
    # Three strips a side, two cells of two strips each: the pixel lies in the middle strip.
    assert pool_cells(x, 2).tolist() == [[2.25, 2.25, 2.25, 2.25]]
    assert pool_cells(x, 1).tolist() == [[1.0]]


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
