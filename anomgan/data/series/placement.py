"""Place the rows of a table on evenly spaced points of one or more series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomgan.data.series.windows import Indices, Segments
from anomgan.utils.types import Floats

MAX_FILLED_POINTS = 3
"""Missing points in a row that are interpolated; more of them are a gap, which ends a segment."""


MIN_SEGMENT = 100
"""Points of a segment in which windows have room."""


@dataclass(frozen=True)
class Placement:
    """The points of all series in turn, and the rows on them.

    Attributes:
        rows: The point of each row, ``(n,)``; −1 for rows without a time.
        points: Number of points, those without a row included.
        segments: Runs of points without a gap.
        groups: Number of the group of each segment.
        shared: Rows that share their point with an earlier one, ``(n,)``.
        moved: Number of rows that come after a later one of the same series.
        gaps: Number of gaps.
        filled: Number of points without a row that are interpolated.
    """

    rows: Indices
    points: int
    segments: Segments
    groups: Indices
    shared: NDArray[np.bool_]
    moved: int
    gaps: int
    filled: int

    @property
    def is_torn(self) -> bool:
        """Whether gaps leave less than half of the points in segments that windows have room in."""
        lengths = np.array([stop - start for start, stop in self.segments])
        whole = np.bincount(np.unique(self.groups, return_inverse=True)[1], weights=lengths)
        roomy, roomy_whole = (each[each >= MIN_SEGMENT].sum() for each in (lengths, whole))
        return bool(roomy < self.points / 2 <= roomy_whole)


def place_rows(times: Floats | None, groups: Indices, step: float | None) -> Placement:
    """Place rows by their times, group by group.

    Args:
        times: In seconds, ``(n,)``, NaN for rows that can't be placed; None if rows are in order.
        groups: Number of the group of each row, ``(n,)``.
        step: Seconds between points; None if each time is the next point.
    """
    clock = np.arange(len(groups), dtype=np.float64) if times is None else times
    order = np.lexsort((clock, groups))
    order = order[~np.isnan(clock[order])]
    result = np.full(len(groups), -1, dtype=np.int64)
    if not len(order):
        return Placement(result, 0, (), np.empty(0, np.int64), result == 0, 0, 0, 0)
    new_group = np.diff(groups[order], prepend=-1) != 0
    elapsed = np.diff(clock[order], prepend=clock[order[0]])
    if times is None or step is None:
        ahead = (elapsed > 0).astype(np.int64)
    else:
        # Counted from row to row, so that a clock that is a little fast doesn't add up.
        ahead = np.clip(np.rint(elapsed / step), 0, 2**40).astype(np.int64)
    is_gap = (ahead > MAX_FILLED_POINTS + 1) & ~new_group
    ahead[new_group | is_gap] = 1
    ahead[0] = 0
    points = ahead.cumsum()
    result[order] = points
    starts = points[new_group | is_gap]
    total = int(points[-1]) + 1
    stops = np.append(starts[1:], total)
    shared = np.zeros(len(groups), dtype=np.bool_)
    shared[order] = (ahead == 0) & ~new_group
    backwards = (np.diff(order, prepend=-1) < 0) & ~new_group
    return Placement(
        result,
        total,
        tuple(zip(starts.tolist(), stops.tolist(), strict=True)),
        groups[order[new_group | is_gap]],
        shared,
        int(backwards.sum()),
        int(is_gap.sum()),
        total - len(np.unique(points)),
    )


def average_rows(values: Floats, placement: Placement) -> Floats:
    """Mean of the rows on each point, NaN where there is none, ``(n, C) -> (points, C)``."""
    placed = placement.rows >= 0
    known = ~np.isnan(values) & placed[:, None]
    rows = placement.rows[placed]
    shape = placement.points, values.shape[1]
    totals, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(totals, rows, np.where(known, values, 0.0)[placed])
    np.add.at(counts, rows, known[placed].astype(np.float64))
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)


def interpolate(values: Floats, segments: Segments) -> Floats:
    """Fill gaps of channels along straight lines, within segments, ``(points, C)``.

    Before the first and after the last number of a segment it is repeated; a channel without any
    there is 0, the median of training.
    """
    filled = values.copy()
    for start, stop in segments:
        part = filled[start:stop]
        for channel in np.flatnonzero(np.isnan(part).any(0)):
            known = np.flatnonzero(~np.isnan(part[:, channel]))
            numbers = part[known, channel] if len(known) else np.zeros(1)
            at = known if len(known) else np.zeros(1)
            part[:, channel] = np.interp(np.arange(stop - start), at, numbers)
    return filled
