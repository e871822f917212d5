"""Sample records from the generators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from anomgan.gans import GAN
from anomgan.gans.blockwise import rows_per_block
from anomgan.utils.types import Floats

CHUNK_ROWS = 10_000
"""Records generated at once."""


def sample_records(
    gan: GAN, rows: int, seed: int, levels: Mapping[str, int] | None = None
) -> Iterator[Floats]:
    """Sample encoded records chunk by chunk, each ``(k, *shape)``, evenly from all members.

    Args:
        gan: Trained networks.
        rows: How many, at least one.
        seed: Seed of the random numbers.
        levels: Condition -> slot of its level, for conditions to hold fixed; the levels of all
            others are as frequent as in training.
    """
    views, generator = gan.views, torch.Generator().manual_seed(seed)
    # Images pass through far larger intermediates.
    limit = CHUNK_ROWS if views.spec.grid is None else min(CHUNK_ROWS, rows_per_block(gan))
    for start in range(0, rows, limit):
        count = min(limit, rows - start)
        per_member = -(-count // views.members)
        z = gan.sample_prior(per_member, generator)
        if levels:
            conditions = views.sample_conditions(per_member, generator, levels)
            z[..., -views.spec.condition_size :] = conditions
        with torch.no_grad():
            records = views.inverse(gan.generate(z.to(views.loc.device))).cpu()
        shuffled = torch.randperm(per_member * views.members, generator=generator)[:count]
        yield records.transpose(0, 1).flatten(0, 1)[shuffled].numpy()
