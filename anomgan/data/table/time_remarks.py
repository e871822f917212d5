"""Say how columns of times were read, and what of them is learnt, in the summary of a fit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from anomgan.data.table.columns.datetimes import DatetimeColumn
from anomgan.data.table.cycles import CYCLE_NAMES, CYCLES, MIN_PERIODS, cycle_varies
from anomgan.utils.types import Floats


def describe_learnt(column: DatetimeColumn, times: Floats) -> str:
    """What of a column of times is learnt, and why not the rest, as one sentence.

    Args:
        column: The fitted column.
        times: Its times in training, ``(n,)`` in seconds, NaN where missing.
    """
    learnt = [CYCLE_NAMES[cycle] for cycle in column.cycles]
    if column.elapsed:
        learnt.insert(0, f"time since {column.after!r}" if column.after else "time elapsed")
    unlearnt = list(_describe_unlearnt(column, times[~np.isnan(times)]))
    rest = f"; not learnt: {'; '.join(unlearnt)}" if unlearnt else ""
    return f"column {column.name!r}: learnt of these times: {', '.join(learnt) or 'nothing'}{rest}"


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
        yield f"{' and '.join(seldom)} (training doesn't go through it {MIN_PERIODS} times)"
