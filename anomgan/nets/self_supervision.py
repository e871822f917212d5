"""Self-supervision: predict which transforms were applied to an image.

A network that recognises rotations, shifts and noise of normal images has learnt what these look
like, and fails on others.  Gidaris et al., "Unsupervised representation learning by predicting
image rotations", 2018; Golan & El-Yaniv, "Deep anomaly detection using geometric transformations",
2018; for GANs Chen et al., "Self-supervised GANs via auxiliary rotation loss", 2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad

from anomgan.nets.conv import LEAKY_GAIN
from anomgan.nets.layers import MemberLinear
from anomgan.nets.mlp import LEAKY_SLOPE

TRANSFORM_FAMILIES = ("rotation", "translation", "noise")
"""Families of transforms; one transform of each is applied to an image."""

SHIFT_DIVISOR = 8
"""Images are shifted by this fraction (1/8) of a side; the border is reflected."""

NOISE_LEVELS = (0.0, 0.1, 0.3)
"""Standard deviations of noise, on pixels in [-1, 1]."""

Grid = tuple[int, int, int]
Features = Callable[[Tensor], Tensor]


def count_transforms(grid: Grid) -> tuple[int, int, int]:
    """Number of transforms in each family; images that aren't square have no quarter turns."""
    return 4 if grid[1] == grid[2] else 2, 5, len(NOISE_LEVELS)


class Pretext(nn.Module):
    """M heads that predict the transforms from a discriminator's coarsest map."""

    def __init__(self, grid: Grid, members: int, inputs: int, hidden: int) -> None:
        """Build a hidden layer and a linear head.

        Args:
            grid: Channels, height and width of the images.
            members: Number of heads, M.
            inputs: Number of values in the map.
            hidden: Units of the hidden layer.
        """
        super().__init__()
        self.grid, self.counts = grid, count_transforms(grid)
        self.hidden = MemberLinear(members, inputs, hidden, LEAKY_GAIN)
        self.head = MemberLinear(members, hidden, sum(self.counts))

    def forward(self, features: Features, x: Tensor, transforms: Tensor, noise: Tensor) -> Tensor:
        """Cross-entropy of the applied transforms, ``(M, n, families)``, in nats.

        Args:
            features: Maps records to the discriminator's coarsest map, ``(M, n, inputs)``.
            x: Images followed by their conditions, ``(M, n, *shape)``.
            transforms: Index of the transform in each family, ``(M, n, families)`` or expandable.
            noise: N(0, 1), ``(M, n, C·H·W)`` or expandable.
        """
        at = math.prod(self.grid)
        transforms = transforms.expand(*x.shape[:2], -1)
        images = transform_images(x[..., :at], self.grid, transforms, noise)
        hidden = self.hidden(features(torch.cat([images, x[..., at:]], -1)))
        logits = self.head(leaky_relu(hidden, LEAKY_SLOPE)).split(self.counts, -1)
        log_p = [
            family_logits.log_softmax(-1).gather(-1, transforms[..., [f]])[..., 0]
            for f, family_logits in enumerate(logits)
        ]
        return -torch.stack(log_p, -1)

    def loss(self, features: Features, x: Tensor, uniform: Tensor, noise: Tensor) -> Tensor:
        """Loss of discriminators and heads, ``(M,)``; ``uniform``: ``(M, n, families)``."""
        counts = torch.tensor(self.counts, device=x.device)
        losses: Tensor = self(features, x, (uniform * counts).long(), noise)
        return losses.sum(-1).mean(-1)

    def compute_nll(self, features: Features, x: Tensor) -> Tensor:
        """Mean cross-entropy over each family's transforms, ``(M, n, families)``, in nats.

        Each transform is applied alone.  At least 0, larger for images unlike the training images.
        """
        generator = torch.Generator().manual_seed(0)  # the same noise for every image
        noise = torch.randn(math.prod(self.grid), generator=generator, dtype=torch.float64).to(x)
        identity = torch.zeros(len(TRANSFORM_FAMILIES), dtype=torch.long, device=x.device)
        baseline = self(features, x, identity, noise)
        means = []
        for family, count in enumerate(self.counts):
            total = baseline[..., family]
            for index in range(1, count):
                transforms = identity.clone()
                transforms[family] = index
                total = total + self(features, x, transforms, noise)[..., family]
            means.append(total / count)
        return torch.stack(means, -1)


def transform_images(x: Tensor, grid: Grid, transforms: Tensor, noise: Tensor) -> Tensor:
    """Rotate, shift and add noise to images, ``(M, n, C·H·W)``.

    Args:
        x: Images.
        grid: Their channels, height and width.
        transforms: Index of the transform in each family, ``(M, n, families)`` or expandable.
        noise: N(0, 1), ``(M, n, C·H·W)`` or expandable.
    """
    rotation, translation, level = transforms.unbind(-1)
    source = _source_pixels(grid).to(x.device)[rotation, translation]
    split = x.reshape(*x.shape[:2], grid[0], -1)
    images = split.gather(-1, source[:, :, None].expand_as(split)).reshape(x.shape)
    sigma = torch.tensor(NOISE_LEVELS, dtype=x.dtype, device=x.device)[level]
    return images + sigma[..., None] * noise


@lru_cache(maxsize=4)
def _source_pixels(grid: Grid) -> Tensor:
    """Index of each pixel's source, by rotation and translation, ``(R, T, H·W)``."""
    _, height, width = grid
    pixels = torch.arange(height * width).reshape(height, width)
    down, across = max(1, height // SHIFT_DIVISOR), max(1, width // SHIFT_DIVISOR)
    shifts = [(0, 0), (down, 0), (-down, 0), (0, across), (0, -across)]
    quarters = [0, 1, 2, 3] if height == width else [0, 2]
    rotated = [torch.rot90(pixels, quarter) for quarter in quarters]
    return torch.stack(
        [torch.stack([_shift(each, shift).flatten() for shift in shifts]) for each in rotated]
    )


def _shift(pixels: Tensor, shift: tuple[int, int]) -> Tensor:
    """Shift down and to the right, reflecting at the border, ``(H, W)``."""
    (height, width), (down, across) = pixels.shape, shift
    margin = max(abs(down), abs(across))
    padded = pad(pixels[None].double(), [margin] * 4, mode="reflect")[0].long()
    top, left = margin - down, margin - across
    return padded[top : top + height, left : left + width]
