"""Synthetic defects with exact masks, to evaluate anomaly maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

Pictures = NDArray[np.float64]
Masks = NDArray[np.bool_]

MIN_VISIBLE_CHANGE = 0.1
"""Change from which on a pixel belongs to the defect, as a share of the range of all pixels."""

MIN_DEFECT_PIXELS = 4
"""Connected parts of a defect with fewer pixels are undone."""

EIGHT_CONNECTED = np.ones((3, 3))
"""Structuring element: pixels that share a corner are connected."""

TEXTURE_SIDE = 32
"""Height and width of generated textures, in pixels."""


def draw_scratch(picture: Pictures, others: Pictures, rng: np.random.Generator) -> Pictures:
    """Draw a straight line of contrasting brightness."""
    height, width = picture.shape
    row, column = np.mgrid[:height, :width]
    angle, at = rng.uniform(0, np.pi), rng.uniform(0.3, 0.7, 2) * (height, width)
    across = (row - at[0]) * np.cos(angle) - (column - at[1]) * np.sin(angle)
    along = (row - at[0]) * np.sin(angle) + (column - at[1]) * np.cos(angle)
    line = (np.abs(across) < 1) & (np.abs(along) < rng.uniform(0.2, 0.35) * min(height, width))
    return np.asarray(np.where(line, _pick_contrast(picture[line], others), picture))


def draw_blob(picture: Pictures, others: Pictures, rng: np.random.Generator) -> Pictures:
    """Draw a soft spot of contrasting brightness."""
    height, width = picture.shape
    row, column = np.mgrid[:height, :width]
    at, radius = rng.uniform(0.2, 0.8, 2) * (height, width), rng.uniform(0.08, 0.15) * height
    far = np.hypot(row - at[0], column - at[1]) / radius
    share = np.clip(1.5 - far, 0, 1)
    return np.asarray((1 - share) * picture + share * _pick_contrast(picture[far < 1], others))


def erase_patch(picture: Pictures, others: Pictures, rng: np.random.Generator) -> Pictures:
    """Blank a patch: fill it with the brightness of the picture's dark parts (their decile)."""
    height, width = picture.shape
    side = round(0.25 * min(height, width))
    # Likelier where the picture isn't blank already.
    busy = gaussian_filter(np.abs(picture - np.quantile(picture, 0.1)), side / 3)
    busy = busy[: height - side, : width - side]
    chance = (busy / busy.sum()).ravel()
    top, left = np.divmod(rng.choice(busy.size, p=chance), busy.shape[1])
    out = picture.copy()
    window = np.s_[max(0, top - side // 4) :, max(0, left - side // 4) :]
    out[window][:side, :side] = np.quantile(picture, 0.1)
    return out


def swap_patch(picture: Pictures, others: Pictures, rng: np.random.Generator) -> Pictures:
    """Insert a patch of another picture, turned by one to three right angles."""
    height, width = picture.shape
    side = round(0.35 * min(height, width))
    other = others[rng.integers(len(others))]
    top, left = (rng.integers(n // 8, n - side - n // 8 + 1) for n in (height, width))
    window = (slice(top, top + side), slice(left, left + side))
    patch: Pictures = other[window]
    out = picture.copy()
    out[window] = np.rot90(patch, int(rng.integers(1, 4)))
    return out


DEFECTS: dict[str, Callable[[Pictures, Pictures, np.random.Generator], Pictures]] = {
    "scratch": draw_scratch,
    "blob": draw_blob,
    "missing": erase_patch,
    "swapped": swap_patch,
}
"""Kind of defect -> function of ``(picture, normal pictures, rng)`` that adds one."""


def add_defects(pictures: Pictures, seed: int) -> tuple[Pictures, Masks, NDArray[np.str_]]:
    """Add a defect to each picture, taking the kinds in turn.

    Args:
        pictures: Normal ones, ``(n, H, W)``.
        seed: Seed of their places and shapes.

    Returns:
        The pictures with defects, ``(m, H, W)``; the masks of visibly changed pixels, likewise; and
        the kinds, ``(m,)``.  Pictures whose defect isn't visible are left out.
    """
    rng, names = np.random.default_rng(seed), list(DEFECTS)
    kinds = np.array([names[i % len(names)] for i in range(len(pictures))])
    spoilt = np.stack(
        [DEFECTS[kind](each, pictures, rng) for kind, each in zip(kinds, pictures, strict=True)]
    )
    changed = np.abs(spoilt - pictures) >= MIN_VISIBLE_CHANGE * np.ptp(pictures)
    masks = np.stack([_remove_specks(mask) for mask in changed])
    spoilt = np.where(changed == masks, spoilt, pictures)
    visible = masks.any((1, 2))
    return spoilt[visible], masks[visible], kinds[visible]


def _remove_specks(changed: Masks) -> Masks:
    """Keep the connected parts of a mask ``(H, W)`` that are large enough."""
    numbered, _ = label(changed, EIGHT_CONNECTED)
    large = np.bincount(numbered.ravel()) >= MIN_DEFECT_PIXELS
    large[0] = False
    return np.asarray(large[numbered])


def make_textures(count: int, seed: int, side: int = TEXTURE_SIDE) -> Pictures:
    """Draw woven cloth, ``(n, side, side)``: crossed threads of random phase, grain and light."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:side, :side]
    phase = rng.uniform(0, 2 * np.pi, (2, count, 1, 1))
    warp = np.sin(2 * np.pi * column / 8 + phase[0])
    weft = np.sin(2 * np.pi * row / 5 + phase[1])
    grain = gaussian_filter(rng.normal(size=(count, side, side)), (0, 0.7, 0.7))
    light = rng.normal(0, 4, (count, 1, 1))
    return np.asarray(128 + light + 35 * np.maximum(warp, 0.6 * weft) + 15 * grain)


def _pick_contrast(around: Pictures, others: Pictures) -> float:
    """Return the end of the pictures' range that is further from the mean of some pixels."""
    low, high = float(others.min()), float(others.max())
    here = float(around.mean()) if around.size else low
    return high if here < (low + high) / 2 else low
