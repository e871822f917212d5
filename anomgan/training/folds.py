"""Which records calibrate, and which each member of the ensemble is trained on."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomgan.config import Config
from anomgan.data.series.windows import Windows
from anomgan.errors import InputError
from anomgan.utils.types import Folds

MAX_BLOCKS = 8
"""Blocks of a series in each fold: several, so that no fold lacks what only one time of it had."""

MIN_WINDOWS_TO_HOLD_OUT = 100
"""Windows side by side below which a series is cross-fitted: a part would calibrate little."""

MIN_TRAINING_WINDOWS = 5
"""Windows that the members of a fold are trained on at least."""

WINDOWS_PER_BLOCK = 4
"""Windows side by side in a block, if the series is long enough for more than one per fold."""


def split_records(
    records: int, tiles: int, config: Config, rng: np.random.Generator, windows: Windows | None
) -> tuple[Folds, list[Tensor]]:
    """Split the training records.

    Few are cross-fitted: each calibrates the members that were fitted without its fold.  Of many, a
    part is held out.  Windows of series are held out in blocks, and members of a fold see no window
    that reaches into one: a window's neighbours hold nearly the same.

    Args:
        records: Number of training records.
        tiles: Neighbouring records that belong to one row.
        config: Settings.
        rng: Source of randomness.
        windows: The points that each record holds, if they are windows of series.

    Returns:
        For each fold the sorted records held out from its members; and for each member, by fold,
        the records that it is trained on, in random order.
    """
    if windows is not None:
        return _split_blocks(windows, config, rng)
    folds = _make_folds(records // tiles, config, rng)
    folds = [_expand_tiles(fold, tiles) for fold in folds]
    kept = [np.setdiff1d(np.arange(records), fold) for fold in folds]
    return folds, _to_members(kept, config.members, rng)


def _make_folds(rows: int, config: Config, rng: np.random.Generator) -> Folds:
    """Cross-fit few rows; hold out a part of many."""
    if rows < config.cross_fit_below:
        return split_rows(rows, min(config.folds, rows), 0, rng)
    return split_rows(rows, 1, min(config.held_out_rows, round(config.held_out * rows)), rng)


def split_rows(rows: int, folds: int, held_out: int, rng: np.random.Generator) -> Folds:
    """Choose the calibration rows: one part held out, or every row once in cross-fitting.

    Args:
        rows: Number of training rows.
        folds: 1 holds ``held_out`` rows out of the fit; with more, each row calibrates the members
            that were fitted without its fold.
        held_out: Number of rows held out if there is one fold.
        rng: Source of randomness.

    Returns:
        Sorted row indices of each fold.
    """
    order = rng.permutation(rows)
    parts = [order[:held_out]] if folds == 1 else np.array_split(order, folds)
    return [np.sort(part).astype(np.int64) for part in parts]


def _expand_tiles(pictures: NDArray[np.int64], tiles: int) -> NDArray[np.int64]:
    """Rows of pictures to rows of records: all tiles of a picture belong to the same fold."""
    return (pictures[:, None] * tiles + np.arange(tiles)).ravel()


def _to_members(
    kept: list[NDArray[np.int64]], members: int, rng: np.random.Generator
) -> list[Tensor]:
    """The records of each member, in random order; members of a fold share them."""
    shuffled = [torch.from_numpy(rng.permutation(records)) for records in kept]
    return [fold_rows for fold_rows in shuffled for _ in range(members)]


def _split_blocks(
    windows: Windows, config: Config, rng: np.random.Generator
) -> tuple[Folds, list[Tensor]]:
    """Split windows by contiguous blocks of points.

    Raises:
        InputError: If no fold has windows both to hold out and to train on.
    """
    few = len(windows.starts) < config.cross_fit_below
    cross_fitted = few or windows.points < MIN_WINDOWS_TO_HOLD_OUT * windows.length
    parts = config.folds if cross_fitted else max(2, round(1 / config.held_out))
    most = windows.points // (parts * WINDOWS_PER_BLOCK * windows.length)
    blocks = parts * int(np.clip(most, 1, MAX_BLOCKS))
    first, last = (
        (windows.starts + offset) * blocks // windows.points for offset in (0, windows.length - 1)
    )
    folds, kept = [], []
    for number in range(parts) if cross_fitted else (parts // 2,):
        inside = (first == last) & (first % parts == number) & windows.scored
        # Windows are shorter than blocks, or else none is inside of one.
        outside = (first % parts != number) & (last % parts != number) & (last - first < parts)
        if inside.any() and np.count_nonzero(outside) >= MIN_TRAINING_WINDOWS:
            folds.append(np.flatnonzero(inside))
            kept.append(np.flatnonzero(outside))
    if not folds:  # gaps may leave a fold without a window; the others do
        raise InputError(
            f"{windows.points:,} points are too few to learn from, and to hold some out, with a "
            f"window of {windows.length}; give more rows or a shorter window"
        )
    return folds, _to_members(kept, config.members, rng)
