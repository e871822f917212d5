"""Self-supervision: a network is to tell what was done to a picture.

Whoever can tell how a normal picture is turned, shifted and blurred by noise has learnt what normal
pictures look like, and is at a loss with others.  Gidaris et al., "Unsupervised representation
learning by predicting image rotations", 2018; Golan & El-Yaniv, "Deep anomaly detection using
geometric transformations", 2018; in a GAN's critic Chen et al., "Self-supervised GANs via auxiliary
rotation loss", 2019.
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
"""What is done to a picture, one of each family at a time."""

SHIFT_DIVISOR = 8
"""A shift is this part of a side; what comes in from outside mirrors what is inside."""

NOISE_LEVELS = (0.0, 0.1, 0.3)
"""Standard deviations of noise, on pixels in [-1, 1]."""

Grid = tuple[int, int, int]
FeatureMap = Callable[[Tensor], Tensor]


def count_transforms(grid: Grid) -> tuple[int, int, int]:
    """How many transforms each family has; pictures that aren't square can't lie on their side."""
    return 4 if grid[1] == grid[2] else 2, 5, len(NOISE_LEVELS)


class Pretext(nn.Module):
    """Heads that tell, from a critic's coarsest map, what was done to a picture."""

    def __init__(self, grid: Grid, members: int, inputs: int, hidden: int) -> None:
        """Make M heads.

        Args:
            grid: Channels, height and width of the pictures.
            members: How many, M.
            inputs: Numbers in the map.
            hidden: Units between.
        """
        super().__init__()
        self.grid, self.counts = grid, count_transforms(grid)
        self.hidden = MemberLinear(members, inputs, hidden, LEAKY_GAIN)
        self.head = MemberLinear(members, hidden, sum(self.counts))

    def forward(self, critic: FeatureMap, x: Tensor, made: Tensor, noise: Tensor) -> Tensor:
        """How surprising what is done to pictures is, ``(M, n, families)``: −log p of it, in nats.

        Args:
            critic: From records to its coarsest map, ``(M, n, inputs)``.
            x: Pictures, and their conditions after them, ``(M, n, *shape)``.
            made: Number of the transform in each family, ``(M, n, families)`` or expandable.
            noise: N(0, 1), ``(M, n, C·H·W)`` or expandable.
        """
        at = math.prod(self.grid)
        made = made.expand(*x.shape[:2], -1)
        done = transform_images(x[..., :at], self.grid, made, noise)
        seen = critic(torch.cat([done, x[..., at:]], -1))
        logits = self.head(leaky_relu(self.hidden(seen), LEAKY_SLOPE)).split(self.counts, -1)
        log_p = [own.log_softmax(-1) for own in logits]
        told = [own.gather(-1, made[..., [f]])[..., 0] for f, own in enumerate(log_p)]
        return -torch.stack(told, -1)

    def loss(self, critic: FeatureMap, x: Tensor, drawn: Tensor, noise: Tensor) -> Tensor:
        """What critics and heads minimise, ``(M,)``, given ``(M, n, families)`` from U(0, 1)."""
        counts = torch.tensor(self.counts, device=x.device)
        losses: Tensor = self(critic, x, (drawn * counts).long(), noise)
        return losses.sum(-1).mean(-1)

    def compute_nll(self, critic: FeatureMap, x: Tensor) -> Tensor:
        """How badly is told what is done to pictures, ``(M, n, families)``, in nats, at least 0.

        For each family the mean over its transforms, each made alone; larger for pictures that are
        unlike those that the critic has learnt from.
        """
        source = torch.Generator().manual_seed(0)  # the same noise for every picture
        noise = torch.randn(math.prod(self.grid), generator=source, dtype=torch.float64).to(x)
        nothing = torch.zeros(len(TRANSFORM_FAMILIES), dtype=torch.long, device=x.device)
        untouched = self(critic, x, nothing, noise)
        found = []
        for family, count in enumerate(self.counts):
            total = untouched[..., family]
            for number in range(1, count):
                made = nothing.clone()
                made[family] = number
                total = total + self(critic, x, made, noise)[..., family]
            found.append(total / count)
        return torch.stack(found, -1)


def transform_images(x: Tensor, grid: Grid, made: Tensor, noise: Tensor) -> Tensor:
    """Pictures turned, shifted and made noisy, ``(M, n, C·H·W)`` to the same.

    Args:
        x: Pictures.
        grid: Their channels, height and width.
        made: Number of the transform in each family, ``(M, n, families)`` or expandable.
        noise: N(0, 1), ``(M, n, C·H·W)`` or expandable.
    """
    rotation, translation, level = made.unbind(-1)
    source = _sources(grid).to(x.device)[rotation, translation]
    split = x.reshape(*x.shape[:2], grid[0], -1)
    moved = split.gather(-1, source[:, :, None].expand_as(split)).reshape(x.shape)
    sigma = torch.tensor(NOISE_LEVELS, dtype=x.dtype, device=x.device)[level]
    return moved + sigma[..., None] * noise


@lru_cache(maxsize=4)
def _sources(grid: Grid) -> Tensor:
    """From which place each pixel comes, by rotation and translation, ``(R, T, H·W)``."""
    _, height, width = grid
    places = torch.arange(height * width).reshape(height, width)
    down, across = max(1, height // SHIFT_DIVISOR), max(1, width // SHIFT_DIVISOR)
    shifts = [(0, 0), (down, 0), (-down, 0), (0, across), (0, -across)]
    quarters = [0, 1, 2, 3] if height == width else [0, 2]
    turned = [torch.rot90(places, quarter) for quarter in quarters]
    return torch.stack(
        [torch.stack([_shifted(each, shift).flatten() for shift in shifts]) for each in turned]
    )


def _shifted(places: Tensor, shift: tuple[int, int]) -> Tensor:
    """Moved down and to the right, mirrored at the edge, ``(H, W)``."""
    (height, width), (down, across) = places.shape, shift
    far = max(abs(down), abs(across))
    wide = pad(places[None].double(), (far, far, far, far), mode="reflect")[0].long()
    return wide[far - down : far - down + height, far - across : far - across + width]
