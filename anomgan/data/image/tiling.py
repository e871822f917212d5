"""Large pictures as overlapping tiles, and tiles put together again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

OVERLAP = 0.25
"""Share of a tile's side that it has in common with its neighbour."""


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
        """Distance of neighbouring tiles."""
        return max(1, round(self.tile * (1 - OVERLAP)))

    @property
    def side(self) -> int:
        """Side of the square."""
        return self.tile + (self.along - 1) * self.step

    @property
    def share(self) -> float:
        """A tile's side as a share of the square's."""
        return self.tile / self.side

    def _places(self) -> Iterator[tuple[slice, slice]]:
        """Where the tiles lie, row by row."""
        starts = [at * self.step for at in range(self.along)]
        for top in starts:
            for left in starts:
                yield slice(top, top + self.tile), slice(left, left + self.tile)

    def cut(self, square: NDArray[Any]) -> list[NDArray[Any]]:
        """The tiles of (side, side, …), each (tile, tile, …)."""
        return [square[place] for place in self._places()]

    def joined(self, tiles: NDArray[Any]) -> NDArray[Any]:
        """Squares from their tiles, ``(n · along², tile, tile, …) -> (n, side, side, …)``.

        Where tiles overlap, each counts the more the nearer its middle is.
        """
        rise = np.minimum(np.arange(self.tile) + 1, np.arange(self.tile, 0, -1)).astype(np.float32)
        extra = (1,) * (tiles.ndim - 3)
        weight = np.outer(rise, rise).reshape(self.tile, self.tile, *extra)
        own = tiles.reshape(-1, self.along**2, *tiles.shape[1:])
        total = np.zeros((len(own), self.side, self.side, *tiles.shape[3:]), np.float32)
        weights = np.zeros((self.side, self.side, *extra), np.float32)
        for at, place in enumerate(self._places()):
            total[:, *place] += own[:, at] * weight
            weights[place] += weight
        blended = total / weights
        if tiles.dtype.kind == "f":
            return blended.astype(tiles.dtype)
        return np.rint(blended).astype(tiles.dtype)
