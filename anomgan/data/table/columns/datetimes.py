"""Columns of dates and times, and parsing dates.

They are encoded as elapsed time and as the phases of day, week and year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from anomgan.data.table.cells import Cells, ParsedCells, read_cells
from anomgan.data.table.columns.column import Column, ColumnKind, Part, as_dtype, check_scale
from anomgan.data.table.cycles import DAY_S, Cycle, cycle_phase, find_cycles
from anomgan.data.table.robust_scaling import from_scale, robust_scale, to_scale
from anomgan.data.table.time_evidence import find_text_times, runs_with_file
from anomgan.data.table.time_form import (
    check_form,
    describe_form,
    is_count,
    read_times,
    write_times,
)
from anomgan.utils.types import Floats

_MIN_TIME_S, _MAX_TIME_S = -62_135_596_800.0, 253_402_300_799.0
"""The years 1 to 9999 in seconds since 1970; generated times are clipped to them."""

_NANOSECOND_RANGE_S = -9.2e9, 9.2e9
"""The same for dtypes in nanoseconds: the years 1678 to 2261."""

_SHOWN_ROWS = 1_000
"""Unreadable cells that are tried as times of another form."""

_FIRST_DAY_S, _LAST_DAY_S = _MIN_TIME_S + DAY_S, _MAX_TIME_S + 1 - DAY_S
"""Before and from then on times stand for never: 0001-01-01 and 9999-12-31."""


@dataclass(frozen=True)
class DatetimeColumn(Column):
    """Times in UTC, encoded as elapsed days and as phases of the day, the week and the year.

    The table's first datetime column is its clock.  Elapsed time of the clock counts from its own
    median, that of the others from the clock in the same row, which makes them durations.  A clock
    that runs with the file, as in a log, has no elapsed time: every later row would be an outlier.

    Attributes:
        center: Median elapsed days, since 1970 for the clock.
        scale: Robust standard deviation of the elapsed days.
        elapsed: Whether elapsed time is encoded.
        after: Name of the clock, for the other datetime columns.
        cycles: The cycles that training went through; each is encoded as a sine and a cosine.
        forms: How numbers or text write times, as :func:`.time_form.read_times` takes it; ISO 8601
            is read besides.
        bounded: Whether the first day of the year 1 and the last of 9999 are no times.
    """

    center: float
    scale: float
    elapsed: bool = True
    after: str = ""
    cycles: tuple[Cycle, ...] = ()
    forms: tuple[str, ...] = ()
    bounded: bool = False

    kind: ClassVar[ColumnKind] = "datetime"
    expected: ClassVar[str] = "an ISO 8601 date or time"

    @classmethod
    def fit(
        cls,
        name: str,
        cells: Cells,
        parsed: ParsedCells,
        after: str,
        clock: Floats | None,
        forms: tuple[str, ...] = (),
    ) -> Self:
        """Fit to at least one readable time.

        Args:
            name: Name of the column.
            cells: Its cells.
            parsed: The cells parsed as times, ``(n,)``.
            after: Name of the clock; empty if this is the clock.
            clock: The clock's times, ``(n,)`` in seconds, NaN where missing; None if this is the
                clock.
            forms: How the cells write times.
        """
        times = parsed.values
        gaps = np.isnan(times)
        days = _elapsed_days(times, clock)
        finite_days = days[~np.isnan(days)]
        center, scale = robust_scale(finite_days) if finite_days.size else (0.0, 1.0)
        dtype = cells.dtype
        if cells.form == "text" and forms:
            digits = pc.all(pc.match_substring_regex(cells.trimmed, r"^\d+$")).as_py()
            dtype = "int64" if digits else "float64" if is_count(forms[0]) else "str"
        elif cells.form == "text":
            zoned = pc.any(pc.match_substring_regex(cells.text, r":.*(Z|[+-]\d\d:?\d*)\s*$"))
            dtype = "datetime64[us, UTC]" if zoned.as_py() else "datetime64[us]"
        elapsed = bool(after) or not runs_with_file(times[~gaps])
        return cls(
            name,
            dtype,
            bool(gaps.any()),
            center,
            scale,
            elapsed,
            after,
            find_cycles(times[~gaps]),
            forms,
            bounded=True,
        )

    def parse_filled(self, cells: Cells) -> ParsedCells:
        """Seconds since 1970 in UTC."""
        return parse_datetimes(cells, self.forms, bounded=self.bounded)

    @property
    def wanted(self) -> str:
        """See :attr:`anomgan.data.table.columns.column.Column.wanted`."""
        return f"a time written as {describe_form(self.forms[0])}" if self.forms else self.expected

    def describe_form(self) -> str:
        """See :meth:`anomgan.data.table.columns.column.Column.describe_form`."""
        return describe_form(self.forms[0]) if self.forms else ""

    def describe_range(self) -> str:
        """The median, as a date or in days since the clock."""
        if self.after:
            return f"about {self.center:.4g} days after {self.after}"
        day = np.datetime64(int(np.floor(self.center)), "D")
        return f"about {day}"

    def describe_other_form(self, unreadable: pd.Series[Any]) -> str:
        """How cells write times that training wrote otherwise, if they are some."""
        cells = read_cells(unreadable.iloc[:_SHOWN_ROWS])
        is_text = cells.form == "text" and not parse_datetimes(cells).readable_share
        found = find_text_times(self.name, cells) if is_text else None
        if found is None:
            return ""
        return (
            f": they look like {describe_form(found.forms[0])}; write them as in training, or fit "
            f"with --date-format {self.name}=FORMAT"
        )

    def value_parts(self) -> list[Part]:
        """Elapsed time, then sine and cosine of each cycle."""
        elapsed: list[Part] = [(f"{self.name} (elapsed)", "numeric", 1, self.name)]
        return (elapsed if self.elapsed else []) + [
            (f"{self.name} ({cycle}, {wave})", "numeric", 1, self.name)
            for cycle in self.cycles
            for wave in ("sin", "cos")
        ]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """Scaled days, sines and cosines; a missing time is 0 in all of them."""
        at = 0
        if self.elapsed:
            days = _elapsed_days(values, clock if self.after else None)
            out[:, 0] = to_scale(days, self.center, self.scale)
            at = 1
        for cycle in self.cycles:
            angle = 2 * np.pi * cycle_phase(values, cycle)
            out[:, at] = np.nan_to_num(np.sin(angle))
            out[:, at + 1] = np.nan_to_num(np.cos(angle))
            at += 2

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """Seconds since 1970; if elapsed time isn't encoded, in the week after the median."""
        if self.elapsed:
            days = from_scale(block[:, 0], self.center, self.scale)
            seconds = days * DAY_S + (clock if self.after and clock is not None else 0.0)
        else:
            seconds = self._decode_phases(block)
        return np.clip(seconds, _MIN_TIME_S, _MAX_TIME_S)

    def _decode_phases(self, block: Floats) -> Floats:
        """Times with the encoded weekday and hour in the week that follows the median, ``(n,)``."""
        day, time_of_day = divmod(self.center * DAY_S, DAY_S)
        seconds = np.full(len(block), day * DAY_S + time_of_day)
        for at, cycle in enumerate(self.cycles):
            phase = np.arctan2(block[:, 2 * at], block[:, 2 * at + 1]) / (2 * np.pi)
            if cycle == "hour":
                seconds += phase % 1.0 * DAY_S - time_of_day
            elif cycle == "weekday":
                weekday = cycle_phase(seconds[:1], "weekday")
                seconds += np.rint((phase - weekday) * 7) % 7 * DAY_S
        return seconds

    def check(self) -> None:
        """See :meth:`anomgan.data.table.columns.column.Column.check`."""
        super().check()
        check_scale(self.name, self.scale)
        for form in self.forms:
            check_form(form)

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Times as training wrote them, or in its time zone, clipped to the range of the dtype."""
        if self.forms:
            written = write_times(values, self.forms[0], self.dtype)
            return written if written.isna().any() else as_dtype(written, self.dtype)
        dtype: Any = pd.api.types.pandas_dtype(self.dtype)
        if (getattr(dtype, "unit", None) or np.datetime_data(dtype)[0]) == "ns":
            values = np.clip(values, *_NANOSECOND_RANGE_S)
        stamps = np.full(len(values), np.datetime64("NaT", "us"))
        filled = ~np.isnan(values)
        stamps[filled] = np.rint(values[filled] * 1e6).astype(np.int64).astype("datetime64[us]")
        series = pd.Series(stamps)
        zone = getattr(dtype, "tz", None)
        if zone is not None:
            series = series.dt.tz_localize("UTC").dt.tz_convert(zone)
        return as_dtype(series, self.dtype)


def parse_datetimes(
    cells: Cells, forms: tuple[str, ...] = (), *, bounded: bool = False
) -> ParsedCells:
    """Parse cells as times, in seconds since 1970 in UTC.

    Args:
        cells: The cells.
        forms: How numbers or text write times; ISO 8601 is read besides, such as
            ``2024-12-31 23:59``.  Without an offset text counts as UTC.
        bounded: Whether the first day of the year 1 and the last of 9999 are no times.
    """
    if cells.form == "boolean" or (cells.form == "number" and not forms):
        return cells.unparsed()
    times = cells.parsed_as().values if cells.form == "time" else read_times(cells, forms)
    if bounded:
        times = np.where((times >= _FIRST_DAY_S) & (times < _LAST_DAY_S), times, np.nan)
    return cells.parsed_as(times)


def _elapsed_days(times: Floats, clock: Floats | None) -> Floats:
    return (times if clock is None else times - clock) / DAY_S
