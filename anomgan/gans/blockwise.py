"""Apply networks to any number of records in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from anomgan.gans.base import GAN
from anomgan.nets import builders
from anomgan.utils.threads import one_thread, one_thread_each

BLOCK_SIZE = 2**22
"""Upper bound on the float32 values in the largest intermediate of one block: 16 MB."""

TILE_ROWS = 16
"""Blocks hold a multiple of so many records, since matrix products of other sizes take other code
paths, whose rounding differs.  A single record takes as long as so many."""


def rows_per_block(gan: GAN) -> int:
    """Records in a block, such that the largest intermediate stays within :data:`BLOCK_SIZE`."""
    widest = max(gan.config.memory_rows, builders.estimate_widest_layer(gan.views.spec, gan.config))
    return max(1, BLOCK_SIZE // (gan.views.members * widest * TILE_ROWS)) * TILE_ROWS


def apply_in_blocks(
    gan: GAN, values: Tensor, compute: Callable[[Tensor], NDArray[Any]]
) -> list[NDArray[Any]]:
    """Apply a function to encoded records, ``(n, *shape)``, block by block.

    A record's result doesn't depend on how many came with it: the last block is filled up to a
    multiple of :data:`TILE_ROWS` by repeating a record, and each block is computed by one thread.

    Args:
        gan: The networks that ``compute`` applies; they determine the size of a block.
        values: Encoded records.
        compute: Maps a block of records to an array whose last axis is the records.

    Returns:
        The results of the blocks, in order.
    """
    parts = list(values.split(rows_per_block(gan)))
    missing = -len(parts[-1]) % TILE_ROWS
    if missing:
        parts[-1] = torch.cat([parts[-1], parts[-1][-1:].expand(missing, *values.shape[1:])])
    workers = min(torch.get_num_threads(), len(parts)) if values.device.type == "cpu" else 1
    with one_thread_each():
        if workers == 1:
            results = [compute(part) for part in parts]
        else:
            with ThreadPoolExecutor(workers, initializer=one_thread) as pool:
                results = list(pool.map(compute, parts))
    results[-1] = results[-1][..., : len(parts[-1]) - missing]
    return results
