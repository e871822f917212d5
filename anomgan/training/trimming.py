"""Leave out training rows that may themselves be abnormal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomgan.data.ensemble_scaler import SCALINGS, EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.nets import builders
from anomgan.utils.types import Floats

MAX_REFERENCE_ROWS = 2000
"""Most rows to which distances are taken."""

NEIGHBOUR_SHARE = 1 / 3
"""Share of them that count as neighbours.  It is large so that a clump of abnormal rows can't pass
for normal, as it would by the distance to a few neighbours."""

CHUNK_ROWS = 512
"""Rows whose distances are computed at once."""


def trim_rows(values: Floats, spec: Spec, rows: Sequence[Tensor], share: float) -> list[Tensor]:
    """Leave out the share of each member's rows that lies furthest from all others.

    Distances are Euclidean, over all scalings of the columns together.

    Args:
        values: Encoded training records, ``(n, *shape)``.
        spec: The layout of a record.
        rows: For each member the rows it may be trained on, in random order.
        share: Share to leave out, in [0, 1).

    Returns:
        The remaining rows of each member, in the same order; at least two.
    """
    if not share:
        return list(rows)
    kept: dict[int, Tensor] = {}  # members of one fold share their rows
    for each in rows:
        if id(each) not in kept:
            positions = _kept_positions(values[each.numpy()], spec, share)
            kept[id(each)] = each[torch.from_numpy(positions)]
    return [kept[id(each)] for each in rows]


def _kept_positions(values: Floats, spec: Spec, share: float) -> NDArray[np.int64]:
    """Positions of the records to keep, sorted; the same share is trimmed under each condition."""
    levels = np.unique(values[:, spec.record_size :], axis=0, return_inverse=True)[1].ravel()
    kept = []
    for level in range(levels.max() + 1):
        positions = np.flatnonzero(levels == level)
        count = max(min(2, len(positions)), len(positions) - round(share * len(positions)))
        order = np.argsort(_mean_distances(values[positions], spec), kind="stable")
        kept.append(positions[order[:count]])
    return np.sort(np.concatenate(kept))


def _mean_distances(values: Floats, spec: Spec) -> Floats:
    """Mean distance of each record to the nearest third of the reference rows, ``(n,)``."""
    scaler = EnsembleScaler(spec, list(SCALINGS) if spec.grid is None else ["minmax"]).fit(values)

    def embed(part: Floats) -> Tensor:
        scaled = builders.make_thumbnails(scaler.spec, scaler(torch.from_numpy(part)).float())
        # Conditions, which come last, are the same for all.
        return scaled.transpose(0, 1).flatten(1)

    reference = embed(values[:MAX_REFERENCE_ROWS])
    neighbours = max(1, round(NEIGHBOUR_SHARE * len(reference)))
    chunks = (values[start : start + CHUNK_ROWS] for start in range(0, len(values), CHUNK_ROWS))
    nearest = [
        torch.cdist(embed(chunk), reference).topk(neighbours, largest=False).values.mean(1)
        for chunk in chunks
    ]
    return torch.cat(nearest).double().numpy()
