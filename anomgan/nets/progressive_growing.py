"""Progressive growing: networks learn coarse images first, then finer ones.

Karras et al., "Progressive growing of GANs for improved quality, stability, and variation", 2018.
In the paper every size has its own convolutions from and to images, which are discarded later.
Here the first halving and the last convolution serve all sizes: the layers between are skipped at
first, and channels are repeated or averaged to fit.  So growing adds no weights, and networks that
have grown have the same weights and files as networks that never grew.

Records keep their full size throughout; a coarse image is one without detail.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from anomgan.config import Config
from anomgan.nets.conv import Size, halve_sizes

MIN_GROWING_SIDE = 128
"""Longer side in pixels from which networks grow by default."""

GROWING_SHARE = 0.6
"""Share of the training after which networks have their full size."""


class Growing(nn.Module):
    """Base class of networks that grow.

    Attributes:
        levels: Doublings of the image that can be skipped; 0 for networks that don't grow.
        missing: How many are skipped.  With 1.3 the first is skipped and the second has a weight of
            0.7, as it is faded in.  Training mode only.
    """

    levels: int = 0
    missing: float = 0.0

    @property
    def gap(self) -> tuple[int, float]:
        """Number of skipped levels, and the weight of skipping one more."""
        missing = self.missing if self.training else 0.0
        return int(missing), missing - int(missing)


def count_levels(config: Config, side: Size) -> int:
    """Count the doublings that networks grow by; the first size has a side of about eight."""
    grows = config.growing == "on" or (config.growing == "auto" and max(side) >= MIN_GROWING_SIDE)
    return len(halve_sizes(*side)) - 2 if grows else 0


def grow(network: nn.Module, progress: float) -> float:
    """Grow all parts of a network.

    Each level is trained for as long as it takes to fade the next one in.

    Args:
        network: Changed in place.
        progress: Fraction of the training that is done, in [0, 1].

    Returns:
        The number of levels still missing.
    """
    missing = 0.0
    for part in network.modules():
        if isinstance(part, Growing) and part.levels:
            level, fraction = divmod(part.levels * min(1.0, progress / GROWING_SHARE), 1)
            part.missing = missing = part.levels - level - max(0.0, 2 * fraction - 1)
    return missing


def remove_detail(x: Tensor, missing: float) -> Tensor:
    """Remove the detail of missing levels from images ``(n, C, H, W)``; their size stays."""
    if not missing:
        return x
    sizes, level, weight = halve_sizes(x.shape[2], x.shape[3]), int(missing), missing % 1
    fine = upsample(downsample(x, sizes[level]), sizes[0])
    if not weight:
        return fine
    return torch.lerp(fine, upsample(downsample(x, sizes[level + 1]), sizes[0]), weight)


def downsample(x: Tensor, size: Size) -> Tensor:
    """Average images ``(n, C, H, W)`` to a smaller size."""
    return x if x.shape[2:] == size else adaptive_avg_pool2d(x, size)


def upsample(x: Tensor, size: Size) -> Tensor:
    """Repeat the pixels of images ``(n, C, h, w)`` to a larger size."""
    return x if x.shape[2:] == size else interpolate(x, size)


def match_channels(x: Tensor, members: int, channels: int) -> Tensor:
    """Repeat or average each member's channels, ``(n, M·C, h, w) -> (n, M·channels, h, w)``.

    Averages are scaled so that those of independent channels keep the variance.
    """
    n, given, height, width = x.shape
    if given == members * channels:
        return x
    split = x.reshape(n * members, given // members, height * width)
    pooled = adaptive_avg_pool2d(split, (channels, height * width))
    scale = math.sqrt(max(1.0, given / (members * channels)))
    return scale * pooled.reshape(n, members * channels, height, width)
