"""The times of a series' rows: reading them, and the rate at which they come."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from anomgan.data.series.windows import Indices
from anomgan.data.table.cells import read_cells
from anomgan.data.table.columns.datetimes import parse_datetimes
from anomgan.data.table.columns.numeric import parse_numbers
from anomgan.data.table.number_reading import read_numbers
from anomgan.data.table.options import TableOptions
from anomgan.data.table.time_form import check_form, describe_form
from anomgan.data.table.time_reading import read_as_times
from anomgan.errors import DataWarning, InputError
from anomgan.utils.serialization import build_dataclass
from anomgan.utils.types import Floats

INDEX = "(index)"
"""Name of a frame's index in messages."""

EVEN_SHARE = 0.8
"""Share of the intervals that must be whole steps for rows to count as evenly spaced."""

MAX_STEP = 1e13
"""Longest step in seconds; the calendar's years aren't longer together."""

_TOLERANCE = 0.25
"""Steps by which an interval may differ from a whole number of them."""

MIN_COMPARED_INTERVALS = 20
"""Intervals from which on the rate of rows to score is compared with that of training."""


@dataclass(frozen=True)
class Clock:
    """Where rows say when they were measured.

    Attributes:
        column: Name of the column; empty for the frame's index.
        forms: How cells write times; ISO 8601 is read besides.
        seconds: Whether cells are plain numbers of seconds.
        step: Seconds between points; 0 where rows aren't evenly spaced, and each is the next point.
        asked: Whether the user gave the step, so that rows are averaged to it.
    """

    column: str
    forms: tuple[str, ...] = ()
    seconds: bool = False
    step: float = 0.0
    asked: bool = False

    @property
    def name(self) -> str:
        """What messages call the column."""
        return f"column {self.column!r}" if self.column else "the index"

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        column: str,
        groups: Indices,
        *,
        every: float,
        options: TableOptions,
        source: str,
    ) -> tuple[Clock, Floats]:
        """Find out how times are written, and how far they lie apart.

        Args:
            frame: Training rows.
            column: Name of the column; empty for the index.
            groups: Number of the series of each row, ``(n,)``.
            every: Seconds between points; 0 to find out.
            options: What the user says about columns.
            source: What messages call the frame.

        Returns:
            The clock, and the time of each row in seconds, ``(n,)``.

        Raises:
            InputError: If the column doesn't exist or holds no times.

        Warns:
            DataWarning: If rows aren't evenly spaced, or days and months can't be told apart.
        """
        clock = cls(column)
        cells = read_cells(clock._select(frame, source), source=source)
        numbers = None if cells.missing.all() else read_numbers(cells, options)
        reading = None
        if numbers is not None:
            reading = read_as_times(column, cells, numbers, options, asked=True)
        if reading is not None and not reading.of_day:
            clock, times = cls(column, reading.forms), reading.parsed.values
            if reading.other:
                warnings.warn(
                    f"{source}: {clock.name}: times are read as {describe_form(reading.forms[0])}; "
                    f"{describe_form(reading.other)} fits as well: --date-format decides",
                    DataWarning,
                    stacklevel=2,
                )
        elif numbers is not None and numbers.form is None and numbers.is_clear:
            clock, times = cls(column, seconds=True), numbers.parsed.mask_infinite().values
        else:
            raise InputError(
                f"{source}: {clock.name} holds no dates with times or numbers of seconds, which "
                f"order the rows of a series; name another one (--time), or say how it is written "
                f"(--date-format)"
            )
        intervals = _measure_intervals(times, groups)
        if not len(intervals):
            raise InputError(f"{source}: {clock.name}: no series has two different times")
        step = every or _find_step(intervals)
        if not step:
            low, middle, high = map(describe_seconds, np.quantile(intervals, [0.1, 0.5, 0.9]))
            warnings.warn(
                f"{source}: {clock.name}: rows aren't evenly spaced (most of them {low} to {high} "
                f"apart); each counts as the next step.  --every {middle} averages them to even "
                f"steps",
                DataWarning,
                stacklevel=2,
            )
        return cls(column, clock.forms, clock.seconds, step, bool(every)), times

    def read(self, frame: pd.DataFrame, groups: Indices, *, source: str) -> Floats:
        """The times of rows to score, ``(n,)`` in seconds, NaN where there is none.

        Raises:
            InputError: If there is no such column, or rows come at another rate than in training.
        """
        cells = read_cells(self._select(frame, source), source=source)
        if self.seconds:
            times = parse_numbers(cells).mask_infinite().values
        else:
            times = parse_datetimes(cells, self.forms, bounded=True).values
        intervals = _measure_intervals(times, groups)
        if self.step and not self.asked and len(intervals) >= MIN_COMPARED_INTERVALS:
            rate = float(np.median(intervals))
            if not self.step / 1.5 <= rate <= self.step * 1.5:
                raise InputError(
                    f"{source}: {self.name}: rows come every {describe_seconds(rate)}, in training "
                    f"every {describe_seconds(self.step)}; give rows at that rate, or fit with "
                    f"--every {describe_seconds(max(rate, self.step))}"
                )
        return times

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Clock:
        """Rebuild from plain data.

        Raises:
            TypeError: If a field is of another type.
            ValueError: If the step or a form can't be those of a fitted clock.
        """
        clock = build_dataclass(cls, state)
        if not 0 <= clock.step <= MAX_STEP or (clock.asked and not clock.step):
            raise ValueError(f"a step of {clock.step} s")
        for form in clock.forms:
            check_form(form)
        return clock

    def ignore_gaps(self, gaps: int, source: str) -> Clock:
        """The clock of rows that count as they come, since gaps leave too little in one piece.

        Warns:
            DataWarning: That gaps are ignored.
        """
        step = describe_seconds(self.step)
        warnings.warn(
            f"{source}: {self.name}: {gaps:,} gaps leave few rows in one piece; each row counts as "
            f"the next step, whatever lies between.  --every with a duration above {step} averages "
            f"rows to steps that have one",
            DataWarning,
            stacklevel=2,
        )
        return replace(self, step=0.0)

    def place(self, times: Floats) -> Floats:
        """The times that rows are placed by: to an asked step they are rounded down."""
        return np.floor(times / self.step) * self.step if self.asked else times

    def _select(self, frame: pd.DataFrame, source: str) -> pd.Series[Any]:
        """The cells of the column or the index.

        Raises:
            InputError: If there is none.
        """
        if self.column:
            names = [str(name) for name in frame.columns]
            if self.column not in names:
                raise InputError(
                    f"{source}: no column {self.column!r}, which says when rows were measured"
                )
            return frame.iloc[:, names.index(self.column)]
        if not isinstance(frame.index, pd.DatetimeIndex):
            raise InputError(
                f"{source}: the model was fitted on a frame whose index holds the times; give one "
                f"with a DatetimeIndex"
            )
        return frame.index.to_series().reset_index(drop=True)

    def describe(self) -> str:
        """Where times stand, and the rate, in a few words."""
        rate = f"every {describe_seconds(self.step)}" if self.step else "unevenly spaced"
        return f"{self.column or INDEX}, {rate}"


def _find_step(intervals: Floats) -> float:
    """The step of which intervals are whole numbers, as where rows are missing; 0 if none is."""
    step = float(np.median(intervals))
    steps = intervals / step
    near = np.abs(steps - np.rint(steps)) <= _TOLERANCE
    return step if np.mean(near & (steps > 0.5)) >= EVEN_SHARE else 0.0


def _measure_intervals(times: Floats, groups: Indices) -> Floats:
    """Seconds between neighbouring times of each series, those that are equal left out."""
    known = ~np.isnan(times)
    order = np.lexsort((times[known], groups[known]))
    intervals = np.diff(times[known][order])
    same = np.diff(groups[known][order]) == 0
    return np.asarray(intervals[same & (intervals > 0)])


_UNITS = (("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6))


def describe_seconds(seconds: float) -> str:
    """A duration as ``--every`` takes it, in the largest unit of which there is a whole number.

    >>> describe_seconds(300.0), describe_seconds(0.25), describe_seconds(86400.0)
    ('5min', '250ms', '1d')
    """
    for unit, size in _UNITS:
        count = seconds / size
        if count >= 1 and abs(count - round(count)) < 1e-6 * count:
            return f"{round(count)}{unit}"
    return f"{seconds:.4g}s"
