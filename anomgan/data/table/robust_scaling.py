"""Robust scaling of numbers, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from anomgan.utils.types import Floats

MAX_SCALED = 1e30
"""Bound of a scaled number: its square and the sums of such still fit into float64."""

QUANTILES = (0.25, 0.75, 0.05, 0.95, 0.01, 0.99)
WIDTHS = (1.349, 3.290, 4.653)
"""How many standard deviations the pairs of `QUANTILES` are apart in a normal distribution."""


def robust_scale(values: Floats) -> tuple[float, float]:
    """Median and robust standard deviation of finite numbers (n,), n ≥ 1; both finite, scale > 0.

    The interquartile range gives the scale; where more than half the numbers are equal it is 0, and
    wider quantiles are tried, then the standard deviation; a constant has scale 1.
    """
    # Ranges of numbers near the largest float overflow, so measure in units of about the largest; a
    # power of two, which changes no digit.
    largest = float(np.max(np.abs(values)))
    unit = math.ldexp(1.0, max(0, math.frexp(largest)[1] - 1))
    scaled = values / unit
    center, *bounds = np.quantile(scaled, (0.5, *QUANTILES))
    for lower, upper, width in zip(bounds[::2], bounds[1::2], WIDTHS, strict=True):
        if upper > lower:
            return float(center * unit), _positive((upper - lower) / width, unit)
    return float(center * unit), _positive(np.std(scaled), unit)


def _positive(scale: np.floating[Any], unit: float) -> float:
    """A scale in the column's unit, finite; 1 for a constant."""
    return min(float(scale) * unit, float(np.finfo(np.float64).max)) or 1.0


def to_scale(values: Floats, center: float, scale: float) -> Floats:
    """Scaled numbers; NaN becomes 0, and what overflows ends at ±`MAX_SCALED`."""
    with np.errstate(over="ignore"):
        scaled = (values - center) / scale
    return np.nan_to_num(np.clip(scaled, -MAX_SCALED, MAX_SCALED), copy=False, nan=0.0)


def from_scale(scaled: Floats, center: float, scale: float) -> Floats:
    """Undo :func:`to_scale` as far as float64 goes."""
    largest = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        return np.clip(scaled * scale + center, -largest, largest)
