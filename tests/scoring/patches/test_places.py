"""Places of pictures: rings and padding, the gallery, and the discriminators of places."""

from __future__ import annotations

import pytest
import torch

from anomgan.scoring.patches.discriminator import load_discriminators, train_discriminators
from anomgan.scoring.patches.gallery import find_residuals, fit_gallery
from anomgan.scoring.patches.place_features import extract_places, measure_rings


def make_features(count: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    maps = [torch.randn(count, c, s, s, generator=generator) for c, s in ((2, 8), (3, 4), (4, 2))]
    return extract_places(maps, torch.ones(count, 2))


def test_rings_count_from_the_edge_of_the_picture() -> None:
    rings = measure_rings(torch.tensor([[1.0, 0.6], [0.01, 0.01]]), 5, 5)
    assert rings[0].tolist() == [
        [0, 0, 0, -1, -1],
        [0, 1, 0, -1, -1],
        [0, 1, 0, -1, -1],
        [0, 1, 0, -1, -1],
        [0, 0, 0, -1, -1],
    ]
    assert (rings[1] >= 0).sum() == 1


def test_padding_has_no_part_in_the_whole() -> None:
    maps = [torch.ones(1, 1, s, s) for s in (8, 4, 2)]
    for each in maps:
        each[..., each.shape[3] // 2 :] = 100
    features = extract_places(maps, torch.tensor([[1.0, 0.5]]))
    assert features.pooled.tolist() == [[1.0, 1.0]]


def test_a_place_of_the_gallery_leaves_no_residual_unless_it_is_ones_own() -> None:
    features = make_features(12, 0)
    folds = [torch.arange(8), torch.arange(4, 12)]
    state = fit_gallery(features, folds)
    residuals = find_residuals(features, state)
    assert residuals[0, :8].abs().max() < 1e-5
    assert residuals[0, 8:].square().sum(-1).min() > 1e-3  # held out from the first fold
    own = find_residuals(features, state, torch.arange(12))
    assert own[0, :8].square().sum(-1).min() > 1e-3


def test_discriminators_learn_what_is_foreign_and_stay_random_without_steps() -> None:
    generator = torch.Generator().manual_seed(0)
    normal = [torch.randn(4000, 6, generator=generator) for _ in range(2)]
    shift = torch.tensor([0, 0, 3.0, 0, 0, 0])
    foreign = [torch.randn(500, 6, generator=generator) + shift for _ in range(2)]
    trained = train_discriminators(normal, foreign, steps=40)
    odds = trained(torch.stack([normal[0][:200], foreign[0][:200]]).abs())[..., 0]
    assert odds[1].median() > odds[0].median() + 1
    untrained = train_discriminators(normal, foreign, steps=0)
    again = train_discriminators(normal, foreign, steps=0)
    for mine, other in zip(untrained.parameters(), again.parameters(), strict=True):
        assert torch.equal(mine, other)
    with pytest.raises(ValueError, match="discriminators of other places"):
        load_discriminators(trained.state_dict(), 5, 2)
