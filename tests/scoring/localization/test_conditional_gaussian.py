"""What the rest of a picture makes expected of a place."""

import pytest
import torch

from anomgan.scoring.localization import conditional_gaussian as module
from anomgan.scoring.localization.conditional_gaussian import fit_gaussian, whiten_places


def waves(n, channels=1, size=6, seed=0):
    """Pictures of rank two and a little noise."""
    draws = torch.Generator().manual_seed(seed)
    column = torch.arange(size, dtype=torch.float64)
    share = torch.randn(n, channels, 2, generator=draws, dtype=torch.float64)
    plain = share[..., :1] * column.sin() + share[..., 1:] * column.cos()
    noise = torch.randn(n, channels, size, size, generator=draws, dtype=torch.float64)
    return plain[..., None, :] + 0.1 * noise + 3


def squared_distances(pictures, state):
    """Squared Mahalanobis distances of places, ``(M, n, h, w)``."""
    return whiten_places(pictures, state).square().sum(2)


def stacked(state):
    return {key: value[None] for key, value in state.items()}


@pytest.mark.parametrize(("channels", "block"), [(1, 1), (1, 3), (2, 3)])
def test_places_are_what_a_gaussian_expects_given_all_outside_the_block(
    channels, block, monkeypatch
):
    """Against the conditional mean and covariance by the textbook's formula."""
    monkeypatch.setattr(module, "EXCESS_LENGTH", 1e9)
    normal, new = waves(80, channels), waves(3, channels, seed=1)
    found = squared_distances(new[None], stacked(fit_gaussian(normal, block)))[0]

    flat = (normal - normal.mean(0)).flatten(1)
    noise = module.NOISE_SHARE * flat.square().mean() * torch.eye(flat.shape[1])
    covariance = flat.mT @ flat / (len(flat) - 1) + noise
    at = torch.arange(channels * 36).reshape(channels, 6, 6)
    centred = (new - normal.mean(0)).flatten(1)
    for row, column in ((0, 0), (2, 3), (5, 4)):
        reach = block // 2
        inside = at[:, max(0, row - reach) : row + reach + 1, max(0, column - reach) :]
        inside = inside[..., : min(column, reach) + reach + 1].flatten()
        rest = torch.tensor([i for i in range(channels * 36) if i not in inside])
        middle = at[:, row, column]
        weights = torch.linalg.solve(covariance[rest][:, rest], covariance[rest][:, middle])
        left = centred[:, middle] - centred[:, rest] @ weights
        own = covariance[middle][:, middle] - covariance[middle][:, rest] @ weights
        wanted = (left @ own.inverse() * left).sum(-1)
        assert found[:, row, column].tolist() == pytest.approx(wanted.tolist(), rel=1e-6)


def test_a_wave_out_of_step_stands_out_where_it_is():
    """Each place is as bright as ever; only the rest of the picture tells."""
    state = stacked(fit_gaussian(waves(200), 3))
    odd = waves(40, seed=2)
    odd[:, :, :, 4:] = 6 - odd[:, :, :, 4:]
    found = squared_distances(odd[None], state)[0].mean((0, 1))
    usual = squared_distances(waves(40, seed=6)[None], state)[0].mean((0, 1))
    assert (found[4:] > 10 * usual[4:]).all()
    assert found[4:].mean() > 2 * found[:2].mean()


@pytest.mark.parametrize(("channels", "block"), [(1, 3), (2, 1)])
def test_a_defect_does_not_mislead_what_is_expected_around_it(channels, block):
    """With its excess taken off, it troubles the places around it far less."""
    state = stacked(fit_gaussian(waves(200, channels), block))
    clean = waves(40, channels, seed=2)
    odd = clean.clone()
    odd[:, :, 2:4, 2] += 30
    around = torch.ones(6, 6, dtype=torch.bool)
    around[1:5, 1:4] = False
    plain = {key: value for key, value in state.items() if key != "limit"}
    usual, halo, less = (
        squared_distances(pictures[None], known)[0][:, around].mean()
        for pictures, known in ((clean, state), (odd, plain), (odd, state))
    )
    assert halo > 10 * usual
    assert less < 0.4 * halo
    # What is odd itself stays nearly as odd as the textbook says.
    found, raw = (
        squared_distances(odd[None], known)[0][:, 2:4, 2].mean() for known in (state, plain)
    )
    assert found > 0.8 * raw


def test_members_stay_apart_and_pictures_too():
    states = [fit_gaussian(waves(50, seed=seed), 3) for seed in (3, 4)]
    both = {key: torch.stack([state[key] for state in states]) for key in states[0]}
    new = waves(4, seed=5)
    together = squared_distances(torch.stack([new, new]), both)
    for member, state in enumerate(states):
        for picture in range(4):
            alone = squared_distances(new[None, picture : picture + 1], stacked(state))
            assert torch.allclose(alone[0, 0], together[member, picture], rtol=1e-9)


def test_pictures_that_are_all_alike_give_finite_numbers():
    same = torch.full((5, 1, 6, 6), 2.0, dtype=torch.float64)
    state = stacked(fit_gaussian(same, 3))
    assert squared_distances(same[None], state).abs().max() == 0
    assert squared_distances(same[None] + 1, state).isfinite().all()


def test_places_worked_on_by_parts_are_the_same(monkeypatch):
    normal = waves(40)
    whole = fit_gaussian(normal, 3)
    monkeypatch.setattr(module, "CHUNK_VALUES", 2000)
    parts = fit_gaussian(normal, 3)
    assert parts["directions"].shape == whole["directions"].shape
    assert torch.allclose(parts["kernel"], whole["kernel"])
