"""What the user says about the series that rows make up."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import pandas as pd

from anomgan.errors import InputError

WINDOW_LIMITS = 4, 4096
"""Points that a window may have."""


@dataclass(frozen=True)
class SeriesOptions:
    """How rows make up series; what isn't said is found out.

    Attributes:
        time: Column of times; None for an index of times, or for rows that are in order.
        group: Column that tells several series apart.
        window: Points in a window; 0 to choose from the data.
        every: Seconds between points, to which rows are averaged; 0 for their own rate.
    """

    time: str | None = None
    group: str | None = None
    window: int = 0
    every: float = 0.0


def check_window(window: Any) -> int:
    """Points in a window, 0 for ``"auto"`` or None.

    Raises:
        InputError: If it is something else.
    """
    low, high = WINDOW_LIMITS
    if window is None or window == "auto":
        return 0
    points = int(window) if isinstance(window, Integral) and window is not True else 0
    if not low <= points <= high:
        raise InputError(
            f"window={window!r} must be 'auto' or a whole number from {low} to {high:,}"
        )
    return points


def check_every(every: Any) -> float:
    """Seconds between points from a text such as ``5min``; 0 for None.

    >>> check_every("5min")
    300.0

    Raises:
        InputError: If it is no positive duration.
    """
    if every is None:
        return 0.0
    try:
        seconds = pd.Timedelta(every).total_seconds() if isinstance(every, str) else -1.0
    except ValueError:
        seconds = -1.0
    if not 1e-6 <= seconds <= 1e10:
        raise InputError(f"every={every!r} must be a duration, such as '30s', '5min' or '1h'")
    return seconds
