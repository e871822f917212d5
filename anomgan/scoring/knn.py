"""Distances to the nearest of remembered rows: the search that two components share."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from anomgan.nets.layers import row_stable_matmul

SQUARE_FLOOR = 1e-6
"""Added to squared distances, so that the logarithm of a row's distance to itself is finite."""

GROUP_ROWS = 4
"""Remembered rows among which the nearest is found before rows are compared across groups."""


class KNNIndex:
    """Remembered rows of K folds, and the terms of their distances that don't depend on queries.

    Attributes:
        rows: The remembered rows, ``(K, m, S)``.
    """

    def __init__(self, rows: Tensor) -> None:
        """Remember rows."""
        self.rows = rows
        missing = -rows.shape[1] % GROUP_ROWS
        squares = pad(rows.square().sum(-1, keepdim=True), (0, 0, 0, missing), value=torch.inf)
        # Infinitely far rows fill the last group.
        self._products = torch.cat([-2 * pad(rows, (0, 0, 0, missing)), squares], -1).mT
        self._starts = rows.shape[1] * torch.arange(len(rows), device=rows.device)[:, None]

    def distances(self, points: Tensor, neighbours: int) -> Tensor:
        """Mean distance of points to their nearest rows, ``(K, n, S) -> (K, n)``."""
        # Squares without the point's own length, which doesn't change the order: |b|² − 2ab.
        partial = row_stable_matmul(pad(points, (0, 1), value=1.0), self._products)
        nearest = _find_smallest(partial, min(neighbours, self.rows.shape[1]))
        # That form finds them, but it loses short distances between long vectors to rounding.
        rows, squares = self.rows.flatten(0, 1), []
        for places in nearest.unbind(-1):
            difference = rows.index_select(0, (places + self._starts).flatten()).view_as(points)
            squares.append(difference.sub_(points).square_().sum(-1))
        return (torch.stack(squares, -1) + SQUARE_FLOOR).sqrt().mean(-1)


def _find_smallest(values: Tensor, count: int) -> Tensor:
    """Places of the smallest of each row, ``(…, m) -> (…, count)``; m a multiple of GROUP_ROWS.

    They lie in the groups with the smallest minima, so that few values need sorting.
    """
    groups = values.shape[-1] // GROUP_ROWS
    if count >= groups:
        return values.topk(count, largest=False).indices
    minima = values.unflatten(-1, (GROUP_ROWS, groups)).amin(-2)
    best = minima.topk(count, largest=False).indices
    steps = groups * torch.arange(GROUP_ROWS, device=values.device)
    places: Tensor = (best[..., None] + steps).flatten(-2)
    chosen = values.gather(-1, places).topk(count, largest=False).indices
    return places.gather(-1, chosen)
