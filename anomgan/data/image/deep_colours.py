"""Decode colours of 16 bits, of which Pillow keeps the upper eight.

Pillow has no mode for them, but decoders of both byte orders: that of the file's order yields the
upper bytes, the other one the lower.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

_DEEP_MODES = ("RGB;16", "RGBA;16", "RGBX;16")
_BANDS = ("R", "G", "B", "A")

_NATIVE, _BITS_PER_SAMPLE, _PLANES = sys.byteorder[0].upper(), 258, 284
"""The byte order of this machine, and TIFF's tags of sample sizes and separate planes."""


def raw_mode(image: Image) -> str:
    """How the file stores pixels, in Pillow's words, such as ``RGB;16B``; "" if unknown."""
    args = image.tile[0].args if getattr(image, "tile", None) else ""  # type: ignore[attr-defined]
    mode = args if isinstance(args, str) else next(iter(args or ()), "")
    if mode in _BANDS and set(getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, ())) == {16}:
        return f"{image.mode};16{'B' if image.tag_v2.prefix == b'MM' else 'L'}"  # type: ignore[attr-defined]
    return mode if isinstance(mode, str) else ""


def has_deep_colours(image: Image) -> bool:
    """Whether all 16 bits of an image's colours can be decoded; it mustn't be loaded yet."""
    if image.mode not in ("RGB", "RGBA") or raw_mode(image)[:-1] not in _DEEP_MODES:
        return False
    separate = getattr(image, "tag_v2", {}).get(_PLANES) == 2
    return not (separate and image.tile[0].codec_name == "libtiff")  # type: ignore[attr-defined]


def loses_bits(image: Image) -> bool:
    """Whether Pillow would keep eight bits of more; the image mustn't be loaded yet."""
    return image.mode in ("L", "LA", "RGB", "RGBA", "CMYK") and ";16" in raw_mode(image)


def load_deep_colours(
    open_image: Callable[[], AbstractContextManager[Image]], finish: Callable[[Image], Image]
) -> NDArray[np.uint16]:
    """Decode an image's colours.

    Args:
        open_image: Opens the image; called twice.
        finish: What is done to each half, such as turning it.

    Returns:
        ``(H, W, C)`` with 3 or 4 channels.
    """
    halves: list[NDArray[np.uint16]] = []
    for upper in (True, False):
        with open_image() as image:
            mode = raw_mode(image)
            image.tile = [  # type: ignore[attr-defined]
                tile._replace(args=_with_order(tile.args, mode, upper=upper))
                for tile in image.tile  # type: ignore[attr-defined]
            ]
            image.load()
            halves.append(np.asarray(finish(image)).astype(np.uint16))
    upper_bytes, lower_bytes = halves
    return (upper_bytes * np.uint16(256)) + lower_bytes


def _with_order(args: Any, mode: str, *, upper: bool) -> Any:
    """A decoder's arguments, with the raw mode that yields the upper or the lower bytes."""
    old = args if isinstance(args, str) else args[0]
    order = _NATIVE if mode[-1] == "N" else mode[-1]
    if not upper:
        order = {"L": "B", "B": "L"}[order]
    base = old if old in _BANDS else mode.partition(";")[0]
    new = f"{base};16{order}"
    return new if isinstance(args, str) else (new, *args[1:])
