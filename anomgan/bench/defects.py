"""Pictures with defects of which every pixel is known, to measure where they are found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, label

Pictures = NDArray[np.float64]
Masks = NDArray[np.bool_]

MIN_VISIBLE_CHANGE = 0.1
"""Change of a pixel, as a share of the range of all, from which on it belongs to the defect."""

MIN_DEFECT_PIXELS = 4
"""Pixels that a connected part of a defect has at least; smaller ones are taken back."""

EIGHT_CONNECTED = np.ones((3, 3))
"""Pixels that share a corner belong together."""

TEXTURE_SIDE = 32
"""Height and width of generated textures, in pixels."""


def draw_scratch(picture: Pictures, others: Pictures, rng: np.random.Generator) -> Pictures:
    """A straight line across, brighter or darker than all around."""
    height, width = picture.shape
    row, column = np.mgrid[:height, :width]
    angle, at = rng.uniform(0, np.pi), rng.uniform(0.3, 0.7, 2) * (height, width)
    across = (row - at[0]) * np.cos(angle) - (column - at[1]) * np.sin(angle)
    along = (row - at[0]) * np.sin(angle) + (column - at[1]) * np.cos(angle)
    line = (np.abs(across) < 1) & (np.abs(along) < rng.uniform(0.2, 0.35) * min(height, width))
    return np.asarray(np.where(line, _pick_contrast(picture[line], others), picture))


def draw_blob(picture: Pictures, others: Pictures, rng: np.random.Generator) -> Pictures:
    """A soft spot, brighter or darker than all around."""
    height, width = picture.shape
    row, column = np.mgrid[:height, :width]
    at, radius = rng.uniform(0.2, 0.8, 2) * (height, width), rng.uniform(0.08, 0.15) * height
    far = np.hypot(row - at[0], column - at[1]) / radius
    share = np.clip(1.5 - far, 0, 1)
    return np.asarray((1 - share) * picture + share * _pick_contrast(picture[far < 1], others))


def erase_patch(picture: Pictures, others: Pictures, rng: np.random.Generator) -> Pictures:
    """A patch in which the picture is blank: at the usual brightness of its darkest parts."""
    height, width = picture.shape
    side = round(0.25 * min(height, width))
    # Where there is something to miss.
    busy = gaussian_filter(np.abs(picture - np.quantile(picture, 0.1)), side / 3)
    busy = busy[: height - side, : width - side]
    chance = (busy / busy.sum()).ravel()
    top, left = np.divmod(rng.choice(busy.size, p=chance), busy.shape[1])
    out = picture.copy()
    window = np.s_[max(0, top - side // 4) :, max(0, left - side // 4) :]
    out[window][:side, :side] = np.quantile(picture, 0.1)
    return out


def swap_patch(picture: Pictures, others: Pictures, rng: np.random.Generator) -> Pictures:
    """A patch of another picture, turned by a right angle."""
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
"""Kind of defect -> ``(picture, normal pictures, rng)`` to the picture with one."""


def add_defects(pictures: Pictures, seed: int) -> tuple[Pictures, Masks, NDArray[np.str_]]:
    """Give each picture a defect, one kind after the other.

    Args:
        pictures: Normal ones, ``(n, H, W)``.
        seed: Seed of where and how.

    Returns:
        The pictures with defects, which pixels these changed so much that it can be seen,
        ``(n, H, W)`` each, and the kinds, ``(n,)``; pictures whose defect can't be seen are left
        out.
    """
    rng, names = np.random.default_rng(seed), list(DEFECTS)
    kinds = np.array([names[i % len(names)] for i in range(len(pictures))])
    found = np.stack(
        [DEFECTS[kind](own, pictures, rng) for kind, own in zip(kinds, pictures, strict=True)]
    )
    changed = np.abs(found - pictures) >= MIN_VISIBLE_CHANGE * np.ptp(pictures)
    masks = np.stack([_remove_specks(own) for own in changed])
    found = np.where(changed == masks, found, pictures)
    seen = masks.any((1, 2))
    return found[seen], masks[seen], kinds[seen]


def _remove_specks(changed: Masks) -> Masks:
    """The parts of a mask ``(H, W)`` that are large enough."""
    numbered, _ = label(changed, EIGHT_CONNECTED)
    large = np.bincount(numbered.ravel()) >= MIN_DEFECT_PIXELS
    large[0] = False
    return np.asarray(large[numbered])


def make_textures(count: int, seed: int, side: int = TEXTURE_SIDE) -> Pictures:
    """Woven cloth: two crossed threads of random phase, grain and light, ``(n, side, side)``."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:side, :side]
    phase = rng.uniform(0, 2 * np.pi, (2, count, 1, 1))
    warp = np.sin(2 * np.pi * column / 8 + phase[0])
    weft = np.sin(2 * np.pi * row / 5 + phase[1])
    grain = gaussian_filter(rng.normal(size=(count, side, side)), (0, 0.7, 0.7))
    light = rng.normal(0, 4, (count, 1, 1))
    return np.asarray(128 + light + 35 * np.maximum(warp, 0.6 * weft) + 15 * grain)


def _pick_contrast(around: Pictures, others: Pictures) -> float:
    """The end of the range that is further from what is there."""
    low, high = float(others.min()), float(others.max())
    here = float(around.mean()) if around.size else low
    return high if here < (low + high) / 2 else low
