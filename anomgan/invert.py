"""Latent inversion: the latent vector whose generated record comes nearest to a given one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from anomgan.gans.base import GAN

DRAWS = 1024
"""Draws from the prior, the same for every record, among which a search without encoder starts."""


def invert(gan: GAN, x: Tensor) -> Tensor:
    """Descend from one or more starts on the mismatch of each record; the best point met counts.

    All records and members descend at once, each on its own: gradients are normalised per record,
    so that neither its distance nor its neighbours change its path.  A search without encoder is
    long, so it is kept in the ball that the prior fills: beyond it lie vectors that the generator
    never saw, and among them one for almost any record.

    Args:
        gan: Trained networks.
        x: Scaled records, ``(M, n, *shape)``.

    Returns:
        Latent vectors, ``(M, n, latent)``.
    """
    long = gan.inversion == "prior"
    steps = gan.config.search_steps if long else gan.config.inversion_steps
    radius = math.sqrt(gan.config.latent) if long else math.inf
    best = torch.zeros(*x.shape[:2], gan.config.latent, dtype=x.dtype, device=x.device)
    least = torch.full(x.shape[:2], torch.inf, dtype=x.dtype, device=x.device)
    for start in _starts(gan, x):
        z, loss = _descend(gan, x, start, steps, radius)
        better = loss < least
        best = torch.where(better[..., None], z, best)
        least = torch.where(better, loss, least)
    return best


def _starts(gan: GAN, x: Tensor) -> Iterator[Tensor]:
    """Latent vectors to start from, each ``(M, n, latent)``.

    Without an encoder they are those of the prior's draws whose generated records lie nearest.
    """
    if gan.inversion != "prior":
        yield gan.encode(x).detach()
        return
    source = torch.Generator().manual_seed(0)
    draws = torch.randn(1, DRAWS, gan.config.latent, generator=source).to(x)
    draws = draws.expand(len(x), -1, -1)
    with torch.no_grad():
        made = gan.generate(draws).flatten(2)
        # Not by matrix products, whose rounding depends on the rows beside: a near tie could flip.
        distance = torch.cdist(x.flatten(2), made, compute_mode="donot_use_mm_for_euclid_dist")
        nearest = distance.topk(min(gan.config.starts, DRAWS), largest=False).indices
    for index in nearest.unbind(-1):
        yield draws.gather(1, index[..., None].expand(-1, -1, draws.shape[-1]))


def _descend(gan: GAN, x: Tensor, z: Tensor, steps: int, radius: float) -> tuple[Tensor, Tensor]:
    """Best latent vectors met on the way, ``(M, n, latent)``, and their mismatch, ``(M, n)``."""
    z = _within(z, radius)
    best, least = z, torch.full(z.shape[:2], torch.inf, dtype=z.dtype, device=z.device)
    momentum = torch.zeros_like(z)
    for step in range(steps + 1):
        z = z.requires_grad_()
        loss = gan.mismatch(x, z)
        better = loss.detach() < least
        best = torch.where(better[..., None], z.detach(), best)
        least = torch.where(better, loss.detach(), least)
        if step == steps:
            break
        (slope,) = torch.autograd.grad(loss.sum(), z)
        slope = slope / (slope.square().mean(-1, keepdim=True).sqrt() + 1e-12)
        momentum = 0.7 * momentum + 0.3 * slope
        z = _within(z.detach() - 0.1 * (1 - step / steps) * momentum, radius)
    return best, least


def _within(z: Tensor, radius: float) -> Tensor:
    """The nearest point of a ball around zero, for each latent vector."""
    if math.isinf(radius):
        return z
    length = z.square().sum(-1, keepdim=True).sqrt()
    return z * (radius / length.clamp(min=radius))
