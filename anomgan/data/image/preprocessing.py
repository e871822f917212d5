"""Choose a size, number of channels and depth for pictures, and convert them to these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomgan.data.image.picture import BrokenPictureError, Header, Pixels
from anomgan.data.image.tiling import Tiling

SIDE_LIMITS = 8, 512
"""Smallest and largest side of the square that pictures are resized to."""

MAX_NETWORK_SIDE = 256
"""Largest side of the pictures that GANs are trained on."""

MAX_DEFAULT_SIDE = 64
"""Largest side that is chosen by default; larger ones take too long to train on a CPU."""

_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue in luminance (ITU-R BT.601)."""


DETAILED_NETWORK_SIDE = 32
"""Side to which pictures are reduced for GANs where a backbone looks at all pixels."""

MAX_DETAILED_SIDE = 256
"""Largest side that is chosen by default where a backbone looks at the pictures."""


def choose_side(headers: Sequence[Header], tiles: int, *, detailed: bool = False) -> int:
    """The median of the longer sides, or that of a tile, within the limits of a default side."""
    largest = MAX_DETAILED_SIDE if detailed else MAX_DEFAULT_SIDE
    median = float(np.median([max(header.height, header.width) for header in headers]))
    return min(max(round(median * Tiling(1000, tiles).share), SIDE_LIMITS[0]), largest)


def choose_channels(headers: Sequence[Header]) -> int:
    """1 if all are gray; 3 if all are gray or RGB; otherwise the most frequent number."""
    counts = Counter(header.channels for header in headers)
    if counts.keys() <= {1, 3}:
        return max(counts)
    return counts.most_common(1)[0][0]


def choose_depth(headers: Sequence[Header]) -> str:
    """The deeper of the integer depths, unless more than half of the pictures are float32."""
    counts = Counter(header.depth for header in headers)
    if 2 * counts["float32"] > len(headers):
        return "float32"
    return "uint16" if counts["uint16"] else "uint8"


def describe_sizes(headers: Sequence[Header]) -> str:
    """The sizes of pictures, or the range of these, as text."""
    distinct = {(header.height, header.width) for header in headers}
    shapes = sorted(distinct, key=lambda shape: (shape[0] * shape[1], shape))
    if len(shapes) == 1:
        return "{}×{}".format(*shapes[0])
    (low, wide), (high, wider) = shapes[0], shapes[-1]
    return f"{len(shapes)} sizes between {low}×{wide} and {high}×{wider}"


def resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Resize a picture, bilinearly with antialiasing, ignoring its aspect."""
    import PIL.Image

    if pixels.shape[:2] == (height, width):
        return pixels
    filter_, size = PIL.Image.Resampling.BILINEAR, (width, height)
    if pixels.dtype == np.uint8 and pixels.shape[2] in (1, 3):
        image = PIL.Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        return np.asarray(image.resize(size, filter_)).reshape(height, width, -1)
    planes = np.moveaxis(pixels.astype(np.float32), 2, 0)
    scaled = [np.asarray(PIL.Image.fromarray(plane).resize(size, filter_)) for plane in planes]
    return _round_to(np.stack(scaled, -1), pixels.dtype)


def convert_channels(pixels: Pixels, channels: int) -> tuple[Pixels, list[str]]:
    """Convert a picture between gray and RGB.

    Returns:
        The picture, and what was done for :class:`ParseReport`.

    Raises:
        BrokenPictureError: If either number of channels is another one.
    """
    given = pixels.shape[2]
    if given == channels:
        return pixels, []
    if (given, channels) == (1, 3):
        return np.repeat(pixels, 3, axis=2), ["gray pictures: taken as RGB, as the model's are"]
    if (given, channels) == (3, 1):
        gray = _round_to(pixels.astype(np.float32) @ _LUMINANCE, pixels.dtype)
        return gray[..., None], ["colour pictures: turned to gray, as the model's are"]
    raise BrokenPictureError(f"has {given} channels; the model's pictures have {channels}")


def convert_depth(pixels: Pixels, depth: str) -> tuple[Pixels, list[str]]:
    """Convert a picture between 8 and 16 bits.

    Returns:
        The picture, and what was done for :class:`ParseReport`.

    Raises:
        BrokenPictureError: If either depth is another one.
    """
    given = pixels.dtype.name
    if given == depth:
        return pixels, []
    if (given, depth) == ("uint8", "uint16"):
        return pixels.astype(np.uint16) * 257, ["pictures of 8 bits: taken as 16, as the model's"]
    if (given, depth) == ("uint16", "uint8"):
        narrow = _round_to(pixels.astype(np.float32) / 257, np.dtype(np.uint8))
        return narrow, ["pictures of 16 bits: reduced to 8, as the model's"]
    raise BrokenPictureError(f"holds {given} values; the model's pictures hold {depth}: convert it")


def _round_to(pixels: NDArray[np.floating[Any]], depth: np.dtype[Any]) -> Pixels:
    """Convert real numbers to a depth, rounded and clipped if it is an integer type."""
    if depth.kind == "f":
        return pixels.astype(depth, copy=False)
    integers: Pixels = np.rint(pixels).clip(0, np.iinfo(depth).max).astype(depth)
    return integers
