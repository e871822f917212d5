"""Normal pictures with foreign parts, from which the critic of places learns."""

import pytest
import torch

from anomgan.config import Config
from anomgan.cutmix import critic, mixed, moved, opinions, rebuilt, shapes, trained


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def stripes(n, seed, size=12):
    phase = 6 * torch.rand(n, 1, 1, 1, generator=draws(seed))
    return (torch.arange(size) * 0.8 + phase).sin().expand(n, 1, size, size).contiguous()


def test_places_are_marked_where_a_picture_has_changed_enough():
    own = stripes(1, 0)
    mix, foreign = mixed(own, own + 0.5, 200, draws())
    changed = (mix - own).abs()[:, 0]
    assert torch.equal(foreign, changed >= 0.1 * (own.max() - own.min()))
    assert 0.01 < foreign.float().mean() < 0.3
    again, _ = mixed(own, own + 0.5, 200, draws())
    assert torch.equal(mix, again)


def test_parts_are_from_specks_to_strokes_everywhere():
    parts = shapes(500, 20, 14, draws())
    assert parts.shape == (500, 20, 14)
    sizes = parts.flatten(1).sum(1)
    assert sizes.float().quantile(0.2) < 10 < 40 < sizes.float().quantile(0.9)
    assert parts.any(0).all()


def test_pictures_move_by_a_quarter_at_most():
    dot = torch.zeros(300, 1, 12, 8)
    dot[:, :, 6, 4] = 1
    at = moved(dot, draws()).nonzero()[:, 2:]
    assert len(at) == 300
    assert (at.amin(0).tolist(), at.amax(0).tolist()) == ([3, 2], [9, 6])


def test_a_critic_finds_what_it_was_never_shown():
    """A bright square on stripes; of several critics each keeps to its own pictures."""
    own = [stripes(60, 0), stripes(60, 1).mT.contiguous()]
    config = Config.make("fast", {"channels": 4, "steps": 24}, "images")
    network = trained(own, own, [lambda x: x, lambda x: x], config)
    new = torch.stack([stripes(20, 2), stripes(20, 3).mT])
    new[..., 4:8, 4:8] = 1
    said = opinions(network, new)
    inside = said[..., 5:7, 5:7].mean((1, 2, 3))
    assert (inside > said[..., :2].mean((1, 2, 3)) + 2).all()
    crossed = opinions(network, new.flip(0))
    assert (crossed[..., :2].mean((1, 2, 3)) > said[..., :2].mean((1, 2, 3))).all()
    copy = rebuilt(network.state_dict(), (1, 12, 12), 2, 4)
    assert torch.equal(opinions(copy, new), said)


def test_weights_of_other_critics_are_refused():
    weights = critic((3, 12, 12), 1, 4).state_dict()
    with pytest.raises(ValueError, match="other pictures"):
        rebuilt(weights, (7, 12, 12), 1, 4)
