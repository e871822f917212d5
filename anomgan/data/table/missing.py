"""Cells that stand for nothing: words for missing beside numbers, and numbers that mean missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.robust_scaling import robust_scale
from anomgan.utils.types import Floats

MISSING_MARKERS = frozenset(
    {
        "?", "??", "???", "-", "--", "---", "----", "–", "—", ".", "..", "...", "…", "*", "**",
        "n.a.", "n.a", "n/a", "na", "n.d.", "n.d", "nd", "nan", "k.a.", "n.v.", "tbd", "\\n",
        "missing", "unknown", "none", "null", "nil", "nul", "void", "undefined", "unavailable",
        "-.-", "--.-", "---.-", "***", "****", "-nan", "nat", "nan(ind)", "-nan(ind)", "1.#ind",
        "-1.#ind", "1.#qnan", "n.m.", "n/m", "bdl", "b.d.l.", "lod", "s/d", "nodata",
        "invalid", "error", "err", "not available", "no data", "not applicable",
        "not measured", "not a number", "bad input",
        "<na>", "<null>", "<none>", "(null)", "(none)", "(blank)", "(missing)",
        "#na", "#n/a", "#nv", "#value!", "#wert!", "#div/0!", "#ref!", "#bezug!", "#name?", "#num!",
        "#zahl!", "#null!", "#error!", "#fehler!",
    }
)  # fmt: skip
"""Lower-case words that count as missing beside numbers, times or truth values."""

_KNOWN_SENTINELS = frozenset(
    sign * value
    for sign in (-1.0, 1.0)
    for value in (99, 999, 9999, 99999, 999999, 9999999, 1e20, 32767, 65535, 2147483647)
) | {-1.0, -9.0, -200.0, -32768.0, -2147483648.0, -99.9, -999.9, -9999.9, 99.9, 999.9, 9999.9}
"""Numbers that data loggers and statistics packages write for missing."""

_MIN_REPEATS = 3
"""Fewest cells of one number that may stand for missing."""

_FAR_SCALES = 10.0
"""Distance of an unknown number from all others, in their robust standard deviations and in their
whole range, from which on it may stand for missing."""

_MAX_SHARE = 0.5
"""Largest share of cells that an unknown number may have to stand for missing."""

_MIN_OTHERS, _FIRST_ROWS = 10, 2_000
"""Fewest different other numbers, and cells in which they are sought."""


@dataclass(frozen=True)
class Sentinel:
    """A number that may stand for missing.

    Attributes:
        value: The number.
        count: How many cells hold it.
        low: Smallest of the other numbers.
        high: Largest of them.
    """

    value: float
    count: int
    low: float
    high: float


def is_marker(text: pa.Array) -> pa.Array:
    """Whether text without surrounding blanks is one of `MISSING_MARKERS`; False where null."""
    lowered = pc.utf8_lower(text)
    return pc.is_in(lowered, value_set=pa.array(MISSING_MARKERS, lowered.type), skip_nulls=True)


def find_sentinel(values: Floats) -> Sentinel | None:
    """The smallest or largest number if it comes again and again, far from all others.

    Args:
        values: ``(n,)``, NaN where missing.
    """
    numbers = values[np.isfinite(values)]
    if numbers.size < 2 * _MIN_REPEATS:
        return None
    for value in (float(numbers.min()), float(numbers.max())):
        is_value = numbers == value
        count = int(np.count_nonzero(is_value))
        if count < _MIN_REPEATS:
            continue
        rest = numbers[~is_value]
        if not rest.size:
            return None
        low, high = float(rest.min()), float(rest.max())
        distance = low - value if value < low else value - high
        is_common = count > _MAX_SHARE * numbers.size
        if value not in _KNOWN_SENTINELS and (is_common or distance < high - low):
            continue
        if len(np.unique(rest[:_FIRST_ROWS])) < _MIN_OTHERS:
            continue
        if distance >= _needed_distance(value, count, rest):
            return Sentinel(value, count, low, high)
    return None


def _needed_distance(value: float, count: int, rest: Floats) -> float:
    """How far a number of so many cells must be from the rest, ``(m,)``, to stand for missing."""
    low = float(rest.min())
    scale = robust_scale(rest)[1]
    if value not in _KNOWN_SENTINELS:
        return max(_FAR_SCALES * scale, float(np.ptp(rest)))
    if value > 0:
        return scale / 2
    if low < 0:
        return 3 * scale
    # The only negative number; −1 is next to zero, and mustn't be one count among others.
    return 0.0 if value < -1 or count > np.count_nonzero(rest == low) else np.inf
