import pytest
import torch

from anomgan.nets.adam import BETAS, Adam


def test_it_moves_as_torchs_own_does():
    draws = torch.Generator().manual_seed(0)
    start = [torch.randn(3, 4, generator=draws), torch.randn(2, generator=draws)]
    own, theirs = ([w.clone().requires_grad_() for w in start] for _ in range(2))
    ours, expected = Adam(own), torch.optim.Adam(theirs, betas=BETAS)
    for rate in (0.1, 0.05, 0.02):
        expected.param_groups[0]["lr"] = rate
        grads = [torch.randn(w.shape, generator=draws) for w in start]
        for weight, grad in zip(theirs, grads, strict=True):
            weight.grad = grad
        expected.step()
        ours.step(grads, rate)
    for a, b in zip(own, theirs, strict=True):
        assert a.detach().numpy() == pytest.approx(b.detach().numpy(), abs=1e-6)


def test_a_weight_without_gradient_waits_and_then_makes_a_first_step():
    early, late = torch.zeros(2), torch.zeros(2)
    optimiser = Adam([early, late])
    for _ in range(5):
        optimiser.step([torch.ones(2), None], 0.1)
    assert late.tolist() == [0, 0]
    optimiser.step([torch.ones(2), torch.ones(2)], 0.1)
    # The first step is as long as the rate, whatever the gradient.
    assert late.tolist() == pytest.approx([-0.1, -0.1], rel=1e-4)
    assert early.tolist() == pytest.approx([-0.6, -0.6], rel=1e-4)
