"""Columns of the training table that the networks aren't given, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow.compute as pc

from anomgan.data.table.cells import MAX_EXACT_INTEGER, Cells, ParsedCells
from anomgan.data.table.columns.numeric import parse_numbers
from anomgan.utils.types import Bools

INTEGER_PATTERN = r"^[-+]?\d+$"

_MIN_IDENTIFIER_ROWS = 20
"""Fewest rows from which text that is all distinct, or a number that counts, is an identifier."""

_MIN_RISING_ROWS = 30
"""Fewest rows from which numbers that rise by uneven steps count as a clock: a few measurements
may rise as well."""

_MAX_TIES = 4
"""Mean length of runs of equal numbers up to which numbers that rise are a clock, not blocks."""

_EVEN_STEPS = 0.1
"""Largest difference between steps, as a share of the usual one, at which they are even."""

_MAX_COUNT = 1e100
"""The largest number that can count something."""

_MAX_GAPS = 0.05
"""Largest share of missing cells in a column that counts rows or time."""

DropReason = Literal[
    "constant",
    "empty",
    "constant time",
    "text that differs in every row",
    "running number",
    "running number in another order",
    "rises with the file",
    "falls with the file",
    "times of day of few days",
    "times that stand for never",
    "a clock, as you say",
    "text, as you say",
]

_COUNTING: tuple[DropReason, ...] = (
    "running number",
    "running number in another order",
    "rises with the file",
    "falls with the file",
)
"""Reasons of numbers that lie outside in every later row."""


@dataclass(frozen=True)
class Dropped:
    """A column of the training table that the networks aren't given.

    A row in which a constant column holds another value is abnormal all the same.  Times are the
    exception: they pass by themselves.

    Attributes:
        name: The user's name for it.
        reason: Why it was dropped.
        value: The value of a constant column: a float for numbers, otherwise text.
        markers: Texts and numbers that stand for a missing cell.
    """

    name: str
    reason: DropReason
    value: float | str | None = None
    markers: tuple[str, ...] = ()

    def to_json(self) -> list[Any]:
        """Plain data: the fields in order, the last one if there is any."""
        markers = [list(self.markers)] if self.markers else []
        return [self.name, self.reason, self.value, *markers]

    @property
    def counts(self) -> bool:
        """Whether it is a column of numbers that count rows or time."""
        return self.reason in _COUNTING

    @property
    def watched(self) -> bool:
        """Whether another value than in training makes a row abnormal."""
        return self.reason in ("constant", "empty")

    def changed(self, cells: Cells) -> Bools:
        """Where a constant or empty column holds another value than in training, ``(n,)``."""
        if self.reason not in ("empty", "constant", "constant time"):
            return np.zeros(len(cells.missing), dtype=np.bool_)
        cells = cells.blank(self.markers)
        if self.value is None:
            return ~cells.missing
        if isinstance(self.value, float):
            return np.asarray(parse_numbers(cells).values != self.value)
        return np.asarray(cells.to_text().to_numpy(zero_copy_only=False) != self.value)

    def violated(self, cells: Cells) -> Bools:
        """Where a value makes its row abnormal, ``(n,)``; a missing cell doesn't."""
        return self.changed(cells) & ~cells.blank(self.markers).missing & self.watched


def drop_constant(
    name: str, cells: Cells, parsed: ParsedCells, *, is_number: bool = False
) -> Dropped | None:
    """Drop a column with one value; if some cells are missing, that is information to keep.

    Args:
        name: Name of the column.
        cells: Its cells.
        parsed: The cells parsed as the column's kind.
        is_number: Whether that kind is a number.
    """
    values = parsed.values[~np.isnan(parsed.values)]
    if not values.size:  # all numbers are infinite
        return Dropped(name, "empty")
    if values.size < parsed.values.size or np.any(values != values[0]):
        return None
    text = cells.to_text()[0].as_py()
    if is_number and cells.text is not None and abs(values[0]) > MAX_EXACT_INTEGER:
        is_number = not re.fullmatch(INTEGER_PATTERN, text)  # keep all digits
    return Dropped(name, "constant", float(values[0]) if is_number else text)


def drop_text(name: str, cells: Cells, *, identifiers: bool = True) -> Dropped | None:
    """Drop text that is the same in every row or, among ``identifiers``, different in every row."""
    text = cells.to_text()
    distinct = pc.count_distinct(text, mode="all").as_py()
    if distinct == 1:
        return Dropped(name, "constant", text[0].as_py())
    if identifiers and distinct == len(text) >= _MIN_IDENTIFIER_ROWS:
        return Dropped(name, "text that differs in every row")
    return None


def drop_counter(name: str, parsed: ParsedCells) -> Dropped | None:
    """Drop numbers that count the rows or the time: in every later row they lie outside.

    These are whole numbers from 0 or 1 on, each once, in any order; and numbers that rise, or fall,
    from row to row, by even steps or all different ones.  Where some are equal, as in a log with
    several rows a second, they count as well, but not blocks of equal ones in a sorted table.
    """
    numbers = parsed.values[~np.isnan(parsed.values)]
    rows = len(parsed.values)
    if rows < _MIN_IDENTIFIER_ROWS or len(numbers) < (1 - _MAX_GAPS) * rows:
        return None
    if np.abs(numbers).max() > _MAX_COUNT:  # steps would be infinite
        return None
    steps = np.diff(numbers)
    is_integer = bool(np.all(numbers == np.rint(numbers)))
    if is_integer and abs(steps[0]) == 1 and np.all(steps == steps[0]):
        return Dropped(name, "running number")
    first = float(numbers.min())
    is_full = is_integer and first in (0, 1) and numbers.max() + 1 - first == rows
    if is_full and len(np.unique(numbers)) == rows:
        return Dropped(name, "running number in another order")
    moving = steps[steps != 0]
    if not moving.size or np.any(np.sign(moving) != np.sign(moving[0])):
        return None
    uneven = len(moving) < len(steps) or np.ptp(moving) > _EVEN_STEPS * abs(np.median(moving))
    if (uneven and rows < _MIN_RISING_ROWS) or len(numbers) > _MAX_TIES * (len(moving) + 1):
        return None
    return Dropped(name, "rises with the file" if moving[0] > 0 else "falls with the file")
