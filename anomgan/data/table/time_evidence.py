"""Find out whether a column holds times, and how it writes them.

Text must have the form of a date or time of day; numbers must lie where counts since 1970, dates
without separators or Excel's days lie, and rise with the file or be named like a time.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.cells import Cells
from anomgan.data.table.time_form import UNITS, count_to_seconds, is_time_of_day, read_times
from anomgan.data.table.time_format import DateOrder, guess_format, holds_order
from anomgan.utils.types import Floats

READABLE_SHARE = 0.95
"""Share of a text column's filled cells that must be times for it to be a column of times."""

MONOTONE_SHARE = 0.95
"""Share of steps in one direction from which times count as running with the file."""

_TIME_NAME = re.compile(
    r"time|date|epoch|(?:^|[^a-z])(?:ts|at|when|day|since|clock)(?:$|[^a-z])", re.IGNORECASE
)
_SPAN_NAME = re.compile(
    r"dura|elapsed|pace|split|latenc|delay|response|timeout|uptime|runtime|lifetime|interval|spent|total|"
    r"count|updates|candidate|per_|age",
    re.IGNORECASE,
)
"""Names of times, and of amounts that have a name like a time's."""

_YEAR_1995_S, _YEAR_2040_S = 7.9e8, 2.21e9
"""Between these lie the times of computers; wider, and amounts would be taken for times."""

_EXCEL_DAYS = 36_526.0, 62_000.0
"""Excel's days of the years 2000 to 2069."""

_MOST = _YEAR_2040_S * 1e9
"""The largest number that is a time: nanoseconds."""

_DIGIT_FORMS = {"%Y%m%d": 10**4, "%Y%m%d%H": 10**6, "%Y%m%d%H%M": 10**8, "%Y%m%d%H%M%S": 10**10}
"""Formats of whole numbers -> what they are divided by to give the year."""

_YEARS = 1_950, 2_099

_MIN_DATES = 3
"""Fewest different whole numbers that are all dates for it to be no accident."""

_MIN_ROWS = 20
"""Fewest rows of numbers of which it can be told that they rise with the file."""

_LONG_SPAN = 100
"""Ratio of spans from which on the longer one isn't meant: days, not years."""

_TRIED, _SAMPLED = 200, 2_000
"""Distinct cells from which it shows whether they are times at all, and from which forms."""


@dataclass(frozen=True)
class TimeEvidence:
    """How a column writes times.

    Attributes:
        forms: As :func:`anomgan.data.table.time_form.read_times` takes them.
        other: The form that fits all cells as well, and means other days; empty if there is none.
    """

    forms: tuple[str, ...]
    other: str = ""


def names_time(name: str) -> bool:
    """Whether a column is named like a time."""
    return bool(_TIME_NAME.search(name)) and not _SPAN_NAME.search(name)


def runs_with_file(times: Floats) -> bool:
    """Whether nearly all steps have one direction, as in a log, or in one with the newest first."""
    steps = np.diff(times)
    return steps.size > 0 and bool(max(np.mean(steps >= 0), np.mean(steps <= 0)) >= MONOTONE_SHARE)


def find_number_times(
    name: str, cells: Cells, numbers: Floats, *, asked: bool = False
) -> TimeEvidence | None:
    """How numbers are times, None if it doesn't show that they are.

    Args:
        name: Name of the column.
        cells: Its cells.
        numbers: The cells as numbers, ``(n,)``, NaN where missing.
        asked: Whether the user says that they are times.
    """
    filled = numbers[~np.isnan(numbers)]
    if not filled.size or filled.min() < _EXCEL_DAYS[0] or filled.max() > _MOST:
        return None
    named = asked or names_time(name)
    if np.all(filled == np.rint(filled)):
        distinct = len(np.unique(filled[:_SAMPLED]))
        if named or distinct >= _MIN_DATES:
            for form, divisor in _DIGIT_FORMS.items():
                years = filled // divisor
                if np.all((years >= _YEARS[0]) & (years <= _YEARS[1])):
                    times = read_times(cells, (form,))
                    if not np.isnan(times[~np.isnan(numbers)]).any():
                        return TimeEvidence((form,))
    running = len(filled) >= _MIN_ROWS and runs_with_file(filled) and np.ptp(filled) > 0
    for unit in UNITS:
        if unit == "excel" or not (named or running):
            continue
        times = count_to_seconds(filled, unit)
        if np.all((times >= _YEAR_1995_S) & (times <= _YEAR_2040_S)):
            return TimeEvidence((unit,))
    if named and np.all((filled >= _EXCEL_DAYS[0]) & (filled <= _EXCEL_DAYS[1])):
        is_fractional = bool(np.any(filled != np.rint(filled)))
        if asked or is_fractional or re.search("date|day", name, re.IGNORECASE):
            return TimeEvidence(("excel",))
    return None


def find_text_times(
    name: str, cells: Cells, *, least: float = READABLE_SHARE
) -> TimeEvidence | None:
    """How text writes times, None if it doesn't.

    Args:
        name: Name of the column: in one named like a span, 0:45 isn't a time of day.
        cells: Text; that all of it is ISO 8601 was tried before.
        least: Share of the filled cells that must be times.
    """
    distinct = pc.unique(cells.trimmed).drop_null()
    sample = distinct.take(pa.array(_spread(len(distinct), _SAMPLED))).to_pylist()
    tried = sample[:: max(1, len(sample) // _TRIED)]
    if sum(guess_format(text) is not None for text in tried) < least / 2 * len(tried):
        return None
    orders: tuple[DateOrder, ...] = ("day", "month", "year")
    if not any(map(holds_order, tried)):
        orders = ("day",)
    found = {}
    for order in orders:
        guesses = Counter(filter(None, (guess_format(text, order) for text in sample)))
        # The commonest form that reads cells of several goes first; the rest read what is left.
        forms = tuple(form for form, _ in guesses.most_common())
        of_day = {is_time_of_day(form) for form in forms}
        if not forms or len(of_day) > 1 or (True in of_day and _SPAN_NAME.search(name)):
            continue
        few = replace(cells, text=pa.array(sample, pa.large_string()))
        if np.mean(~np.isnan(read_times(few, forms))) < least / 2:  # all cells would take long
            continue
        times = read_times(cells, forms)
        share = float(np.count_nonzero(~np.isnan(times)) / np.count_nonzero(~cells.missing))
        if share >= least:
            found[order] = (forms, times[~np.isnan(times)], share)
    return _choose(found)


def _choose(found: dict[DateOrder, tuple[tuple[str, ...], Floats, float]]) -> TimeEvidence | None:
    """Choose between orders of the date: what reads most, runs with the file, spans least.

    A point separates dates that begin with the day, wherever people write them.
    """
    if not found:
        return None
    most = max(share for _, _, share in found.values())
    equal = {order: each for order, each in found.items() if each[2] == most}

    def judge(order: DateOrder) -> tuple[bool, bool, float]:
        forms, times, _ = equal[order]
        dotted = order == "day" and "%d.%m." in forms[0]
        return dotted, runs_with_file(times), -float(np.ptp(times))

    ranked = sorted(equal, key=judge, reverse=True)
    forms, times, _ = equal[ranked[0]]
    best = judge(ranked[0])
    others = [
        equal[order][0][0]
        for order in ranked[1:]
        if judge(order)[:2] == best[:2]
        and judge(order)[2] >= best[2] * _LONG_SPAN
        and not np.array_equal(equal[order][1], times)
    ]
    return TimeEvidence(forms, others[0] if others else "")


def _spread(count: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Indices of at most ``most`` of ``count`` things, from the first to the last."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).astype(np.int64))


def fits_form(cells: Cells, form: str) -> bool:
    """Whether nearly all text is written in one form that the user gives for all columns."""
    if cells.form != "text" or cells.categorical:
        return False
    times = read_times(cells, (form,))
    filled = int(np.count_nonzero(~cells.missing))
    readable = int(np.count_nonzero(~np.isnan(times)))
    return filled > 0 and readable >= READABLE_SHARE * filled
