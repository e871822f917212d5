"""Cut large pictures into overlapping tiles, and join tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

OVERLAP = 0.25
"""Overlap of neighbouring tiles as a fraction of their side."""


@dataclass(frozen=True)
class Tiling:
    """A square cut into ``along`` × ``along`` square tiles.

    Attributes:
        tile: Side of a tile.
        along: Tiles along each side.
    """

    tile: int
    along: int = 1

    @property
    def step(self) -> int:
        """Distance of neighbouring tiles in pixels."""
        return max(1, round(self.tile * (1 - OVERLAP)))

    @property
    def side(self) -> int:
        """Side of the square."""
        return self.tile + (self.along - 1) * self.step

    @property
    def share(self) -> float:
        """A tile's side as a fraction of the square's."""
        return self.tile / self.side

    def _slices(self) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of the tiles, row by row."""
        starts = [at * self.step for at in range(self.along)]
        for top in starts:
            for left in starts:
                yield slice(top, top + self.tile), slice(left, left + self.tile)

    def cut(self, square: NDArray[Any]) -> list[NDArray[Any]]:
        """Cut ``(side, side, …)`` into ``along²`` tiles of ``(tile, tile, …)``."""
        return [square[slices] for slices in self._slices()]

    def join(self, tiles: NDArray[Any]) -> NDArray[Any]:
        """Join tiles to squares, ``(n · along², tile, tile, …) -> (n, side, side, …)``.

        Where tiles overlap, their mean is weighted by the distance from each tile's edge.
        """
        rise = np.minimum(np.arange(self.tile) + 1, np.arange(self.tile, 0, -1)).astype(np.float32)
        extra = (1,) * (tiles.ndim - 3)
        weight = np.outer(rise, rise).reshape(self.tile, self.tile, *extra)
        grouped = tiles.reshape(-1, self.along**2, *tiles.shape[1:])
        total = np.zeros((len(grouped), self.side, self.side, *tiles.shape[3:]), np.float32)
        weights = np.zeros((self.side, self.side, *extra), np.float32)
        for at, slices in enumerate(self._slices()):
            total[:, *slices] += grouped[:, at] * weight
            weights[slices] += weight
        blended = total / weights
        if tiles.dtype.kind == "f":
            return blended.astype(tiles.dtype)
        return np.rint(blended).astype(tiles.dtype)
