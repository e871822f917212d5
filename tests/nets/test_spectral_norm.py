import numpy as np
import pytest
import torch

from anomgan.nets.mlp import MLP
from anomgan.nets.spectral_norm import SpectralLinear, spectral_norm


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return SpectralLinear(3, 6, 4)


def largest(weights):
    return np.linalg.svd(weights.detach().numpy(), compute_uv=False)[:, 0]


def test_power_iteration_finds_the_largest_singular_value(layer):
    for _ in range(200):
        layer(torch.zeros(3, 1, 6))
    assert layer._estimate().flatten().detach().numpy() == pytest.approx(
        largest(layer.weight), rel=1e-4
    )


def test_each_forward_pass_in_training_makes_one_step_and_none_in_scoring(layer):
    x = torch.ones(3, 2, 6)
    before = layer.left.clone()
    layer(x)
    after = layer.left.clone()
    assert not torch.equal(before, after)
    layer.eval()
    first = layer(x)
    assert torch.equal(layer(x), first)
    assert torch.equal(layer.left, after)


def test_in_scoring_the_map_is_that_of_the_weights_over_their_norm(layer):
    layer.double().eval()
    x = torch.randn(3, 5, 6, dtype=torch.float64)
    weights = layer.weight.detach().numpy()
    expected = x.numpy() @ (weights / largest(layer.weight)[:, None, None])
    assert layer(x).detach().numpy() == pytest.approx(expected, abs=1e-12)
    unit = layer.weight / layer.sigma
    assert largest(unit) == pytest.approx(np.ones(3), abs=1e-12)


def test_members_are_normalised_each_on_their_own(layer):
    with torch.no_grad():
        layer.weight[1] *= 100
    layer.eval()
    assert largest(layer.weight / layer.sigma) == pytest.approx(np.ones(3), rel=1e-5)


def test_the_scale_of_the_weights_does_not_matter(layer):
    layer.eval()
    x = torch.ones(3, 2, 6)
    before = layer(x)
    with torch.no_grad():
        layer.weight *= 7
    layer.eval()
    assert torch.allclose(layer(x), before, atol=1e-6)


def test_a_gradient_along_the_weights_themselves_vanishes(layer):
    """Scaling the weights changes nothing, so the gradient has no part in that direction."""
    for _ in range(300):
        layer(torch.zeros(3, 1, 6))
    loss = layer(torch.ones(3, 2, 6)).square().sum()
    (slope,) = torch.autograd.grad(loss, layer.weight)
    along = (slope * layer.weight).sum((1, 2))
    assert along.detach().numpy() == pytest.approx(np.zeros(3), abs=1e-3)


def test_weights_of_zero_stay_finite(layer):
    with torch.no_grad():
        layer.weight.zero_()
    assert layer(torch.ones(3, 2, 6)).isfinite().all()
    layer.eval()
    assert layer(torch.ones(3, 2, 6)).isfinite().all()


def test_a_whole_network_is_at_most_lipschitz_1():
    torch.manual_seed(0)
    network = spectral_norm(MLP(2, 5, 3, hidden=8, layers=2)).double().eval()
    assert all(isinstance(part, SpectralLinear) for part in [*network.layers, network.head])
    a, b = torch.randn(2, 2, 50, 5, dtype=torch.float64)
    moved = (network(a) - network(b)).square().sum(-1).sqrt()
    assert (moved <= (a - b).square().sum(-1).sqrt() + 1e-12).all()


def test_buffers_come_back_with_the_state(layer):
    layer.eval()
    other = SpectralLinear(3, 6, 4)
    other.load_state_dict(layer.state_dict())
    other.eval()
    x = torch.ones(3, 2, 6)
    assert torch.equal(other(x), layer(x))
