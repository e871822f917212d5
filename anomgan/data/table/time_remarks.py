"""Say how columns of times were read, and what of them is learnt, in the summary of a fit."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

import numpy as np
import pyarrow.compute as pc

from anomgan.data.table.cells import Cells
from anomgan.data.table.columns.column import Column
from anomgan.data.table.columns.datetimes import DatetimeColumn
from anomgan.data.table.columns.times_of_day import TimeOfDayColumn
from anomgan.data.table.cycles import CYCLE_NAMES, CYCLES, DAY_S, MIN_PERIODS, cycle_varies
from anomgan.data.table.dropped import Dropped
from anomgan.data.table.time_form import describe_form
from anomgan.data.table.time_reading import TimeReading
from anomgan.utils.types import Floats

_HOUR_S, _TEN_HOURS_S = 3_600, 36_000


class TimeRemarks:
    """Collects what is to be said about columns of times."""

    def __init__(self) -> None:
        """For columns to come."""
        self._notes: list[str] = []
        self._warnings: list[str] = []

    def add(
        self, column: Column | Dropped, cells: Cells, reading: TimeReading, *, asked: bool
    ) -> None:
        """Add what is to be said about one column.

        Args:
            column: The fitted column.
            cells: Its cells, ``(n,)``.
            reading: The cells read as times.
            asked: Whether the user says that they are times.
        """
        times = reading.parsed.values
        if np.isnan(times).all():
            return
        if reading.of_day and not asked and _may_be_spans(cells, times):
            at = int(np.argmax(~np.isnan(times)))
            self._warnings.append(
                f"column {column.name!r}: {cells.to_text()[at].as_py()!r} (row {at}) is read as a "
                f"time of day; if it is how long something took, write it in seconds, or leave it "
                f"out with --text {column.name}; --time {column.name} confirms"
            )
        read = f"column {column.name!r}: {_describe_reading(cells, reading)}"
        if isinstance(column, DatetimeColumn):
            self._notes.append(f"{read}learnt of these times: {_describe_learnt(column, times)}")
            if reading.other:
                self._warnings.append(
                    f"{read.rstrip('; ')}, but they may be {reading.other} as well; "
                    f"--date-format {quote(f'{column.name}={reading.forms[0]}')} confirms, "
                    f"--date-format {quote(f'{column.name}={reading.other}')} changes it"
                )
        elif isinstance(column, TimeOfDayColumn):
            self._notes.append(f"{read}learnt of these times: hour of the day")
        elif isinstance(column, Dropped) and column.reason == "times of day of few days":
            self._notes.append(
                f"{read}learnt of these times: nothing; the day isn't gone through "
                f"{MIN_PERIODS} times"
            )

    def notes(self) -> list[str]:
        """Sentences for the summary."""
        return self._notes

    def warnings(self) -> list[str]:
        """Sentences of which the user should know before anything is learnt."""
        return self._warnings


def _may_be_spans(cells: Cells, times: Floats) -> bool:
    """Whether times of day may be durations: none from ten hours on, written as 0:45 or 00:03:10.

    Args:
        cells: The cells, ``(n,)``.
        times: Seconds since midnight, ``(n,)``, NaN where missing.
    """
    if cells.form != "text" or np.nanmax(times) >= _TEN_HOURS_S:
        return False
    padded = pc.match_substring_regex(cells.trimmed, r"^\d\d").drop_null()
    return not pc.any(padded).as_py() or bool(np.nanmax(times) < _HOUR_S)


def _describe_reading(cells: Cells, reading: TimeReading) -> str:
    """How cells were read if they aren't ISO 8601, with the first as an example."""
    if not reading.forms:
        return ""
    at = int(np.argmax(~np.isnan(reading.parsed.values)))
    seconds = reading.parsed.values[at]
    moment = np.datetime64(round(seconds * 1e3), "ms").astype(object)
    shown = f"{moment:%H:%M:%S}" if reading.of_day else f"{moment:%Y-%m-%d}"
    if not reading.of_day and seconds % DAY_S:
        shown += f" {moment:%H:%M:%S}"
    cell = cells.to_text()[at].as_py()
    return f"read as {describe_form(reading.forms[0])} ({cell!r} is {shown}); "


def _describe_learnt(column: DatetimeColumn, times: Floats) -> str:
    """What of a column of times is learnt, and why not the rest."""
    learnt = [CYCLE_NAMES[cycle] for cycle in column.cycles]
    if column.elapsed:
        learnt.insert(0, f"time since {column.after!r}" if column.after else "time elapsed")
    unlearnt = list(_describe_unlearnt(column, times[~np.isnan(times)]))
    rest = f"; not learnt: {'; '.join(unlearnt)}" if unlearnt else ""
    return f"{', '.join(learnt) or 'nothing'}{rest}"


def _describe_unlearnt(column: DatetimeColumn, times: Floats) -> Iterator[str]:
    """What isn't learnt, with the reason."""
    if not column.elapsed:
        yield "time elapsed (it runs with the file: every later row would lie outside)"
    seldom = [
        CYCLE_NAMES[cycle]
        for cycle in CYCLES
        if cycle not in column.cycles and cycle_varies(times, cycle)
    ]
    if seldom:
        yield f"{', '.join(seldom)} (training doesn't go through it {MIN_PERIODS} times)"
