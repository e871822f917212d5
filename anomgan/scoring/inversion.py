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
        Latent vectors, ``(M, n, code)``.
    """
    if gan.inversion == "none":
        with torch.no_grad():
            return gan.encode(x)
    long = gan.inversion == "prior"
    steps = gan.config.search_steps if long else gan.config.inversion_steps
    radius = math.sqrt(gan.config.latent) if long else math.inf
    runs = [_descend(gan, x, start, steps, radius) for start in _starts(gan, x)]
    best, least = runs[0]
    for z, loss in runs[1:]:
        best = torch.where((loss < least)[..., None], z, best)
        least = torch.minimum(loss, least)
    return best


def _starts(gan: GAN, x: Tensor) -> Iterator[Tensor]:
    """Latent vectors to start from, each ``(M, n, code)``.

    Without an encoder they are those of the prior's draws whose generated records lie nearest.
    """
    if gan.inversion != "prior":
        yield gan.encode(x).detach()
        return
    source = torch.Generator().manual_seed(0)
    draws = torch.randn(1, DRAWS, gan.config.latent, generator=source).to(x)
    draws = draws.expand(len(x), -1, -1)
    nearest = _nearest(gan, x, draws)
    for index in nearest.unbind(-1):
        start = draws.gather(1, index[..., None].expand(-1, -1, draws.shape[-1]))
        yield gan.append_conditions(start, x)


def _nearest(gan: GAN, x: Tensor, draws: Tensor) -> Tensor:
    """Which draws generate, under each record's condition, the nearest records; ``(M, n, k)``."""
    wide, count = gan.views.spec.condition_size, min(gan.config.starts, DRAWS)
    told = x[0, :, x.shape[-1] - wide :]
    levels, level = told.unique(dim=0, return_inverse=True) if wide else (told[:1], None)
    nearest = torch.empty(*x.shape[:2], count, dtype=torch.long, device=x.device)
    for number, condition in enumerate(levels):
        own = slice(None) if level is None else level == number
        with torch.no_grad():
            z = torch.cat([draws, condition.expand(*draws.shape[:2], wide)], -1)
            made = gan.generate(z).flatten(2)
        # Not by matrix products, whose rounding depends on the rows beside: a near tie could flip.
        mode = "donot_use_mm_for_euclid_dist"
        distance = torch.cdist(x[:, own].flatten(2), made, compute_mode=mode)
        nearest[:, own] = distance.topk(count, largest=False).indices
    return nearest


def _descend(
    gan: GAN, x: Tensor, start: Tensor, steps: int, radius: float
) -> tuple[Tensor, Tensor]:
    """Best latent vectors met on the way, ``(M, n, code)``, and their mismatch, ``(M, n)``.

    Conditions in them stay as they are.
    """
    told = start[..., gan.config.latent :]
    z = _within(start[..., : gan.config.latent], radius)
    best, least = z.detach(), torch.full(z.shape[:2], torch.inf, dtype=z.dtype, device=z.device)
    momentum = torch.zeros_like(z)
    for step in range(steps + 1):
        z = z.requires_grad_()
        loss = gan.inversion_loss(x, torch.cat([z, told], -1))
        better = loss.detach() < least
        best = torch.where(better[..., None], z.detach(), best)
        least = torch.where(better, loss.detach(), least)
        if step == steps:
            break
        (slope,) = torch.autograd.grad(loss.sum(), z)
        slope = slope / (slope.square().mean(-1, keepdim=True).sqrt() + 1e-12)
        momentum = 0.7 * momentum + 0.3 * slope
        z = _within(z.detach() - 0.1 * (1 - step / steps) * momentum, radius)
    return torch.cat([best, told], -1), least


def _within(z: Tensor, radius: float) -> Tensor:
    """The nearest point of a ball around zero, for each latent vector."""
    if math.isinf(radius):
        return z
    length = z.square().sum(-1, keepdim=True).sqrt()
    return z * (radius / length.clamp(min=radius))
