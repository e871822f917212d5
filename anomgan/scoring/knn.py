"""Nearest rows among those remembered: the search that neighbours and memory share."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from anomgan.nets.layers import row_stable_matmul

FLOOR = 1e-6
"""Added to squared distances: keeps a record that meets itself out of the logarithm."""

GROUP = 4
"""Remembered rows among which the nearest is found before rows are compared across groups."""


class Index:
    """Remembered rows of K folds, ``(K, m, S)``, and what of their distances is always the same.

    Attributes:
        rows: The remembered rows.
    """

    def __init__(self, rows: Tensor) -> None:
        """Remember rows."""
        self.rows = rows
        missing = -rows.shape[1] % GROUP
        lengths = pad(rows.square().sum(-1, keepdim=True), (0, 0, 0, missing), value=torch.inf)
        # Infinitely far rows fill the last group.
        self._across = torch.cat([-2 * pad(rows, (0, 0, 0, missing)), lengths], -1).mT

    def distances(self, points: Tensor, near: int) -> Tensor:
        """Mean distance of points, ``(K, n, S)``, to their so many nearest rows, ``(K, n)``."""
        # Squares but for the point's own length, which changes no order: |b|² − 2ab.
        apart = row_stable_matmul(pad(points, (0, 1), value=1.0), self._across)
        found = _smallest(apart, min(near, self.rows.shape[1]))
        # That form finds them, but it loses short distances between long vectors to rounding.
        squares = [
            (points - self._picked(nearest)).square().sum(-1) for nearest in found.unbind(-1)
        ]
        distances = (torch.stack(squares, -1) + FLOOR).sqrt()
        return distances.mean(-1)

    def _picked(self, places: Tensor) -> Tensor:
        """One of the rows for each point, ``(K, n) -> (K, n, S)``."""
        return torch.stack([own[at] for own, at in zip(self.rows, places, strict=True)])


def _smallest(values: Tensor, count: int) -> Tensor:
    """Where the smallest of each row are, ``(…, m) -> (…, count)``; m a multiple of GROUP.

    They lie in the groups with the smallest minima, so that few values need sorting.
    """
    groups = values.shape[-1] // GROUP
    if count >= groups:
        return values.topk(count, largest=False).indices
    least = values.unflatten(-1, (GROUP, groups)).amin(-2)
    best = least.topk(count, largest=False).indices
    steps = groups * torch.arange(GROUP, device=values.device)
    places: Tensor = (best[..., None] + steps).flatten(-2)
    own = values.gather(-1, places).topk(count, largest=False).indices
    return places.gather(-1, own)
