"""Losses that several GANs share; each gives one value per member, ``(M,)``.

``real`` and ``fake`` are the discriminators' logits for a batch, ``(M, B)``, larger for more real.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

from anomgan.gans.batch import Batch

Discriminate = Callable[..., Tensor]


def logistic_discriminator_loss(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """−log σ(real) − log(1 − σ(fake)) (Goodfellow et al., 2014).

    Args:
        real: Logits of real records.
        fake: Logits of generated ones.
        smoothing: How far below 1 the label of real records lies (one-sided label smoothing;
            Salimans et al., 2016).
    """
    return (softplus(-real) + smoothing * real).mean(-1) + softplus(fake).mean(-1)


def non_saturating_generator_loss(fake: Tensor) -> Tensor:
    """−log σ(fake): its gradient doesn't vanish while the discriminator wins."""
    return softplus(-fake).mean(-1)


def minimax_generator_loss(fake: Tensor) -> Tensor:
    """log(1 − σ(fake)), the generator's loss of the minimax game (Goodfellow et al., 2014)."""
    return -softplus(fake).mean(-1)


def hinge_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 − real) + max(0, 1 + fake) (Lim & Ye, 2017; Miyato et al., 2018)."""
    return relu(1 - real).mean(-1) + relu(1 + fake).mean(-1)


def wasserstein_discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Negative estimate of the Wasserstein distance, fake − real (Arjovsky et al., 2017)."""
    return fake.mean(-1) - real.mean(-1)


def wasserstein_generator_loss(fake: Tensor) -> Tensor:
    """−fake, the generator's loss beside the hinge loss and the Wasserstein distance."""
    return -fake.mean(-1)


def least_squares_discriminator_loss(real: Tensor, fake: Tensor, smoothing: float = 0.0) -> Tensor:
    """(real − 1)² + fake² (Mao et al., 2017); smoothing lowers the 1."""
    return (real - 1 + smoothing).square().mean(-1) + fake.square().mean(-1)


def least_squares_generator_loss(fake: Tensor) -> Tensor:
    """(fake − 1)² (Mao et al., 2017)."""
    return (fake - 1).square().mean(-1)


def mode_seeking_loss(latent: Tensor, generated: Tensor) -> Tensor:
    """‖z − z'‖ / ‖G(z) − G(z')‖ for neighbours in a batch; small if records differ as z does.

    Mao et al., "Mode seeking generative adversarial networks", 2019.
    """
    latent_distance = (latent - latent.roll(1, 1)).abs().mean(-1)
    distance = (generated - generated.roll(1, 1)).abs().flatten(2).mean(-1)
    return (latent_distance / (distance + 1e-5)).mean(-1)


def one_centred_penalty(
    discriminate: Discriminate, batch: Batch, real: Sequence[Tensor], fake: Sequence[Tensor]
) -> Tensor:
    """(‖∇D(x̃)‖ − 1)² at random points between real and fake inputs (Gulrajani et al., 2017)."""
    weight = batch.uniform(*real[0].shape[:2])
    between = []
    for a, b in zip(real, fake, strict=True):
        w = weight.reshape(*weight.shape, *[1] * (a.dim() - 2))
        between.append((w * a + (1 - w) * b).detach().requires_grad_())
    norm = (squared_gradient_norm(discriminate(*between), between) + 1e-12).sqrt()
    return (norm - 1).square().mean(-1)


def zero_centred_penalty(logits: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    """‖∇D‖² at real inputs (R1): without it the logistic game cycles (Mescheder et al., 2018)."""
    return squared_gradient_norm(logits, inputs).mean(-1)


def squared_gradient_norm(logits: Tensor, inputs: Sequence[Tensor]) -> Tensor:
    """‖∇D‖² with respect to all inputs together, each ``(M, B, …)``: ``(M, B)``."""
    gradients = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
    return torch.stack([g.flatten(2).square().sum(-1) for g in gradients]).sum(0)
