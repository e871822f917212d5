"""Decimals and steps of numbers, so that generated ones look like those of training."""

from __future__ import annotations

import numpy as np

from anomgan.utils.types import Floats

MAX_DECIMALS = 6
"""Most decimals that are kept; numbers with more have none in common."""

_MAX_COUNT = 2.0**50
"""Largest multiple of the last decimal that is still exact enough."""

_TRIED_NUMBERS = 20_000
"""Numbers that are looked at, evenly spread over the column."""


def find_step(numbers: Floats) -> tuple[int | None, int]:
    """Find the decimals of numbers, and their step in units of the last decimal.

    Args:
        numbers: Finite numbers, ``(n,)``, n ≥ 1.

    Returns:
        Decimals, None if there are more than `MAX_DECIMALS`; and the step, 1 if there is none.

    Example:
        >>> find_step(np.array([0.25, 1.0, 2.75]))
        (2, 25)
    """
    tried = numbers[:: -(-len(numbers) // _TRIED_NUMBERS)]
    for decimals in range(MAX_DECIMALS + 1):
        counts = _count(tried, decimals)
        if counts is not None:
            steps = (counts - counts.min()).astype(np.int64)
            return decimals, max(1, int(np.gcd.reduce(steps)))
    return None, 1


def snap_to_step(values: Floats, low: float, decimals: int, step: int) -> Floats:
    """Bring numbers, ``(n,)``, to the nearest of ``low``, a step above it, and so on."""
    unit = 10.0**decimals
    first = np.rint(low * unit)
    counts = first + np.rint((values * unit - first) / step) * step
    return np.asarray(np.round(counts / unit, decimals), dtype=np.float64)


def _count(numbers: Floats, decimals: int) -> Floats | None:
    """Numbers as multiples of the last decimal; None if some aren't."""
    with np.errstate(over="ignore"):
        scaled = numbers * 10.0**decimals
    counts = np.rint(scaled)
    size = np.abs(counts)
    is_exact = np.all(size < _MAX_COUNT) and np.all(np.abs(scaled - counts) <= 1e-12 * size + 1e-9)
    return counts if is_exact else None
