"""Normal pictures with foreign parts, which the patch discriminator is trained on."""

import pytest
import torch

from anomgan.config import Config
from anomgan.scoring.localization.patch_discriminator import (
    FINE_PARTS,
    build_discriminators,
    draw_masks,
    load_discriminators,
    mix_foreign_parts,
    mix_into,
    predict_log_odds,
    shift_pictures,
    train_discriminators,
)


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def test_places_are_marked_where_a_picture_has_changed_enough():
    own = (torch.arange(144.0).reshape(1, 1, 12, 12) * 0.8).sin()
    mix, foreign = mix_foreign_parts(own, own + 0.5, 200, draws())
    changed = (mix - own).abs()[:, 0]
    assert torch.equal(foreign, changed >= 0.1 * (own.max() - own.min()))
    assert 0.01 < foreign.float().mean() < 0.3
    again, _ = mix_foreign_parts(own, own + 0.5, 200, draws())
    assert torch.equal(mix, again)


def test_parts_are_from_specks_to_strokes_everywhere():
    parts = draw_masks(500, 20, 14, draws())
    assert parts.shape == (500, 20, 14)
    sizes = parts.flatten(1).sum(1).float()
    assert sizes.quantile(0.2) < 8 < 20 < sizes.quantile(0.9)
    assert parts.any(0).all()


def test_pictures_move_by_a_quarter_at_most():
    dot = torch.zeros(300, 1, 12, 8)
    dot[:, :, 6, 4] = 1
    at = shift_pictures(dot, draws()).nonzero()[:, 2:]
    assert len(at) == 300
    assert (at.amin(0).tolist(), at.amax(0).tolist()) == ([3, 2], [9, 6])


def test_discriminators_find_what_does_not_belong_there_each_in_its_own_pictures():
    """One knows bright pictures, the other dark ones; a square is of the other's kind."""
    bright = 1 + 0.05 * torch.randn(60, 1, 12, 12, generator=draws())
    own = [bright, -bright]
    config = Config.make("fast", {"channels": 4, "steps": 24}, "images")
    network = train_discriminators(own, [-bright, bright], [lambda x: x, lambda x: x], config)
    new = torch.stack([bright[:20], -bright[:20]])
    new[..., 4:8, 4:8] *= -1
    said = predict_log_odds(network, new)
    assert said.shape == (2, 20, 12, 12)
    inside, outside = said[..., 5:7, 5:7].mean((1, 2, 3)), said[..., :2].mean((1, 2, 3))
    assert (inside > outside + 2).all()
    copy = load_discriminators(network.state_dict(), (1, 12, 12), 2, 4)
    assert torch.equal(predict_log_odds(copy, new), said)


def test_weights_of_other_discriminators_are_refused():
    weights = build_discriminators((3, 12, 12), 1, 4).state_dict()
    with pytest.raises(ValueError, match="other pictures"):
        load_discriminators(weights, (7, 12, 12), 1, 4)


def test_fine_parts_are_smaller_and_may_be_shades_of_the_picture():
    usual, fine = draw_masks(200, 128, 128, draws()), draw_masks(200, 128, 128, draws(), FINE_PARTS)
    assert fine.float().mean() < usual.float().mean() / 2
    # Of pictures that are all alike only the grounds and the shades show.
    pictures = torch.rand(1, 1, 128, 128, generator=draws()).expand(60, -1, -1, -1) / 2
    mixed, foreign = mix_into(pictures, pictures, pictures, draws(), FINE_PARTS)
    assert foreign.any()
    assert mixed.min() < 0  # darker than any picture
