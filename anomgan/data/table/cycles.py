"""The cycles of the calendar: phases of times in them, and which of them training went through.

A cycle that training went through once, or in part, is elapsed time in disguise: every later row
would lie outside.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from anomgan.utils.types import Floats

Cycle = Literal["hour", "weekday", "yearday"]
CYCLES: tuple[Cycle, ...] = get_args(Cycle)

CYCLE_NAMES: dict[Cycle, str] = {
    "hour": "hour of the day",
    "weekday": "weekday",
    "yearday": "day of the year",
}

MIN_PERIODS = 3
"""Periods in which a phase must have come for it to be one that comes again."""

DAY_S = 86_400.0

_PHASES: dict[Cycle, int] = {"hour": 8, "weekday": 7, "yearday": 4}
"""Parts of a cycle that are told apart when it is judged: few, so that few rows suffice."""

_RECURRING_SHARE = 0.9
"""Share of rows that must lie in phases that come again."""

_NEW_DAY_S = 3_600.0
"""Fall of the time of day from one row to the next from which on it is another day."""


def cycle_phase(times: Floats, cycle: Cycle) -> Floats:
    """The fraction of the cycle that has passed, in [0, 1); NaN for NaN.

    Args:
        times: ``(n,)``, in seconds since 1970.
        cycle: Which cycle.
    """
    return _split(times, cycle)[1]


def find_cycles(times: Floats) -> tuple[Cycle, ...]:
    """The cycles that training went through, in the order of `CYCLES`.

    A cycle counts if its phase varies and rows fill as many parts of it as `MIN_PERIODS` full
    periods have, nearly all of them in parts that came in `MIN_PERIODS` periods.  A phase that is
    seldom seen, such as the night in a log of office hours, so takes more periods to be unusual.

    Args:
        times: ``(n,)``, in seconds since 1970, none missing.
    """
    return tuple(cycle for cycle in CYCLES if cycle_varies(times, cycle) and _comes(times, cycle))


def cycle_varies(times: Floats, cycle: Cycle) -> bool:
    """Whether times have more than one phase: days at midnight have no hours."""
    return bool(np.ptp(cycle_phase(times, cycle)) > 0)


def number_days(times_of_day: Floats) -> Floats:
    """Times whose day is counted from the first row: a time of day that falls begins another one.

    Args:
        times_of_day: ``(n,)`` seconds since midnight in the order of the file, none missing.
    """
    steps = np.diff(times_of_day)
    falls, rises = steps < -_NEW_DAY_S, steps > _NEW_DAY_S
    newest_first = np.count_nonzero(steps < 0) > np.count_nonzero(steps > 0)
    new_days = rises if newest_first else falls
    return times_of_day + DAY_S * np.concatenate([[0.0], np.cumsum(new_days)])


def _comes(times: Floats, cycle: Cycle) -> bool:
    """Whether training went through the cycle."""
    period, phase = _split(times, cycle)
    parts = _PHASES[cycle]
    part = np.minimum(np.floor(phase * parts + 1e-9), parts - 1)
    visited = np.unique(period * parts + part) % parts
    periods = np.bincount(visited.astype(np.int64), minlength=parts)
    recurring = periods[part.astype(np.int64)] >= MIN_PERIODS
    return len(visited) >= MIN_PERIODS * parts and bool(np.mean(recurring) >= _RECURRING_SHARE)


def _split(times: Floats, cycle: Cycle) -> tuple[Floats, Floats]:
    """Number of the period and fraction of it that has passed."""
    days = np.floor(times / DAY_S)
    if cycle == "hour":
        return days, times % DAY_S / DAY_S
    if cycle == "weekday":
        days = days + 3  # 1970 began on a Thursday; weeks begin on Monday
        return np.floor(days / 7), days % 7 / 7
    filled = ~np.isnan(days)
    dates = days[filled].astype(np.int64).astype("datetime64[D]")
    years = dates.astype("datetime64[Y]")
    period, phase = np.full(len(days), np.nan), np.full(len(days), np.nan)
    period[filled] = years.astype(np.int64)
    phase[filled] = (dates - years).astype(np.int64) / 366
    return period, phase
