"""Training rows that are left out because they may be abnormal themselves."""

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

LOOKED_AT = 2000
"""Most rows to which distances are taken."""

NEAREST = 1 / 3
"""Share of them that are near enough to count.  It is large, so that rows which are odd in the same
way can't vouch for one another, as they do where a few neighbours decide."""

AT_ONCE = 512
"""Rows whose distances are taken at once."""


def trimmed(values: Floats, spec: Spec, rows: Sequence[Tensor], share: float) -> list[Tensor]:
    """Leave out of each member's rows the share that lies furthest from the bulk of them.

    Distances are taken in all scalings of the columns at once.

    Args:
        values: Encoded training records, ``(n, *shape)``.
        spec: The layout of a record.
        rows: For each member the rows that it may see, in random order.
        share: Of them to leave out, in [0, 1).

    Returns:
        What stays of each, in the same order; at least two rows.
    """
    if not share:
        return list(rows)
    found: dict[int, Tensor] = {}  # members of one fold see the same rows
    kept = []
    for own in rows:
        if id(own) not in found:
            found[id(own)] = own[torch.from_numpy(_staying(values[own.numpy()], spec, share))]
        kept.append(found[id(own)])
    return kept


def _staying(values: Floats, spec: Spec, share: float) -> NDArray[np.int64]:
    """Which records stay, in order; under each condition as large a share, as normal differs."""
    told = np.unique(values[:, spec.record_size :], axis=0, return_inverse=True)[1].ravel()
    stay = []
    for level in range(told.max() + 1):
        here = np.flatnonzero(told == level)
        count = max(min(2, len(here)), len(here) - round(share * len(here)))
        stay.append(here[np.argsort(_distances(values[here], spec), kind="stable")[:count]])
    return np.sort(np.concatenate(stay))


def _distances(values: Floats, spec: Spec) -> Floats:
    """Mean distance of each record to the nearest third of a sample of them, ``(n,)``."""
    views = EnsembleScaler(spec, list(SCALINGS) if spec.grid is None else ["minmax"]).fit(values)

    def seen(part: Floats) -> Tensor:
        scaled = builders.make_thumbnails(spec, views(torch.from_numpy(part)).float())
        # Conditions, which come last, are the same for all.
        return scaled.transpose(0, 1).flatten(1)

    sample = seen(values[:LOOKED_AT])
    near = max(1, round(NEAREST * len(sample)))
    parts = [
        torch.cdist(seen(values[start : start + AT_ONCE]), sample)
        .topk(near, largest=False)
        .values.mean(1)
        for start in range(0, len(values), AT_ONCE)
    ]
    return torch.cat(parts).double().numpy()
