"""Oriented gradients: how much each part of a picture changes in which direction.

What tells a shape from another is less its pixels, which a shift by one exchanges, than which edges
run where.  Dalal & Triggs, "Histograms of oriented gradients for human detection", 2005; the square
root is that of Arandjelović & Zisserman, "Three things everyone should know", 2012.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, pad, relu

ROOT_FLOOR = 1e-4
"""Keeps the slope of the square root finite where nothing changes."""


def compute_gradients(x: Tensor, directions: int) -> Tensor:
    """Growth of brightness in evenly spaced directions, ``(n, C, H, W) -> (n, directions, H, W)``.

    Noise is smoothed away first, over 3 × 3 pixels; channels are averaged afterwards, so that an
    edge between colours of one brightness counts.
    """
    wide = pad(x, (2, 2, 2, 2), mode="replicate")
    smooth = avg_pool2d(wide, 3, 1)
    across = (smooth[..., 1:-1, 2:] - smooth[..., 1:-1, :-2]) / 2
    down = (smooth[..., 2:, 1:-1] - smooth[..., :-2, 1:-1]) / 2
    turns = [2 * math.pi * step / directions for step in range(directions)]
    return torch.stack([relu(math.cos(a) * across + math.sin(a) * down).mean(1) for a in turns], 1)


def pool_cells(x: Tensor, side: int) -> Tensor:
    """Means over ``side × side`` cells, each overlapping half of its neighbours: ``(n, C·side²)``.

    A shift by less than a cell then changes little.
    """
    if side == 1:
        return x.mean((-2, -1))
    return avg_pool2d(adaptive_avg_pool2d(x, side + 1), 2, 1).flatten(1)


def safe_sqrt(x: Tensor) -> Tensor:
    """Square roots of what is at least 0: faint edges count, too."""
    return (x + ROOT_FLOOR).sqrt()
