"""Histograms of oriented gradients of images.

Shapes differ less in single pixels, which a small shift exchanges, than in the edges of each part.
Dalal & Triggs, "Histograms of oriented gradients for human detection", 2005; the square root is
that of Arandjelović & Zisserman, "Three things everyone should know", 2012.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, pad, relu

ROOT_FLOOR = 1e-4
"""Added under the square root; bounds its derivative where the image is constant."""


def compute_gradients(x: Tensor, directions: int) -> Tensor:
    """Rectified gradients in evenly spaced directions, ``(n, C, H, W) -> (n, directions, H, W)``.

    Images are smoothed first, over 3 × 3 pixels; channels are averaged afterwards, so that an edge
    between colours of equal brightness counts.
    """
    wide = pad(x, (2, 2, 2, 2), mode="replicate")
    smooth = avg_pool2d(wide, 3, 1)
    across = (smooth[..., 1:-1, 2:] - smooth[..., 1:-1, :-2]) / 2
    down = (smooth[..., 2:, 1:-1] - smooth[..., :-2, 1:-1]) / 2
    angles = [2 * math.pi * step / directions for step in range(directions)]
    return torch.stack([relu(math.cos(a) * across + math.sin(a) * down).mean(1) for a in angles], 1)


def pool_cells(x: Tensor, side: int) -> Tensor:
    """Average over ``side × side`` half-overlapping cells, ``(n, C, H, W) -> (n, C·side²)``.

    A shift by less than a cell then changes little.
    """
    if side == 1:
        return x.mean((-2, -1))
    return avg_pool2d(adaptive_avg_pool2d(x, side + 1), 2, 1).flatten(1)


def safe_sqrt(x: Tensor) -> Tensor:
    """Square root of values ≥ 0, which raises faint edges."""
    return (x + ROOT_FLOOR).sqrt()
