"""Events of a series: flagged rows that belong together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomgan.data.series.windows import Indices
from anomgan.utils.types import Bools, Floats


@dataclass(frozen=True)
class Event:
    """A run of flagged rows of one series.

    Attributes:
        first: Position of its first row.
        last: Position of its last row.
        peak: Position of the row with the highest score.
        rows: Number of flagged rows.
    """

    first: int
    last: int
    peak: int
    rows: int


def count_events(score: Floats, limit: float, length: int) -> int:
    """Number of events among points in order, ``(n,)``; NaN is no evidence of one."""
    flagged = np.flatnonzero(score > limit)
    return int(len(flagged) > 0) + int(np.count_nonzero(np.diff(flagged) >= length))


def find_events(
    flagged: Bools, score: Floats, points: Indices, groups: Indices, length: int
) -> list[Event]:
    """Find the events among the rows of one or more series, in the order of their first rows.

    Flagged rows that are less than a window apart are of one event: some window holds both.

    Args:
        flagged: ``(n,)``.
        score: Larger is more abnormal, ``(n,)``.
        points: The point of each row, ``(n,)``.
        groups: Number of the series of each row, ``(n,)``.
        length: Points in a window.
    """
    rows = np.flatnonzero(flagged)
    rows = rows[np.lexsort((points[rows], groups[rows]))]
    apart = (np.diff(points[rows]) >= length) | (np.diff(groups[rows]) != 0)
    events = []
    for run in np.split(rows, np.flatnonzero(apart) + 1) if len(rows) else []:
        peak = run[np.argmax(score[run])]
        events.append(Event(int(run[0]), int(run[-1]), int(peak), len(run)))
    return sorted(events, key=lambda event: event.first)
