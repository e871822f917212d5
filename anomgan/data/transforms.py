"""Monotone elementwise maps and their inverses, differentiable and finite everywhere."""

from __future__ import annotations

import torch
from torch import Tensor

KNEE = 8.0
"""Magnitude up to which :func:`soft_tail` is the identity, in standard deviations."""


def soft_tail(x: Tensor) -> Tensor:
    """Identity on [-KNEE, KNEE], logarithmic growth beyond: unbounded, monotone and smooth.

    Distances in the tail still count, yet 1e30 standard deviations fit into float32.
    """
    size = x.abs()
    near = size <= KNEE
    if type(near) is Tensor and near.all():  # as in most blocks of rows; traced ones have no values
        return x
    far = size.clamp(min=KNEE)
    return torch.where(near, x, torch.sign(x) * KNEE * (1 + torch.log(far / KNEE)))


def soft_tail_inverse(x: Tensor) -> Tensor:
    """Undo :func:`soft_tail`."""
    size = x.abs()
    near = size <= KNEE
    if type(near) is Tensor and near.all():
        return x
    far = size.clamp(min=KNEE)
    return torch.where(near, x, torch.sign(x) * KNEE * torch.exp(far / KNEE - 1))


def yeo_johnson(x: Tensor, power: Tensor) -> Tensor:
    """Power transform of numbers of either sign (Yeo & Johnson, 2000), for powers in [0, 2].

    Other powers would bound one of the tails, so that distances in it were lost.
    """
    size = _box_cox(x.abs(), torch.where(x >= 0, power, 2 - power))
    return torch.where(x >= 0, size, -size)


def yeo_johnson_inverse(x: Tensor, power: Tensor) -> Tensor:
    """Undo :func:`yeo_johnson`."""
    size = _undo_box_cox(x.abs(), torch.where(x >= 0, power, 2 - power))
    return torch.where(x >= 0, size, -size)


def _box_cox(x: Tensor, power: Tensor) -> Tensor:
    """((1 + x)^power − 1) / power for x ≥ 0, its limit log(1 + x) at power 0."""
    log, flat = torch.log1p(x), power < 1e-6
    safe = torch.where(flat, 1.0, power)
    return torch.where(flat, log, torch.expm1(safe * log) / safe)


def _undo_box_cox(x: Tensor, power: Tensor) -> Tensor:
    flat = power < 1e-6
    safe = torch.where(flat, 1.0, power)
    return torch.expm1(torch.where(flat, x, torch.log1p(safe * x) / safe))
