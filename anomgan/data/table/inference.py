"""What each column of a table holds, found out from its cells."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.columns.base import Column
from anomgan.data.table.columns.boolean import BooleanColumn
from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.data.table.columns.condition import ConditionColumn
from anomgan.data.table.columns.datetimes import DatetimeColumn
from anomgan.data.table.columns.numeric import NumericColumn
from anomgan.data.table.parsing import (
    EXACT,
    NUMBER,
    TRUTH_WORDS,
    Cells,
    Reading,
    as_booleans,
    as_numbers,
    as_text,
    as_times,
    read_cells,
)
from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import quoted, shortened
from anomgan.utils.types import Bools, Floats

READABLE_SHARE = 0.95
"""Share of a text column's filled cells that must be numbers for it to be numeric, and so on."""

DISGUISES = {
    "numbers": (
        r"""^["' ]*[-+]?[$€£¥]?\s?[-+]?"""
        r"""(\d+|\d{1,3}([.,' \x{a0}\x{202f}]\d{3})+)([.,]\d+)?\s?[%$€£¥]?["' ]*$""",
        "with a decimal point and nothing else, as 1234.5",
    ),
    "dates": (
        r"""^["' ]*\d{1,2}[./-]\d{1,2}[./-](\d{2}|\d{4})([ T]\d{1,2}:.*)?["' ]*$""",
        "as in ISO 8601, 2024-12-31 23:59",
    ),
}
"""What people, but not this module, read as something else than text; and how to write it."""

SNIFFED_ROWS = 10_000
"""Rows by which a disguise is told."""

IDENTIFIER_ROWS = 20
"""Fewest rows from which all-distinct text or a running number is taken for an identifier."""

DropReason = Literal["constant", "empty", "text that differs in every row", "running number"]


@dataclass(frozen=True)
class Dropped:
    """A column of the training table that the model doesn't use.

    Attributes:
        name: The user's name for it.
        reason: Why.
        value: What a constant column held: a float for numbers, otherwise its text.
    """

    name: str
    reason: DropReason
    value: float | str | None = None

    def changed(self, cells: Cells) -> Bools:
        """Where a constant column holds something else than it did, (n,); False for others."""
        if self.reason == "empty":
            return ~cells.missing
        if self.reason != "constant":
            return np.zeros(len(cells.missing), dtype=np.bool_)
        if isinstance(self.value, float):
            return np.asarray(as_numbers(cells).values != self.value)
        return np.asarray(as_text(cells).to_numpy(zero_copy_only=False) != self.value)


def infer_conditions(
    frame: pd.DataFrame, names: list[str], wanted: Sequence[str], max_levels: int, source: str
) -> Iterator[ConditionColumn]:
    """The columns to condition on.

    Raises:
        InputError: If one isn't there, or has no levels that come again.
    """
    for name in dict.fromkeys(wanted):
        if name not in names:
            raise InputError(
                f"{source}: no column {name!r} to condition on; choose one of: {quoted(names)}"
            )
        cells = read_cells(frame.iloc[:, names.index(name)], source=source)
        if cells.form == "time" or (cells.form == "text" and _kind(cells) == "datetime"):
            raise InputError(
                f"{source}: column {name!r} can't be a condition: it holds dates or times; bin it "
                f"to levels that come again, such as the hour or the weekday"
            )
        yield ConditionColumn.fit(name, cells, max_levels, source=source)


def infer_columns(
    frame: pd.DataFrame, names: list[str], without: set[str], max_levels: int, source: str
) -> Iterator[Column | Dropped]:
    """What each column is; the first datetime column kept becomes the clock of the later ones.

    Warns:
        DataWarning: If text looks like something else.
    """
    clock_name, clock = "", None
    disguised: dict[str, list[str]] = {what: [] for what in DISGUISES}
    for at, name in enumerate(names):
        if name in without:
            continue
        cells = read_cells(frame.iloc[:, at], source=source)
        column = _infer(name, cells, max_levels, clock_name, clock)
        yield column
        if isinstance(column, DatetimeColumn) and clock is None:
            clock_name, clock = name, column.read(cells).values
        if (seen := _disguise(cells)) is not None:
            disguised[seen[0]].append(f"{name!r} ({seen[1]!r})")
    for what, found in disguised.items():
        if found:
            warnings.warn(
                f"{source}: columns taken for text that look like {what}: {shortened(found)}; "
                f"write them {DISGUISES[what][1]}",
                DataWarning,
                stacklevel=2,
            )


def _infer(
    name: str, cells: Cells, max_levels: int, after: str, clock: Floats | None
) -> Column | Dropped:
    """What one column is; ``after`` and ``clock`` as in :meth:`DatetimeColumn.fit`."""
    if bool(np.all(cells.missing)):
        return Dropped(name, "empty")
    kind = _kind(cells)
    if isinstance(kind, tuple):
        truth = as_booleans(cells, kind)
        return _constant(name, cells, truth) or BooleanColumn.fit(name, cells, truth, kind)
    if kind == "datetime":
        times = as_times(cells)
        return _constant(name, cells, times) or DatetimeColumn.fit(name, cells, times, after, clock)
    if kind == "numeric":
        numbers = as_numbers(cells).finite
        useless = _constant(name, cells, numbers) or _running_number(name, numbers)
        return useless or NumericColumn.fit(name, cells, numbers)
    return _useless_text(name, cells) or CategoryColumn.fit(name, cells, max_levels)


def _kind(cells: Cells) -> Literal["numeric", "datetime", "category"] | tuple[str, str]:
    """The kind of column that most cells fit; for a boolean one its words for false and true."""
    if cells.categorical:
        return "category"
    if cells.form == "boolean":
        return TRUTH_WORDS[0]
    if cells.form == "number":
        return "category" if _lost_digits(cells, as_numbers(cells)) else "numeric"
    if cells.form == "time":
        return "datetime"
    numbers = as_numbers(cells)
    if _fits(numbers):
        return "category" if _lost_digits(cells, numbers) else "numeric"
    words = next((words for words in TRUTH_WORDS if _fits(as_booleans(cells, words))), None)
    return words or ("datetime" if _fits(as_times(cells)) else "category")


def _lost_digits(cells: Cells, numbers: Reading) -> bool:
    """Whether whole numbers that differ would be one as floats: they are names, not amounts."""
    far = np.abs(numbers.values) > EXACT
    if cells.text is None or not far.any():
        return False
    whole = pc.fill_null(pc.match_substring_regex(cells.trimmed, r"^[-+]?\d+$"), False)
    here = far & whole.to_numpy(zero_copy_only=False)
    names = pc.count_distinct(cells.trimmed.filter(pa.array(here))).as_py()
    return bool(names > len(np.unique(numbers.values[here])))


def _disguise(cells: Cells) -> tuple[str, str] | None:
    """What text looks like, a key of `DISGUISES`, and an example; None for honest text."""
    if cells.form != "text" or cells.categorical:
        return None
    text = pc.unique(cells.trimmed.slice(0, SNIFFED_ROWS)).drop_null()
    if not len(text) or _kind(replace(cells, text=text)) != "category":
        return None
    for what, (pattern, _) in DISGUISES.items():
        alike = pc.match_substring_regex(text, pattern)
        odd = text.filter(pc.and_not(alike, pc.match_substring_regex(text, NUMBER)))
        if len(odd) and pc.mean(alike).as_py() >= READABLE_SHARE:
            return what, odd[0].as_py()
    return None


def _fits(reading: Reading) -> bool:
    return reading.share >= READABLE_SHARE


def _constant(name: str, cells: Cells, reading: Reading) -> Dropped | None:
    """The column as a dropped one if it says nothing; one with gaps does say something."""
    known = reading.values[~np.isnan(reading.values)]
    if not known.size:  # nothing but infinite numbers
        return Dropped(name, "empty")
    if known.size < reading.values.size or np.any(known != known[0]):
        return None
    number = cells.form == "number" or (cells.form == "text" and _kind(cells) == "numeric")
    if number and cells.text is not None and abs(known[0]) > EXACT:
        number = not re.fullmatch(r"[-+]?\d+", as_text(cells)[0].as_py())  # keep all digits
    return Dropped(name, "constant", float(known[0]) if number else as_text(cells)[0].as_py())


def _useless_text(name: str, cells: Cells) -> Dropped | None:
    text = as_text(cells)
    distinct = pc.count_distinct(text, mode="all").as_py()
    if distinct == 1:
        return Dropped(name, "constant", text[0].as_py())
    if distinct == len(text) >= IDENTIFIER_ROWS:
        return Dropped(name, "text that differs in every row")
    return None


def _running_number(name: str, reading: Reading) -> Dropped | None:
    with np.errstate(over="ignore"):
        steps = np.diff(reading.values)  # of neighbours, so NaN where one is missing
    runs = steps.size and abs(steps[0]) == 1 and np.all(steps == steps[0])
    whole = float(reading.values[0]).is_integer()
    if runs and whole and len(reading.values) >= IDENTIFIER_ROWS:
        return Dropped(name, "running number")
    return None
