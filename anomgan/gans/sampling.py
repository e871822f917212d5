"""Records that the generators draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from anomgan.gans import GAN
from anomgan.gans.blockwise import rows_per_block
from anomgan.utils.types import Floats

CHUNK_ROWS = 10_000
"""Records drawn from the generators at once."""


def sample_records(
    gan: GAN, rows: int, seed: int, levels: Mapping[str, int] | None = None
) -> Iterator[Floats]:
    """Draw encoded records block by block, each ``(k, *shape)``, the members' in turn.

    Args:
        gan: Trained networks.
        rows: How many, at least one.
        seed: Seed of the draws.
        levels: Slots of the conditions that are to hold, by column; the others come as often as
            in training.
    """
    views, draws = gan.views, torch.Generator().manual_seed(seed)
    # Pictures pass through far larger intermediates.
    most = CHUNK_ROWS if views.spec.grid is None else min(CHUNK_ROWS, rows_per_block(gan))
    for start in range(0, rows, most):
        count = min(most, rows - start)
        each = -(-count // views.members)
        z = gan.sample_prior(each, draws)
        if levels:
            z[..., -views.spec.condition_size :] = views.sample_conditions(each, draws, levels)
        with torch.no_grad():
            made = views.inverse(gan.generate(z.to(views.loc.device))).cpu()
        mixed = made.transpose(0, 1).flatten(0, 1)
        yield mixed[torch.randperm(len(mixed), generator=draws)[:count]].numpy()
