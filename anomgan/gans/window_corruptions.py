"""Corruptions of windows of series that take time into account.

- ``shift``: the level of a channel is another one;
- ``freeze``: a channel stays at one of its values;
- ``warp``: time runs faster or slower, or is shifted.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from anomgan.gans.batch import Batch

WINDOW_KINDS = ("shift", "freeze", "warp")

SHIFTS = 0.3, 3.0
"""Smallest and largest shift of a level, in standard deviations."""

SPEEDS = 0.5, 2.0
"""Slowest and fastest run of time."""


def draw_window_donors(batch: Batch, window: tuple[int, int]) -> dict[str, Tensor]:
    """Corrupt whole windows; parts of these then replace parts of the real ones.

    Args:
        batch: Its real records are corrupted, in copies; source of randomness.
        window: Channels and points of the window that comes first in a record.

    Returns:
        A key of `WINDOW_KINDS` -> windows, ``(M, B, C·L)``.
    """
    channels, length = window
    shape = (*batch.real.shape[:2], channels, length)
    real = batch.real[..., : channels * length].reshape(shape)
    size = _between(batch.uniform(*shape[:3], 1), SHIFTS)
    shift = size * torch.sign(batch.uniform(*shape[:3], 1) - 0.5)
    moment = (batch.uniform(*shape[:3], 1) * length).long()
    speed = _between(batch.uniform(*shape[:2], 1, 1), SPEEDS)
    start = (batch.uniform(*shape[:2], 1, 1) - 0.5) * length
    steps = torch.arange(length, device=real.device)
    moments = (start + speed * steps).round().long().remainder(length)
    donors = {
        "shift": real + shift,
        "freeze": real.gather(3, moment.expand(shape)),
        "warp": real.gather(3, moments.expand(shape)),
    }
    return {name: donor.flatten(2) for name, donor in donors.items()}


def _between(uniform: Tensor, bounds: tuple[float, float]) -> Tensor:
    """Evenly distributed logarithms between those of two bounds."""
    low, high = map(math.log, bounds)
    return torch.exp(low + uniform * (high - low))
