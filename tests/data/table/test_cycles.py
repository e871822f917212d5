"""A cycle counts where training went through it several times, and never as time in disguise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from anomgan.data.table.cycles import find_cycles, number_days
from anomgan.data.table.schema import Schema

DAY = 86_400.0
RNG = np.random.default_rng(5)


def seconds(start: str, periods: int, freq: str) -> np.ndarray:
    """Regular times in seconds since 1970."""
    index = pd.date_range(start, periods=periods, freq=freq)
    return index.to_numpy().astype("datetime64[s]").astype(float)


@pytest.mark.parametrize(
    ("times", "cycles"),
    [
        (seconds("2024-05-06 08:00", 2000, "1s"), ()),  # half an hour
        (seconds("2024-05-06", 60, "1h"), ()),  # two days and a half
        (seconds("2024-05-06", 72, "1h"), ("hour",)),
        (seconds("2024-05-07", 24 * 15, "1h"), ("hour",)),  # two weeks and a day
        (seconds("2024-05-06", 24 * 21, "1h"), ("hour", "weekday")),
        (seconds("2024-05-06", 60, "1D"), ("weekday",)),  # no hours at midnight
        (seconds("2024-01-01", 40, "7D"), ()),
        (seconds("2020-01-01", 2 * 365, "1D"), ("weekday",)),
        (seconds("2020-01-01", 3 * 365 + 1, "1D"), ("weekday", "yearday")),
        (seconds("2020-01-01", 3 * 365 + 1, "1D")[::-1], ("weekday", "yearday")),
        (RNG.permutation(seconds("2024-05-06", 72, "1h")), ("hour",)),
        (seconds("2024-05-06 09:30", 1, "1h"), ()),
    ],
)
def test_cycles_that_training_went_through(times: np.ndarray, cycles: tuple[str, ...]) -> None:
    assert find_cycles(times) == cycles


@pytest.mark.parametrize(("days", "counts"), [(4, False), (40, True)])
def test_phases_seldom_seen_take_more_periods(days: int, counts: bool) -> None:
    """Twenty minutes each morning: few of them don't show that there is no afternoon."""
    morning = seconds("2024-05-06 08:00", 20, "1min")
    times = np.concatenate([morning + day * DAY for day in range(days)])
    assert ("hour" in find_cycles(times)) == counts


def test_a_burst_in_a_long_log_hides_nothing() -> None:
    """Nearly all rows are of one hour that came once; a few others don't make it a cycle."""
    few = seconds("2024-05-01", 8 * 30, "3h")
    burst = seconds("2024-05-31 12:00", 3600, "1s")
    assert find_cycles(few) == ("hour", "weekday")
    assert "weekday" not in find_cycles(np.concatenate([few[: 8 * 14], burst]))


def test_times_of_day_are_numbered_by_days() -> None:
    day = np.arange(0, DAY, 3600)
    times = number_days(np.tile(day, 3))
    assert np.all(np.diff(times) == 3600)
    assert find_cycles(times) == ("hour",)
    assert find_cycles(number_days(day)) == ()
    assert find_cycles(number_days(np.tile(day, 3)[::-1])) == ("hour",)
    office = np.arange(9 * 3600, 17 * 3600, 600.0)
    assert np.ptp(number_days(np.tile(office, 20)) // DAY) == 19


def test_the_summary_says_what_of_a_time_is_learnt() -> None:
    hourly = pd.DataFrame({"at": pd.date_range("2024-05-06", periods=100, freq="1h")})
    (note,) = Schema.infer(hourly).notes()
    assert note == (
        "column 'at': learnt of these times: hour of the day; not learnt: time elapsed (it runs "
        "with the file: every later row would lie outside); weekday, day of the year (training "
        "doesn't go through it 3 times)"
    )
    free = hourly.assign(at=RNG.permutation(hourly["at"]), end=RNG.permutation(hourly["at"]))
    notes = Schema.infer(free[["at", "end"]]).notes()
    assert notes[0].startswith("column 'at': learnt of these times: time elapsed, hour of the day")
    assert notes[1].startswith("column 'end': learnt of these times: time since 'at', hour of the")
