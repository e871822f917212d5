"""Windows of a series: runs of neighbouring points, each of them a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anomgan.data.series.pooling import pool_scores
from anomgan.utils.types import Floats

Indices = NDArray[np.int64]

Segments = Sequence[tuple[int, int]]
"""Runs of points without a gap: the first one, and one past the last."""


@dataclass(frozen=True)
class Windows:
    """Which points each window holds, and which point each row of the table is.

    Attributes:
        starts: First point of each window, ``(m,)``, ascending.
        length: Points in a window.
        points: Number of points in all series together.
        rows: The point of each row, ``(n,)``; −1 for a row that has none.
        scored: Which windows would be scored; those for training may lie closer together, ``(m,)``.
    """

    starts: Indices
    length: int
    points: int
    rows: Indices
    scored: NDArray[np.bool_]

    @property
    def reach(self) -> int:
        """Points within which scores go together: those of all windows that hold a point."""
        return 2 * self.length

    def cut(self, values: Floats) -> Floats:
        """Cut the channels of points into windows, ``(points, C) -> (m, C, length)``."""
        if not len(self.starts):
            return np.empty((0, values.shape[1], self.length))
        return np.lib.stride_tricks.sliding_window_view(values, self.length, axis=0)[self.starts]

    def select(self, records: Indices) -> Windows:
        """Only some of the windows, in any order."""
        return replace(self, starts=self.starts[records], scored=self.scored[records])

    def pool(self, scores: Floats) -> Floats:
        """Scores of points from those of the windows that hold them, ``(m,) -> (points,)``.

        NaN for points that no window holds.
        """
        return pool_scores(scores, self.starts, self.length, self.points)

    def to_rows(self, scores: Floats) -> Floats:
        """Scores of rows from those of windows, ``(m,) -> (n,)``; NaN where there is none."""
        return np.append(self.pool(scores), np.nan)[self.rows]

    def find_largest(self, scores: Floats, points: Indices) -> Indices:
        """The window with the highest score of those that hold each point, ``(k,) -> (k,)``.

        Args:
            scores: Of each window, ``(m,)``.
            points: Points that some window holds.
        """
        first = np.searchsorted(self.starts, points - self.length, side="right")
        stop = np.searchsorted(self.starts, points, side="right")
        best = [
            low + int(np.argmax(scores[low:high])) for low, high in zip(first, stop, strict=True)
        ]
        return np.array(best, dtype=np.int64)

    @property
    def has_window(self) -> NDArray[np.bool_]:
        """Whether some window holds each row, ``(n,)``."""
        held = np.zeros(self.points + 1, dtype=np.int64)
        np.add.at(held, self.starts, 1)
        np.add.at(held, self.starts + self.length, -1)
        return np.append(held[:-1].cumsum() > 0, False)[self.rows]


def place_windows(segments: Segments, length: int, stride: int) -> Indices:
    """First points of the windows that cover each segment, ``(m,)``.

    They lie ``stride`` points apart, and one more ends with the segment.  Segments shorter than a
    window have none.
    """
    starts = [
        np.union1d(np.arange(start, stop - length + 1, stride), [stop - length])
        for start, stop in segments
        if stop - start >= length
    ]
    return np.concatenate(starts).astype(np.int64) if starts else np.empty(0, dtype=np.int64)
