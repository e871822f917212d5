"""Draw anomaly maps over images, and grids of images, as PNG files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
"""RGB images of 8 bits, (…, H, W, 3)."""

SOFTWARE = "anomgan heatmaps"
"""Written into each file as PNG's ``Software``, by which :func:`is_drawn` knows it."""

PANEL = 256
"""Pixels of the longer side to which small images are enlarged; large ones keep twice that."""

GAP = 4
"""White pixels between images."""

MIN_HEAT, MAX_HEAT = 0.8, 1.6
"""Values of an anomaly map where the colours begin and end; 0 is usual on normal images, and one in
a hundred of their pixels is above 1."""


def to_rgb(pictures: NDArray[Any], like: NDArray[Any] | None = None) -> Bytes:
    """Convert images of any type, (n, H, W) or (n, H, W, C), to RGB of 8 bits, (n, H, W, 3).

    Of two channels, or more than three, the mean is shown.

    Args:
        pictures: The images.  What isn't of 8 bits is scaled so that a range becomes 0 to 255.
        like: Images of the same type that have this range; by default those that are converted.
    """
    if pictures.dtype != np.uint8:
        ranged = pictures if like is None or like.dtype != pictures.dtype else like
        low, high = float(ranged.min()), float(ranged.max())
        pictures = ((pictures - low) * (255 / max(high - low, 1e-12))).clip(0, 255)
    deep = pictures if pictures.ndim == 4 else pictures[..., None]
    if deep.shape[-1] not in (1, 3):
        deep = deep.mean(-1, keepdims=True)
    return np.asarray(np.broadcast_to(deep, (*deep.shape[:3], 3)), np.uint8)


def overlay(picture: Bytes, anomaly_map: NDArray[np.floating[Any]]) -> Bytes:
    """An image in gray under its anomaly map, in colours that mean the same on every image.

    Args:
        picture: (H, W, 3).
        anomaly_map: (H, W), larger is more abnormal.
    """
    from matplotlib import colormaps

    heat = ((anomaly_map - MIN_HEAT) / (MAX_HEAT - MIN_HEAT)).clip(0, 1)
    colours = 255 * colormaps["inferno"](heat)[..., :3]
    gray = picture.mean(-1, keepdims=True)
    opacity = np.minimum(0.25 + heat[..., None], 0.8)
    return np.asarray(np.rint((1 - opacity) * gray + opacity * colours), np.uint8)


def png_triptych(
    picture: Bytes, reconstruction: Bytes | None, anomaly_map: NDArray[np.floating[Any]]
) -> bytes:
    """A PNG: an image, its reconstruction, and the anomaly map over the image, side by side.

    Small images are enlarged until their pixels can be seen, and large ones reduced.

    Args:
        picture: In its original size, (h, w, 3).
        reconstruction: In the model's size, (H, W, 3); None leaves it out.
        anomaly_map: (H, W).
    """
    import PIL.Image

    height, width = picture.shape[:2]
    times = max(1, -(-PANEL // max(height, width)))
    share = times if times > 1 else min(1, 2 * PANEL / max(height, width))
    size = max(1, round(share * width)), max(1, round(share * height))
    smooth = PIL.Image.Resampling.BILINEAR
    sharp = PIL.Image.Resampling.NEAREST if times > 1 else smooth
    large = [
        np.asarray(PIL.Image.fromarray(each).resize(size, sharp))
        for each in (picture, reconstruction)
        if each is not None
    ]
    heat = np.asarray(PIL.Image.fromarray(anomaly_map.astype(np.float32)).resize(size, smooth))
    panels = [*large, overlay(large[0], heat)]
    return png_grid(panels, len(panels))


def png_grid(pictures: Sequence[Bytes] | Bytes, columns: int) -> bytes:
    """A PNG of images of one size, (H, W, 3) each, row by row."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for at, picture in enumerate(pictures):
        top, left = at // columns * (height + GAP), at % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = picture
    return _encode(sheet)


def png_image(picture: NDArray[Any]) -> bytes:
    """A PNG of one image, (H, W) or (H, W, C): gray of 8 or 16 bits as it is, others as RGB.

    Of colours of 16 bits the upper eight are kept, which is all that Pillow writes.  Real numbers
    are scaled as by :func:`to_rgb`.
    """
    flat = picture[..., 0] if picture.ndim == 3 and picture.shape[-1] == 1 else picture
    if flat.ndim == 2 and flat.dtype in (np.uint8, np.uint16):
        return _encode(flat)
    if flat.dtype == np.uint16:
        flat = (flat >> 8).astype(np.uint8)
    return _encode(to_rgb(flat[None])[0])


def _encode(picture: NDArray[Any]) -> bytes:
    """Write an image as a PNG that :func:`is_drawn` recognises."""
    import PIL.Image
    from PIL.PngImagePlugin import PngInfo

    info, file = PngInfo(), io.BytesIO()
    info.add_text("Software", SOFTWARE)
    PIL.Image.fromarray(picture).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def is_drawn(path: Path) -> bool:
    """Whether a file was drawn here, so that a later drawing may replace it."""
    try:
        with path.open("rb") as file:
            return SOFTWARE.encode() in file.read(256)
    except OSError:
        return False
