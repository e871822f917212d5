"""Progressive growing: networks that learn coarse pictures first, then finer and finer ones.

Karras et al., "Progressive growing of GANs for improved quality, stability, and variation", 2018.
There every size has convolutions of its own from and to pictures, which are thrown away later.
Here the first halving and the last convolution serve all sizes: what lies between them is left out
at first, and channels are repeated or averaged to make ends meet.  So growing needs no weights of
its own: grown networks are those that never grew, and so are their files.

Records keep their full size throughout; a coarse picture is one without detail.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from anomgan.config import Config
from anomgan.nets.conv import Size, halve_sizes

MIN_GROWING_SIDE = 128
"""Longer side in pixels from which on pictures are grown into unless a setting says otherwise."""

GROWING_SHARE = 0.6
"""Share of the training after which networks are grown up."""


class Growing(nn.Module):
    """What a network needs that grows.

    Attributes:
        levels: Doublings of the picture that may be left out; 0 for networks that don't grow.
        missing: How many are.  Of 1.3 the first is left out, and the next has a weight of 0.7:
            it is being faded in.  Counts while training only.
    """

    levels: int = 0
    missing: float = 0.0

    @property
    def gap(self) -> tuple[int, float]:
        """Levels that are left out, and the weight of leaving out one more."""
        missing = self.missing if self.training else 0.0
        return int(missing), missing - int(missing)


def count_levels(config: Config, side: Size) -> int:
    """Doublings that networks of pictures grow by; the first size has a side of about eight."""
    grows = config.growing == "on" or (config.growing == "auto" and max(side) >= MIN_GROWING_SIDE)
    return len(halve_sizes(*side)) - 2 if grows else 0


def grow(network: nn.Module, progress: float) -> float:
    """Let all parts of networks grow as far as they ought to; gives the levels still missing.

    Each level is trained for as long as it takes to fade the next one in.

    Args:
        network: Changed in place.
        progress: Which share of the training is over, in [0, 1].
    """
    missing = 0.0
    for part in network.modules():
        if isinstance(part, Growing) and part.levels:
            level, over = divmod(part.levels * min(1.0, progress / GROWING_SHARE), 1)
            part.missing = missing = part.levels - level - max(0.0, 2 * over - 1)
    return missing


def remove_detail(x: Tensor, missing: float) -> Tensor:
    """Pictures ``(n, C, H, W)`` without the detail that is missing, in their size."""
    ladder, level, share = halve_sizes(x.shape[2], x.shape[3]), int(missing), missing - int(missing)
    if not missing:
        return x
    fine = upsample(downsample(x, ladder[level]), ladder[0])
    if not share:
        return fine
    return torch.lerp(fine, upsample(downsample(x, ladder[level + 1]), ladder[0]), share)


def downsample(x: Tensor, size: Size) -> Tensor:
    """Pictures ``(n, C, H, W)`` averaged to a smaller size."""
    return x if x.shape[2:] == size else adaptive_avg_pool2d(x, size)


def upsample(x: Tensor, size: Size) -> Tensor:
    """Pictures ``(n, C, h, w)`` in a larger size, each pixel repeated."""
    return x if x.shape[2:] == size else interpolate(x, size)


def match_channels(x: Tensor, members: int, channels: int) -> Tensor:
    """Other channels for each member, ``(n, M·C, h, w) -> (n, M·channels, h, w)``.

    More of them are repeats; fewer are means of neighbours, of which independent ones keep their
    variance.
    """
    n, wide, height, width = x.shape
    if wide == members * channels:
        return x
    split = x.reshape(n * members, wide // members, height * width)
    made = adaptive_avg_pool2d(split, (channels, height * width))
    scale = math.sqrt(max(1.0, wide / (members * channels)))
    return scale * made.reshape(n, members * channels, height, width)
