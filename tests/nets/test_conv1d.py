"""1-D convolutions of windows with a member axis."""

import pytest
import torch
from torch.nn.functional import conv1d, conv_transpose1d, pad

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets import builders
from anomgan.nets.conv1d import Lengthen, Shorten, WindowTrunk, reduce_length

SMALL = {"channels": 4, "hidden": 8, "latent": 3, "series_networks": "conv"}


def spec_of(channels, length, conditions=0):
    parts = [(f"x{i}", "numeric", length, f"x{i}") for i in range(channels)]
    told = [("c", "condition", conditions, "c")] if conditions else []
    share = ("missing", "indicator", 1, "missing")
    return Spec.of([*parts, share, *told], window=(channels, length))


def config(**settings):
    return Config.make(settings=SMALL | settings, kind="series")


@pytest.mark.parametrize("length", [16, 19])
def test_a_window_is_shortened_by_a_strided_convolution_of_each_member(length):
    layer = Shorten(2, 3, 5)
    x = torch.randn(2, 4, 3, length)
    weight = layer.affine.weight[1].reshape(8, 3, 5).permute(2, 1, 0)
    expected = conv1d(pad(x[1], (2, 2 + -length % 4)), weight, stride=4)
    expected = torch.nn.functional.leaky_relu(expected, 0.2)
    assert layer(x).shape == (2, 4, 5, -(-length // 4))
    assert torch.allclose(layer(x)[1], expected, atol=1e-5)


def test_a_window_is_lengthened_by_a_transposed_convolution_of_each_member():
    layer = Lengthen(2, 3, 5)
    x = torch.randn(2, 4, 3, 6)
    # Input i reaches outputs 4·(i − 1) to 4·(i + 2): its right neighbour's by the first tap.
    taps = layer.affine.weight[1].reshape(3, 3, 5, 4).flip(0).permute(1, 2, 0, 3).flatten(2)
    expected = conv_transpose1d(x[1], taps, stride=4)[..., 4:-4]
    assert torch.allclose(layer(x)[1], expected, atol=1e-5)


def test_lengths_fall_to_a_few_points():
    assert reduce_length(300) == [300, 75, 19, 5]
    assert reduce_length(8) == [8, 2]


@pytest.mark.parametrize("shape", [(1, 8), (3, 19), (2, 125)])
@pytest.mark.parametrize("spectral", ["on", "off"])
def test_windows_of_any_shape_and_conditions_fit(shape, spectral):
    spec, settings = spec_of(*shape, conditions=2), config(spectral_norm=spectral)
    x, z = torch.randn(2, 5, spec.size), torch.randn(2, 5, 5)
    assert builders.build_generator(spec, settings, 2)(z).shape == (2, 5, spec.record_size)
    assert builders.build_encoder(spec, settings, 2)(x).shape == (2, 5, 3)
    assert builders.build_translator(spec, settings, 2)(x).shape == (2, 5, spec.record_size)
    network = builders.build_discriminator(spec, settings, 2, extra=3)
    assert isinstance(network.trunk, WindowTrunk)
    assert network(x, extra=z[..., :3]).shape == (2, 5)
    assert builders.build_discriminator(spec, settings, 2, records=2)(x, x).shape == (2, 5)


@pytest.mark.parametrize(
    "make", [builders.build_encoder, builders.build_translator, builders.build_discriminator]
)
def test_every_entry_counts_but_neither_neighbours_nor_other_members(make):
    spec = spec_of(2, 21, conditions=2)
    network = make(spec, config(), 2).double().eval()
    x = torch.randn(2, 5, spec.size, dtype=torch.float64, requires_grad=True)
    whole = network(x)
    [slope] = torch.autograd.grad(whole[0, 3].sum(), x)
    assert (slope[0, 3] != 0).all()
    assert not slope[1].any()
    assert not slope[0, :3].any()


def test_dense_networks_are_the_default():
    dense = builders.build_encoder(spec_of(1, 16), Config.make(kind="series"), 1)
    assert isinstance(dense, builders.MLP)
