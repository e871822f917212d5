"""Latent inversion: the latent vector whose generated record is nearest to a given one."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from anomgan.gans.base import GAN

PRIOR_DRAWS = 1024
"""Draws from the prior, the same for every record, among which a search without encoder starts."""


def invert(gan: GAN, x: Tensor) -> Tensor:
    """Minimise the mismatch of each record from one or more starts; return the best point met.

    All records and members descend at once but independently: gradients are normalised per record,
    so that neither its distance nor its neighbours change its path.  A search without encoder takes
    many steps, so it is kept in the ball in which the prior's draws lie: beyond it are vectors on
    which the generator wasn't trained, and among them one for almost any record.

    Args:
        gan: Trained networks.
        x: Scaled records, ``(M, n, *shape)``.

    Returns:
        Latent vectors, ``(M, n, code)``.
    """
    if gan.inversion == "none":
        with torch.no_grad():
            return gan.encode(x)
    if gan.inversion != "prior":
        return _descend(gan, x, gan.encode(x).detach(), gan.config.inversion_steps)[0]
    steps, radius = gan.config.search_steps, math.sqrt(gan.config.latent)
    runs = [_descend(gan, x, start, steps, radius) for start in _choose_starts(gan, x)]
    best, best_loss = runs[0]
    for z, loss in runs[1:]:
        best = torch.where((loss < best_loss)[..., None], z, best)
        best_loss = torch.minimum(loss, best_loss)
    return best


def _choose_starts(gan: GAN, x: Tensor) -> list[Tensor]:
    """Draws of the prior that generate the records nearest to x, each ``(M, n, code)``."""
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(1, PRIOR_DRAWS, gan.config.latent, generator=generator).to(x)
    draws = draws.expand(len(x), -1, -1)
    return [
        gan.append_conditions(draws.gather(1, at[..., None].expand(-1, -1, draws.shape[-1])), x)
        for at in _find_nearest(gan, x, draws).unbind(-1)
    ]


def _find_nearest(gan: GAN, x: Tensor, draws: Tensor) -> Tensor:
    """Which draws generate, under each record's conditions, the nearest records; ``(M, n, k)``."""
    width, count = gan.views.spec.condition_size, min(gan.config.starts, PRIOR_DRAWS)
    conditions = x[0, :, x.shape[-1] - width :]
    if width:
        levels, level = conditions.unique(dim=0, return_inverse=True)
    else:
        levels, level = conditions[:1], None
    nearest = torch.empty(*x.shape[:2], count, dtype=torch.long, device=x.device)
    for number, condition in enumerate(levels):
        rows = slice(None) if level is None else level == number
        with torch.no_grad():
            z = torch.cat([draws, condition.expand(*draws.shape[:2], width)], -1)
            generated = gan.generate(z).flatten(2)
        # Not by matrix products, whose rounding depends on the rows beside: a near tie could flip.
        mode = "donot_use_mm_for_euclid_dist"
        distance = torch.cdist(x[:, rows].flatten(2), generated, compute_mode=mode)
        nearest[:, rows] = distance.topk(count, largest=False).indices
    return nearest


def _descend(
    gan: GAN, x: Tensor, start: Tensor, steps: int, radius: float | None = None
) -> tuple[Tensor, Tensor]:
    """Best latent vectors met, ``(M, n, code)``, and their mismatch, ``(M, n)``.

    Args:
        gan: Trained networks.
        x: Scaled records, ``(M, n, *shape)``.
        start: Latent vectors to start from; the conditions in them stay as they are.
        steps: Number of gradient steps.
        radius: Of the ball that latent vectors are kept in, if any.
    """
    conditions = start[..., gan.config.latent :]
    z = start[..., : gan.config.latent]
    z = z if radius is None else _project(z, radius)
    best = z.detach()
    best_loss = torch.full(z.shape[:2], torch.inf, dtype=z.dtype, device=z.device)
    momentum = torch.zeros_like(z)
    compute_loss = gan.inversion_loss(x)
    for step in range(steps + 1):
        z = z.requires_grad_()
        loss = compute_loss(torch.cat([z, conditions], -1))
        better = loss.detach() < best_loss
        best = torch.where(better[..., None], z.detach(), best)
        best_loss = torch.where(better, loss.detach(), best_loss)
        if step == steps:
            break
        (gradient,) = torch.autograd.grad(loss.sum(), z)
        gradient = gradient / (gradient.square().mean(-1, keepdim=True).sqrt() + 1e-12)
        momentum = 0.7 * momentum + 0.3 * gradient
        # Steps shrink linearly, so that the descent settles.
        z = z.detach() - 0.1 * (1 - step / steps) * momentum
        z = z if radius is None else _project(z, radius)
    return torch.cat([best, conditions], -1), best_loss


def _project(z: Tensor, radius: float) -> Tensor:
    """The nearest point of a ball around zero, for each latent vector."""
    length = z.square().sum(-1, keepdim=True).sqrt()
    return z * (radius / length.clamp(min=radius))
