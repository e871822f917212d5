"""Convolutions with a member axis: each member convolves its own images."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d

from anomgan.nets.conv import Attention, MemberConv, halve_sizes, to_images, to_records
from anomgan.nets.spectral_norm import SpectralConv, spectral_norm


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
