"""Scale numbers by their median and quantiles, and undo it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from anomgan.utils.types import Floats

MAX_SCALED = 1e30
"""Bound of scaled numbers; sums of their squares still fit into float64."""

_QUANTILES = (0.25, 0.75, 0.05, 0.95, 0.01, 0.99)
_NORMAL_WIDTHS = (1.349, 3.290, 4.653)
"""Distances of the pairs of `_QUANTILES` in a normal distribution, in standard deviations."""


def robust_scale(values: Floats) -> tuple[float, float]:
    """Median and robust standard deviation of finite numbers ``(n,)``, n ≥ 1.

    The scale is the interquartile range over that of a normal distribution.  If it is 0, as where
    more than half the numbers are equal, wider quantiles are tried, then the standard deviation.

    Returns:
        Median and scale, both finite; the scale is positive, and 1 for a constant.
    """
    # The range of numbers near the largest float overflows, so compute in a unit of about the
    # largest number: a power of two, which changes no digit.
    largest = float(np.max(np.abs(values)))
    unit = math.ldexp(1.0, max(0, math.frexp(largest)[1] - 1))
    scaled = values / unit
    center, *bounds = np.quantile(scaled, (0.5, *_QUANTILES))
    for lower, upper, width in zip(bounds[::2], bounds[1::2], _NORMAL_WIDTHS, strict=True):
        if upper > lower:
            return float(center * unit), _positive((upper - lower) / width, unit)
    return float(center * unit), _positive(np.std(scaled), unit)


def _positive(scale: np.floating[Any], unit: float) -> float:
    """A scale in the column's unit, clipped to the largest float; 1 if it is 0."""
    return min(float(scale) * unit, float(np.finfo(np.float64).max)) or 1.0


def to_scale(values: Floats, center: float, scale: float) -> Floats:
    """Scale numbers; NaN becomes 0, and the result is clipped to ±`MAX_SCALED`."""
    with np.errstate(over="ignore"):
        scaled = (values - center) / scale
    return np.nan_to_num(np.clip(scaled, -MAX_SCALED, MAX_SCALED), copy=False, nan=0.0)


def from_scale(scaled: Floats, center: float, scale: float) -> Floats:
    """Undo :func:`to_scale`, clipped to the largest float."""
    largest = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        return np.clip(scaled * scale + center, -largest, largest)
