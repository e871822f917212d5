"""Drawing pictures: where one is abnormal, and grids of many; PNG files, without matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
"""Pictures to look at: RGB, (…, H, W, 3)."""

MARK = "anomgan heatmaps"
"""Written into each file, in PNG's own way of saying what made it."""

PANEL = 256
"""Pixels of the longer side to which small pictures are enlarged; large ones keep twice that."""

GAP = 4
"""White pixels between pictures."""

COLD, HOT = 0.8, 1.6
"""Heights of an anomaly map where the colours begin and end; 0 is usual on normal pictures, and one
in a hundred of their places is above 1."""

STOPS = (0.0, 0.25, 0.5, 0.75, 1.0)
HEAT = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))
"""Colours from usual to abnormal, of evenly rising brightness."""


def shown(pictures: NDArray[Any]) -> Bytes:
    """Pictures of any type, (n, H, W) or (n, H, W, C), as RGB of 8 bits, (n, H, W, 3).

    Real numbers are stretched from the smallest to the largest of these pictures.  Of two channels,
    or more than three, the mean is shown.
    """
    if pictures.dtype == np.uint16:
        pictures = pictures >> 8
    elif pictures.dtype != np.uint8:
        low, high = float(pictures.min()), float(pictures.max())
        pictures = (pictures - low) * (255 / max(high - low, 1e-12))
    deep = pictures if pictures.ndim == 4 else pictures[..., None]
    if deep.shape[-1] not in (1, 3):
        deep = deep.mean(-1, keepdims=True)
    return np.asarray(np.broadcast_to(deep, (*deep.shape[:3], 3)), np.uint8)


def overlay(picture: Bytes, places: NDArray[np.floating[Any]]) -> Bytes:
    """A picture in gray under its map, in colours that mean the same on every picture.

    Args:
        picture: (H, W, 3).
        places: Its anomaly map, (H, W).
    """
    heat = ((places - COLD) / (HOT - COLD)).clip(0, 1)
    ramps = [np.interp(heat, STOPS, channel) for channel in zip(*HEAT, strict=True)]
    gray = picture.mean(-1, keepdims=True)
    share = np.minimum(0.25 + heat[..., None], 0.8)
    return np.asarray(np.rint((1 - share) * gray + share * np.stack(ramps, -1)), np.uint8)


def triptych(picture: Bytes, nearest: Bytes, places: NDArray[np.floating[Any]]) -> bytes:
    """A PNG: a picture, the nearest normal one, and the map over the picture, side by side.

    Small pictures are enlarged until their pixels can be seen, and large ones reduced.

    Args:
        picture: As it came, (h, w, 3).
        nearest: As the model sees it, (H, W, 3).
        places: The anomaly map, (H, W).
    """
    import PIL.Image

    height, width = picture.shape[:2]
    times = max(1, -(-PANEL // max(height, width)))
    share = times if times > 1 else min(1, 2 * PANEL / max(height, width))
    size = max(1, round(share * width)), max(1, round(share * height))
    smooth = PIL.Image.Resampling.BILINEAR
    sharp = PIL.Image.Resampling.NEAREST if times > 1 else smooth
    large = [
        np.asarray(PIL.Image.fromarray(each).resize(size, sharp)) for each in (picture, nearest)
    ]
    heat = np.asarray(PIL.Image.fromarray(places.astype(np.float32)).resize(size, smooth))
    return grid([*large, overlay(large[0], heat)], 3)


def grid(pictures: Sequence[Bytes] | Bytes, columns: int) -> bytes:
    """A PNG of pictures of one size, (H, W, 3) each, row by row."""
    import PIL.Image
    from PIL.PngImagePlugin import PngInfo

    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for at, picture in enumerate(pictures):
        top, left = at // columns * (height + GAP), at % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = picture
    mark, written = PngInfo(), io.BytesIO()
    mark.add_text("Software", MARK)
    PIL.Image.fromarray(sheet).save(written, "PNG", pnginfo=mark)
    return written.getvalue()


def single(picture: NDArray[Any]) -> bytes:
    """A PNG of one picture, (H, W) or (H, W, C), as deep as it is where PNG can be.

    Real numbers are stretched as by :func:`shown`; colours have 8 bits.
    """
    import PIL.Image
    from PIL.PngImagePlugin import PngInfo

    flat = picture[..., 0] if picture.ndim == 3 and picture.shape[-1] == 1 else picture
    gray = flat.ndim == 2 and flat.dtype in (np.uint8, np.uint16)
    mark, written = PngInfo(), io.BytesIO()
    mark.add_text("Software", MARK)
    PIL.Image.fromarray(flat if gray else shown(picture[None])[0]).save(
        written, "PNG", pnginfo=mark
    )
    return written.getvalue()


def is_drawn(path: Path) -> bool:
    """Whether a file was drawn here, so that a later drawing may replace it."""
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(256)
    except OSError:
        return False
