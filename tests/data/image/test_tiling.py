"""Tiles: cut, and put together again."""

from __future__ import annotations

import numpy as np
import pytest

from anomgan.data.image.tiling import Tiling


def test_tiles_overlap_by_a_quarter() -> None:
    tiling = Tiling(16, 3)
    assert (tiling.step, tiling.side, tiling.share) == (12, 40, 0.4)
    square = np.arange(1600).reshape(40, 40)
    tiles = tiling.cut(square)
    assert [tile[0, 0] for tile in tiles] == [0, 12, 24, 480, 492, 504, 960, 972, 984]
    assert all(tile.shape == (16, 16) for tile in tiles)
    assert tiles[-1][-1, -1] == 1599


@pytest.mark.parametrize(("tile", "along"), [(16, 3), (9, 2), (8, 1), (7, 5)])
def test_what_was_cut_comes_together_again(tile: int, along: int) -> None:
    tiling = Tiling(tile, along)
    squares = np.random.default_rng(0).integers(0, 256, (3, tiling.side, tiling.side, 2))
    squares = squares.astype(np.uint8)
    tiles = np.concatenate([np.stack(tiling.cut(square)) for square in squares])
    np.testing.assert_array_equal(tiling.join(tiles), squares)


def test_tiles_that_disagree_are_blended() -> None:
    tiling = Tiling(8, 2)  # the two share columns 6 and 7
    tiles = np.zeros((4, 8, 8), dtype=np.float32)
    tiles[1] = tiles[3] = 9.0
    row = tiling.join(tiles)[0, 3]
    # The left tile's weights there are 2 and 1, the right one's 1 and 2.
    np.testing.assert_allclose(row, [0] * 6 + [3, 6] + [9] * 6, atol=1e-6)
