"""Decoded pictures brought to one size, number of channels and depth."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomgan.data.image.image import BrokenPictureError, Pixels

GRAY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Share of red, green and blue in brightness (ITU-R BT.601)."""


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
