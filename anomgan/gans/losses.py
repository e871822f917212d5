"""Losses that several GANs share; each gives one value per member, ``(M,)``.

A critic's opinions are its outputs for a batch, ``(M, B)``, larger for more real.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from anomgan.gans.batch import Batch

Discriminator = Callable[..., Tensor]


def logistic_discriminator_loss(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """−log σ(real) − log(1 − σ(fake)), the critic's side of Goodfellow et al. (2014).

    Args:
        real: Opinions of real records.
        fake: Opinions of made ones.
        smoothing: How far below 1 the label of real records lies (one-sided label smoothing;
            Salimans et al., 2016).
    """
    return (softplus(-real) + smoothing * real).mean(-1) + softplus(fake).mean(-1)


def non_saturating_generator_loss(fake: Tensor) -> Tensor:
    """−log σ(fake): the generator's loss that keeps its slope when the critic wins."""
    return softplus(-fake).mean(-1)


def minimax_generator_loss(fake: Tensor) -> Tensor:
    """log(1 − σ(fake)): the generator's side of the game as Goodfellow et al. state it first."""
    return -softplus(fake).mean(-1)


def hinge_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 − real) + max(0, 1 + fake) (Lim & Ye, 2017; Miyato et al., 2018)."""
    return relu(1 - real).mean(-1) + relu(1 + fake).mean(-1)


def wasserstein_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The critic's side of the Wasserstein distance, to be minimised (Arjovsky et al., 2017)."""
    return fake.mean(-1) - real.mean(-1)


def wasserstein_generator_loss(fake: Tensor) -> Tensor:
    """−fake, the generator's side of the hinge loss and of the Wasserstein distance."""
    return -fake.mean(-1)


def least_squares_discriminator_loss(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """(real − 1)² + fake², the critic's side of Mao et al. (2017); smoothing lowers the 1."""
    return (real - 1 + smoothing).square().mean(-1) + fake.square().mean(-1)


def least_squares_generator_loss(fake: Tensor) -> Tensor:
    """(fake − 1)², the generator's side of Mao et al. (2017)."""
    return (fake - 1).square().mean(-1)


def mode_seeking(latent: Tensor, made: Tensor) -> Tensor:
    """‖z − z'‖ / ‖G(z) − G(z')‖ for neighbouring pairs: small if other z give other records.

    Mao et al., "Mode seeking generative adversarial networks", 2019.
    """
    apart = (latent - latent.roll(1, 1)).abs().mean(-1)
    return (apart / ((made - made.roll(1, 1)).abs().flatten(2).mean(-1) + 1e-5)).mean(-1)


def gradient_penalty(
    critic: Discriminator, batch: Batch, real: Sequence[Tensor], fake: Sequence[Tensor]
) -> Tensor:
    """(‖∇D(x̃)‖ − 1)² at random points between real and fake inputs (Gulrajani et al., 2017)."""
    mix = batch.uniform(*real[0].shape[:2])
    between = []
    for a, b in zip(real, fake, strict=True):
        share = mix.reshape(*mix.shape, *[1] * (a.dim() - 2))
        between.append(share * a + (1 - share) * b)
    between = [x.detach().requires_grad_() for x in between]
    norm = (squared_slope(critic(*between), between) + 1e-12).sqrt()
    return (norm - 1).square().mean(-1)


def zero_penalty(opinions: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    """‖∇D‖² at real inputs: without it the logistic game circles (R1; Mescheder et al., 2018)."""
    return squared_slope(opinions, inputs).mean(-1)


def squared_slope(opinions: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    """‖∇D‖² of opinions with regard to all inputs together, each ``(M, B, …)``: ``(M, B)``."""
    slopes = torch.autograd.grad(opinions.sum(), inputs, create_graph=True)
    return torch.stack([slope.flatten(2).square().sum(-1) for slope in slopes]).sum(0)
