import math

import pytest
import torch

from anomgan.nets.fisher_directions import DIRECTIONS, FisherDirections


def draw(rows: int, size: int) -> torch.Tensor:
    return torch.randn(2, rows, size, generator=torch.Generator().manual_seed(1))


def test_they_are_those_in_which_corrupted_rows_spread():
    normal = draw(2000, 70)
    corrupted = normal.clone()
    corrupted[..., 5] *= 4
    fisher = FisherDirections(2, 70)
    fisher.fit(list(normal), list(corrupted))
    first = fisher.directions[0, :, 0]
    assert first.abs().argmax() == 5
    assert abs(first[5]) == pytest.approx(math.sqrt(1 - 1 / 16), abs=0.05)
    assert fisher(normal)[..., 0].var(1).tolist() == pytest.approx([1 - 1 / 16] * 2, abs=0.05)
    assert fisher(corrupted).square().sum(-1).mean() > 3 * fisher(normal).square().sum(-1).mean()


def test_short_vectors_have_fewer():
    fisher = FisherDirections(2, 3)
    fisher.fit(list(draw(50, 3)), list(2 * draw(50, 3)))
    positions = fisher(draw(10, 3))
    assert positions.shape == (2, 10, DIRECTIONS)
    assert (positions[..., 3:] == 0).all()
    assert (positions[..., 2] != 0).all()


def test_members_that_diverged_keep_none():
    normal, corrupted = draw(50, 3), 2 * draw(50, 3)
    corrupted[1, 0, 0] = torch.nan
    fisher = FisherDirections(2, 3)
    fisher.fit(list(normal), list(corrupted))
    assert fisher.directions[0].any()
    assert not fisher.directions[1].any()
