"""What training pictures have in common, by their headers: size, channels, depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from anomgan.data.image.image import Header
from anomgan.data.image.tiling import Tiling

SIZES = 8, 256
"""Smallest and largest side of the square that pictures are brought to."""

USUAL_SIZE = 64
"""The side chosen for pictures that aren't smaller: what a CPU can still learn from."""


def usual_side(heads: Sequence[Header], tiles: int) -> int:
    """The median of the longer sides, or a tile's, as far as networks of a usual size manage it."""
    median = float(np.median([max(head.height, head.width) for head in heads]))
    return min(max(round(median * Tiling(1000, tiles).share), SIZES[0]), USUAL_SIZE)


def common_channels(heads: Sequence[Header]) -> int:
    """Gray if all are; RGB if all are gray or RGB; otherwise what most have."""
    counts = Counter(head.channels for head in heads)
    if counts.keys() <= {1, 3}:
        return max(counts)
    return counts.most_common(1)[0][0]


def deepest(heads: Sequence[Header]) -> str:
    """The deeper of the whole-number depths, unless most pictures hold real numbers."""
    counts = Counter(head.depth for head in heads)
    if 2 * counts["float32"] > len(heads):
        return "float32"
    return "uint16" if counts["uint16"] else "uint8"


def sizes(heads: Sequence[Header]) -> str:
    """The sizes of pictures for people."""
    shapes = sorted({(head.height, head.width) for head in heads}, key=lambda s: (s[0] * s[1], s))
    if len(shapes) == 1:
        return "{}×{}".format(*shapes[0])
    (low, wide), (high, wider) = shapes[0], shapes[-1]
    return f"{len(shapes)} sizes between {low}×{wide} and {high}×{wider}"
