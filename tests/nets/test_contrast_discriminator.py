import math

import pytest
import torch

from anomgan.nets.contrast_discriminator import DIRECTIONS, ContrastDiscriminator


def build(entries: int = 2, hidden: int = 8) -> ContrastDiscriminator:
    torch.manual_seed(0)
    continuous = torch.ones(entries, dtype=torch.bool)
    return ContrastDiscriminator(
        2, continuous, columns=entries, classes=3, conditions=0, hidden=hidden
    ).eval()


def test_segments_run_from_minus_one_to_one_between_quantiles():
    net = build()
    x = torch.linspace(0, 20, 2001)[None, :, None].expand(2, -1, 2)
    net.fit_edges(x)
    assert net.edges[0, 0].numpy() == pytest.approx(range(21), abs=0.02)
    record, segments = net.encode(torch.full((2, 1, 2), 3.5)).split([2, 40], -1)
    assert record.tolist() == [[[3.5, 3.5]]] * 2
    expected = [1.0] * 3 + [0.0] + [-1.0] * 16
    assert segments[0, 0, :20].numpy() == pytest.approx(expected, abs=0.05)


def test_equal_quantiles_become_steps():
    net = build()
    x = torch.zeros(2, 100, 2)
    net.fit_edges(x)
    assert (net.edges.diff(dim=-1) > 0).all()
    assert torch.isfinite(net.encode(x)).all()


def test_directions_are_those_in_which_corrupted_rows_spread():
    net = build(hidden=4)
    draw = torch.Generator().manual_seed(1)
    real = torch.randn(2, 2000, net.mean.shape[-1], generator=draw)
    fake = real.clone()
    fake[..., 5] *= 4
    net.fit_directions(list(real), list(fake))
    first = net.directions[0, :, 0]
    assert first.abs().argmax() == 5
    assert abs(first[5]) == pytest.approx(math.sqrt(1 - 1 / 16), abs=0.05)
    length = ((real - net.mean) @ net.directions).square().sum(-1)
    apart = ((fake - net.mean) @ net.directions).square().sum(-1)
    assert apart.mean() > 3 * length.mean()


def test_many_columns_are_projected():
    net = build(entries=700)
    assert net.edges.shape == (2, 700, 2)
    assert net.embed(torch.zeros(2, 3, 700)).shape == (2, 3, 2 * 8 + 256)
    assert net.project(torch.zeros(2, 3, 700)).shape == (2, 3, DIRECTIONS)


def test_loss_falls_to_nothing_where_all_is_told():
    net = build()
    x = torch.zeros(2, 4, 2)
    kinds, cells = torch.zeros(2, 4, dtype=torch.long), torch.zeros(2, 4, 2)
    before = net.loss(x, kinds, cells)
    with torch.no_grad():
        net.net.head.bias[..., :2] = -30
        net.net.head.bias[..., 2] = 30
    assert before.shape == (2,)
    assert (net.loss(x, kinds, cells) < 1e-6).all()


def test_a_member_that_diverged_gets_no_directions():
    net = build()
    draw = torch.Generator().manual_seed(1)
    real = torch.randn(2, 50, net.mean.shape[-1], generator=draw)
    real[1, 0, 0] = math.nan
    net.fit_directions(list(real), list(2 * real))
    assert net.directions[0].any()
    assert not net.directions[1].any()
