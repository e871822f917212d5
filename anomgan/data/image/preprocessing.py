"""Decoded pictures brought to one size, number of channels and depth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomgan.data.image.image import BrokenPictureError, Header, Pixels
from anomgan.data.image.tiling import Tiling

SIZES = 8, 256
"""Smallest and largest side of the square that pictures are brought to."""

USUAL_SIZE = 64
"""The side chosen for pictures that aren't smaller: what a CPU can still learn from."""

GRAY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Share of red, green and blue in brightness (ITU-R BT.601)."""


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


def resized(pixels: Pixels, height: int, width: int) -> Pixels:
    """Bring a picture to a size, linearly and without aliasing, whatever its aspect was."""
    import PIL.Image

    if pixels.shape[:2] == (height, width):
        return pixels
    filter_, size = PIL.Image.Resampling.BILINEAR, (width, height)
    if pixels.dtype == np.uint8 and pixels.shape[2] in (1, 3):
        image = PIL.Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        return np.asarray(image.resize(size, filter_)).reshape(height, width, -1)
    planes = np.moveaxis(pixels.astype(np.float32), 2, 0)
    small = [np.asarray(PIL.Image.fromarray(plane).resize(size, filter_)) for plane in planes]
    return _rounded(np.stack(small, -1), pixels.dtype)


def with_channels(pixels: Pixels, channels: int) -> tuple[Pixels, list[str]]:
    """Bring a picture to a number of channels; gray and RGB can be made of each other.

    Raises:
        BrokenPictureError: If that can't be.
    """
    own = pixels.shape[2]
    if own == channels:
        return pixels, []
    if (own, channels) == (1, 3):
        return np.repeat(pixels, 3, axis=2), ["gray pictures: taken as RGB, as the model's are"]
    if (own, channels) == (3, 1):
        gray = _rounded(pixels.astype(np.float32) @ GRAY, pixels.dtype)
        return gray[..., None], ["colour pictures: turned to gray, as the model's are"]
    raise BrokenPictureError(f"has {own} channels; the model's pictures have {channels}")


def with_depth(pixels: Pixels, depth: str) -> tuple[Pixels, list[str]]:
    """Bring a picture to a depth; 8 and 16 bits can be made of each other.

    Raises:
        BrokenPictureError: If that can't be.
    """
    own = pixels.dtype.name
    if own == depth:
        return pixels, []
    if (own, depth) == ("uint8", "uint16"):
        return pixels.astype(np.uint16) * 257, ["pictures of 8 bits: taken as 16, as the model's"]
    if (own, depth) == ("uint16", "uint8"):
        narrow = _rounded(pixels.astype(np.float32) / 257, np.dtype(np.uint8))
        return narrow, ["pictures of 16 bits: reduced to 8, as the model's"]
    raise BrokenPictureError(f"holds {own} values; the model's pictures hold {depth}: convert it")


def _rounded(pixels: NDArray[np.floating[Any]], depth: np.dtype[Any]) -> Pixels:
    """Real numbers as values of a depth."""
    if depth.kind == "f":
        return pixels.astype(depth, copy=False)
    whole: Pixels = np.rint(pixels).clip(0, np.iinfo(depth).max).astype(depth)
    return whole
