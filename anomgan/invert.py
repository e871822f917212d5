"""Latent inversion: the latent vector whose generated record comes nearest to a given one."""

from __future__ import annotations

import torch
from torch import Tensor

from anomgan.gans.base import GAN


def invert(gan: GAN, x: Tensor) -> Tensor:
    """Descend from the encoder's guess on the squared residuals of each record.

    All records and members descend at once, each on its own: gradients are normalised per record,
    so that neither its distance nor its neighbours change its path.  The best point met counts.

    Args:
        gan: Trained networks.
        x: Scaled records, ``(M, n, *shape)``.

    Returns:
        Latent vectors, ``(M, n, latent)``.
    """
    steps = gan.config.inversion_steps
    z = gan.encode(x).detach()
    best, least = z, torch.full(z.shape[:2], torch.inf, dtype=z.dtype, device=z.device)
    momentum = torch.zeros_like(z)
    for step in range(steps + 1):
        z = z.requires_grad_()
        loss = gan.residuals(x, gan.generate(z)).square().sum(-1)
        better = loss.detach() < least
        best = torch.where(better[..., None], z.detach(), best)
        least = torch.where(better, loss.detach(), least)
        if step == steps:
            break
        (slope,) = torch.autograd.grad(loss.sum(), z)
        slope = slope / (slope.square().mean(-1, keepdim=True).sqrt() + 1e-12)
        momentum = 0.7 * momentum + 0.3 * slope
        z = z.detach() - 0.1 * (1 - step / steps) * momentum
    return best
