"""Columns of dates and times: time elapsed, and the cycles of day, week and year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from anomgan.data.table.columns.base import Column, ColumnKind, Part, as_dtype, check_scale
from anomgan.data.table.parsing import (
    Cells,
    Reading,
    as_times,
)
from anomgan.data.table.robust_scaling import from_scale, robust_scale, to_scale
from anomgan.utils.types import Floats

Cycle = Literal["hour", "weekday", "yearday"]

DAY = 86_400.0
EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_799.0
"""The years 1 to 9999 in seconds since 1970; generated moments stay within them."""

NANOSECONDS = -9.2e9, 9.2e9
"""The same for stamps in nanoseconds: 1678 to 2261."""


@dataclass(frozen=True)
class DatetimeColumn(Column):
    """Moments, in UTC: time elapsed, and where in the day, week and year they lie.

    The table's first datetime column is its clock.  It counts from its own median, all others from
    the clock in the same row, so that they are durations.  A clock that runs with the file, as in a
    log, has no elapsed time: every later row would lie outside.

    Attributes:
        center: Median elapsed days, since 1970 for the clock.
        scale: About one standard deviation of the elapsed days.
        elapsed: Whether elapsed time is encoded.
        after: Name of the clock, for the other datetime columns.
        cycles: The cycles that vary; each gives a sine and a cosine.
    """

    center: float
    scale: float
    elapsed: bool = True
    after: str = ""
    cycles: tuple[Cycle, ...] = ()

    kind: ClassVar[ColumnKind] = "datetime"
    wanted: ClassVar[str] = "an ISO 8601 date or time"

    @classmethod
    def fit(
        cls, name: str, cells: Cells, reading: Reading, after: str, clock: Floats | None
    ) -> Self:
        """Learn from at least one readable moment.

        Args:
            name: Name of the column.
            cells: Its cells.
            reading: The same, read as times (n,).
            after: Name of the clock; empty if this is the clock.
            clock: The clock's times (n,) in seconds, NaN where missing; None if this is the clock.
        """
        times = reading.values
        gaps = np.isnan(times)
        days = _elapsed_days(times, clock)
        counted = days[~np.isnan(days)]
        center, scale = robust_scale(counted) if counted.size else (0.0, 1.0)
        dtype = cells.dtype
        if cells.form == "text":
            zoned = pc.any(pc.match_substring_regex(cells.text, r":.*(Z|[+-]\d\d:?\d*)\s*$"))
            dtype = "datetime64[us, UTC]" if zoned.as_py() else "datetime64[us]"
        elapsed = bool(after) or not _runs_with_file(times[~gaps])
        cycles = _varying_cycles(times[~gaps])
        return cls(name, dtype, bool(gaps.any()), center, scale, elapsed, after, cycles)

    def read(self, cells: Cells) -> Reading:
        """Seconds since 1970 in UTC."""
        return as_times(cells)

    def value_parts(self) -> list[Part]:
        """Elapsed time, then sine and cosine of each cycle."""
        elapsed: list[Part] = [(f"{self.name} (elapsed)", "numeric", 1, self.name)]
        return (elapsed if self.elapsed else []) + [
            (f"{self.name} ({cycle}, {wave})", "numeric", 1, self.name)
            for cycle in self.cycles
            for wave in ("sin", "cos")
        ]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """A missing moment becomes 0 everywhere: the median, and the middle of each circle."""
        at = 0
        if self.elapsed:
            days = _elapsed_days(values, clock if self.after else None)
            out[:, 0] = to_scale(days, self.center, self.scale)
            at = 1
        for cycle in self.cycles:
            angle = 2 * np.pi * _phase(values, cycle)
            out[:, at] = np.nan_to_num(np.sin(angle))
            out[:, at + 1] = np.nan_to_num(np.cos(angle))
            at += 2

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """Seconds since 1970; without elapsed time, in the week after the median."""
        if self.elapsed:
            days = from_scale(block[:, 0], self.center, self.scale)
            seconds = days * DAY + (clock if self.after and clock is not None else 0.0)
        else:
            seconds = self._near_center(block)
        return np.clip(seconds, EARLIEST, LATEST)

    def _near_center(self, block: Floats) -> Floats:
        """Moments with the right weekday and hour in the week that follows the median, (n,)."""
        day, hour = divmod(self.center * DAY, DAY)
        seconds = np.full(len(block), day * DAY + hour)
        for at, cycle in enumerate(self.cycles):
            turn = np.arctan2(block[:, 2 * at], block[:, 2 * at + 1]) / (2 * np.pi)
            if cycle == "hour":
                seconds += turn % 1.0 * DAY - hour
            elif cycle == "weekday":
                today = _phase(seconds[:1], "weekday")
                seconds += np.rint((turn - today) * 7) % 7 * DAY
        return seconds

    def check(self) -> None:
        """See :meth:`anomgan.data.table.columns.base.Column.check`."""
        super().check()
        check_scale(self.name, self.scale)

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Moments in the user's time zone, those too far away for its dtype at its bounds."""
        dtype: Any = pd.api.types.pandas_dtype(self.dtype)
        if (getattr(dtype, "unit", None) or np.datetime_data(dtype)[0]) == "ns":
            values = np.clip(values, *NANOSECONDS)
        stamps = np.full(len(values), np.datetime64("NaT", "us"))
        known = ~np.isnan(values)
        stamps[known] = np.rint(values[known] * 1e6).astype(np.int64).astype("datetime64[us]")
        series = pd.Series(stamps)
        zone = getattr(dtype, "tz", None)
        if zone is not None:
            series = series.dt.tz_localize("UTC").dt.tz_convert(zone)
        return as_dtype(series, self.dtype)


def _elapsed_days(times: Floats, clock: Floats | None) -> Floats:
    return (times if clock is None else times - clock) / DAY


def _runs_with_file(times: Floats) -> bool:
    """Whether nearly all steps go the same way, as in a log (or one turned upside down)."""
    steps = np.diff(times)
    return steps.size > 0 and bool(max(np.mean(steps >= 0), np.mean(steps <= 0)) >= 0.95)


def _phase(times: Floats, cycle: Cycle) -> Floats:
    """How much of the cycle has passed, in [0, 1); NaN for NaN."""
    if cycle == "hour":
        return times % DAY / DAY
    days = np.floor(times / DAY)
    if cycle == "weekday":
        return (days + 3) % 7 / 7  # 1970 began on a Thursday; weeks begin on Monday
    known = ~np.isnan(days)
    dates = days[known].astype(np.int64).astype("datetime64[D]")
    passed = np.full(len(days), np.nan)
    passed[known] = (dates - dates.astype("datetime64[Y]")).astype(np.int64) / 366
    return passed


def _varying_cycles(times: Floats) -> tuple[Cycle, ...]:
    """The cycles worth encoding; the year only where more than one was seen."""
    cycles: Sequence[Cycle] = ("hour", "weekday")
    varying = [cycle for cycle in cycles if np.ptp(_phase(times, cycle)) > 0]
    return (*varying, "yearday") if np.ptp(times) > 366 * DAY else tuple(varying)
