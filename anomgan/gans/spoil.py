"""Records that are surely not quite normal: a second domain for those who have none."""

from __future__ import annotations

import torch
from torch import Tensor

from anomgan.data.ensemble_scaler import Views
from anomgan.gans.batch import Batch


def spoilt(views: Views, batch: Batch) -> Tensor:
    """Real records, some columns of which come from another record or are shifted by noise.

    Of each record a random share of the columns is exchanged, which breaks their dependence, and
    each of another random share is moved by up to some standard deviations.  Of pictures it is the
    patches instead of the columns.

    Args:
        views: Know which entries belong to one column.
        batch: Its records are spoilt, in copies.

    Returns:
        ``(M, B, *shape)``; conditions stay as they are.
    """
    x = batch.real
    at = views.spec.record
    columns = int(views.column.max()) + 1
    chances = [batch.uniform(*x.shape[:2], 1) for _ in range(2)]
    exchange, shift = (
        (batch.uniform(*x.shape[:2], columns) < chance)[..., views.column] for chance in chances
    )
    record = torch.where(exchange, x.roll(1, 1)[..., :at], x[..., :at])
    sigma = 3 * batch.uniform(*x.shape[:2], 1)
    moved = record + sigma * batch.normal(*record.shape)
    record = torch.where(shift & views.is_numeric, moved, record)
    return torch.cat([record, x[..., at:]], -1)
