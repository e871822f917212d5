"""Losses that several GANs share; each gives one value per member, ``(M,)``."""

from __future__ import annotations

import torch
from torch import Tensor

from anomgan.gans.base import Batch
from anomgan.nets.blocks import Discriminator


def wasserstein_critic(critic: Discriminator, real: Tensor, fake: Tensor) -> Tensor:
    """The critic's side of the Wasserstein distance, to be minimised (Arjovsky et al., 2017)."""
    return critic(fake).mean(-1) - critic(real).mean(-1)


def gradient_penalty(critic: Discriminator, batch: Batch, fake: Tensor) -> Tensor:
    """(‖∇D(x̃)‖ − 1)² at random points between real and fake records (Gulrajani et al., 2017)."""
    real = batch.real
    mix = batch.uniform(*real.shape[:2], *[1] * (real.dim() - 2))
    between = (mix * real + (1 - mix) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norm = (slope.flatten(2).square().sum(-1) + 1e-12).sqrt()
    return (norm - 1).square().mean(-1)
