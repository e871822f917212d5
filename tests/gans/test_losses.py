import math

import pytest
import torch

from anomgan.gans import Batch
from anomgan.gans.losses import (
    hinge_discriminator_loss,
    least_squares_discriminator_loss,
    least_squares_generator_loss,
    logistic_discriminator_loss,
    minimax_generator_loss,
    mode_seeking_loss,
    non_saturating_generator_loss,
    one_centred_penalty,
    squared_gradient_norm,
    wasserstein_discriminator_loss,
    wasserstein_generator_loss,
    zero_centred_penalty,
)

REAL = torch.tensor([[0.0, 2.0], [0.5, 3.0]])
FAKE = torch.tensor([[-2.0, 0.0], [1.0, -3.0]])


def batch(real):
    return Batch(real, torch.zeros(*real.shape[:2], 1), torch.Generator().manual_seed(0))


def linear(slope):
    """A discriminator whose gradient is ``slope`` everywhere."""
    return lambda x: x @ torch.tensor(slope)


def test_an_undecided_discriminator_pays_log_4_and_each_generator_log_2():
    zero = torch.zeros(2, 5)
    assert logistic_discriminator_loss(zero, zero).tolist() == pytest.approx([math.log(4)] * 2)
    assert non_saturating_generator_loss(zero).tolist() == pytest.approx([math.log(2)] * 2)
    assert minimax_generator_loss(zero).tolist() == pytest.approx([-math.log(2)] * 2)


def test_logistic_losses_are_the_logarithms_of_the_paper():
    d = torch.sigmoid(FAKE)
    assert torch.allclose(non_saturating_generator_loss(FAKE), -d.log().mean(-1))
    assert torch.allclose(minimax_generator_loss(FAKE), (1 - d).log().mean(-1))
    expected = -(torch.sigmoid(REAL).log() + (1 - d).log()).mean(-1)
    assert torch.allclose(logistic_discriminator_loss(REAL, FAKE), expected)


def test_the_minimax_slope_vanishes_when_the_discriminator_wins_and_the_other_does_not():
    sure = torch.full((1, 4), -20.0, requires_grad=True)
    (lost,) = torch.autograd.grad(minimax_generator_loss(sure).sum(), sure)
    (kept,) = torch.autograd.grad(non_saturating_generator_loss(sure).sum(), sure)
    assert lost.abs().max() < 1e-6
    assert kept.tolist() == [pytest.approx([-0.25] * 4)]


def test_label_smoothing_is_the_cross_entropy_with_a_lower_target():
    d = torch.sigmoid(REAL)
    expected = -(0.9 * d.log() + 0.1 * (1 - d).log()).mean(-1)
    assert torch.allclose(
        logistic_discriminator_loss(REAL, torch.full((2, 1), -1e3), 0.1), expected
    )
    # The best logit is then the logit of 0.9 and no longer infinity.
    logit = torch.tensor([[math.log(9.0)]], requires_grad=True)
    logistic_discriminator_loss(logit, torch.zeros(1, 1), 0.1).sum().backward()
    assert abs(logit.grad.item()) < 1e-6


def test_least_squares_aim_at_one_and_zero():
    assert least_squares_discriminator_loss(REAL, FAKE).tolist() == pytest.approx([3.0, 7.125])
    assert (
        least_squares_discriminator_loss(torch.full((1, 3), 0.9), torch.zeros(1, 3), 0.1).item()
        < 1e-12
    )
    assert least_squares_generator_loss(FAKE).tolist() == pytest.approx([5.0, 8.0])


def test_mode_seeking_rewards_other_records_from_other_latent_vectors():
    z = torch.randn(2, 20, 3)
    same, varied = torch.zeros(2, 20, 4), z.repeat(1, 1, 2)
    assert mode_seeking_loss(z, varied).tolist() == pytest.approx([1.0, 1.0], rel=1e-3)
    assert (mode_seeking_loss(z, same) > 1e3).all()


def test_hinge_counts_only_what_is_within_the_margin():
    # Reals: 1 and 0, then 0.5 and 0; fakes: 0 and 1, then 2 and 0.
    assert hinge_discriminator_loss(REAL, FAKE).tolist() == pytest.approx([1.0, 1.25])


def test_wasserstein_is_the_difference_of_mean_logits():
    assert wasserstein_discriminator_loss(REAL, FAKE).tolist() == pytest.approx([-2.0, -2.75])
    assert wasserstein_generator_loss(FAKE).tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(("slope", "expected"), [([0.6, 0.8], 0.0), ([3.0, 4.0], 16.0)])
def test_the_gradient_penalty_is_zero_at_slope_1_and_squared_beyond(slope, expected):
    real = torch.randn(2, 7, 2)
    penalty = one_centred_penalty(linear(slope), batch(real), (real,), (torch.zeros(2, 7, 2),))
    assert penalty.tolist() == pytest.approx([expected] * 2, abs=1e-5)


def test_the_zero_penalty_is_the_squared_slope():
    x = torch.randn(2, 7, 2, requires_grad=True)
    assert zero_centred_penalty(linear([3.0, 4.0])(x), [x]).tolist() == pytest.approx([25.0] * 2)


def test_slopes_of_several_inputs_add_up():
    x, z = (torch.randn(2, 7, wide, requires_grad=True) for wide in (2, 3))
    squared = squared_gradient_norm(2 * x.sum(-1) + z.sum(-1), [x, z])
    assert squared.shape == (2, 7)
    assert squared.flatten().tolist() == pytest.approx([2 * 4 + 3] * 14)


def test_penalties_pull_at_the_discriminator():
    weight = torch.tensor([3.0, 4.0], requires_grad=True)
    x = torch.randn(1, 3, 2, requires_grad=True)
    (pull,) = torch.autograd.grad(zero_centred_penalty(x @ weight, [x]), weight)
    assert pull.tolist() == pytest.approx([6.0, 8.0])
