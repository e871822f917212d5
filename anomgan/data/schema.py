"""The columns a model knows: found out once, stored as JSON, checked against every later table."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.boolean import BooleanColumn
from anomgan.data.category import CategoryColumn
from anomgan.data.cells import (
    EXACT,
    TRUTH_WORDS,
    Bools,
    Cells,
    Floats,
    Reading,
    as_booleans,
    as_numbers,
    as_text,
    as_times,
    read_cells,
)
from anomgan.data.columns import Column, ColumnKind, refuse_duplicates
from anomgan.data.condition import ConditionColumn
from anomgan.data.datetimes import DatetimeColumn
from anomgan.data.numeric import NumericColumn
from anomgan.errors import DataWarning, InputError
from anomgan.plainly import typed

READABLE_SHARE = 0.95
"""Share of a text column's filled cells that must be numbers for it to be numeric, and so on."""

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


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in the training table's order.

    Attributes:
        columns: Those the model judges.
        dropped: Those it doesn't use.
        conditions: Those that say which range of normal holds, in the user's order.
    """

    columns: tuple[Column, ...]
    dropped: tuple[Dropped, ...] = ()
    conditions: tuple[ConditionColumn, ...] = ()

    @classmethod
    def infer(
        cls,
        frame: pd.DataFrame,
        *,
        conditions: Sequence[str] = (),
        max_levels: int = 64,
        source: str = "the table",
    ) -> Schema:
        """Find out what each column holds.

        Text is boolean (true/false, yes/no, t/f or y/n), numeric or datetime (ISO 8601) if at least
        `READABLE_SHARE` of its filled cells are; otherwise it is a category.

        Args:
            frame: Training table with at least one row.
            conditions: Names of the columns to condition on, whatever they hold.
            max_levels: Most levels of a category or condition that get an entry of their own.
            source: What messages call the table.

        Raises:
            InputError: If two columns share a name, a cell isn't a single value, no column is of
                use, or a condition isn't there or holds no levels that repeat.

        Warns:
            DataWarning: If columns are dropped; names them.  If a condition has one level.
        """
        names = [str(name) for name in frame.columns]
        refuse_duplicates(names, source)
        conditioned = tuple(_infer_conditions(frame, names, conditions, max_levels, source))
        found = list(_infer_columns(frame, names, set(conditions), max_levels, source))
        schema = cls(
            tuple(column for column in found if isinstance(column, Column)),
            tuple(column for column in found if isinstance(column, Dropped)),
            conditioned,
        )
        if not any(column.parts() for column in schema.columns):
            given = [f"{name!r} (condition)" for name in dict.fromkeys(conditions)]
            left_out = ", ".join(filter(None, [schema._left_out, shortened(given)]))
            raise InputError(f"{source}: no column to learn from; left out: {left_out}")
        if schema.dropped:
            warnings.warn(
                f"{source}: columns left out: {schema._left_out}",
                DataWarning,
                stacklevel=2,
            )
        return schema

    @classmethod
    def of_conditions(
        cls,
        frame: pd.DataFrame,
        *,
        conditions: Sequence[str],
        max_levels: int = 64,
        source: str = "the table",
    ) -> Schema:
        """Conditions alone, for records whose other columns aren't a table's; as :meth:`infer`."""
        names = [str(name) for name in frame.columns]
        refuse_duplicates(names, source)
        return cls((), (), tuple(_infer_conditions(frame, names, conditions, max_levels, source)))

    @property
    def _left_out(self) -> str:
        return shortened([_described(column) for column in self.dropped])

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in (*self.columns, *self.conditions)}

    def __getitem__(self, name: str) -> Column:
        """The column of this name.

        Raises:
            KeyError: If the model doesn't use one.
        """
        return self._by_name[name]

    @property
    def clock(self) -> str | None:
        """Name of the first datetime column, from which the others count."""
        return next((c.name for c in self.columns if isinstance(c, DatetimeColumn)), None)

    def names_by_kind(self) -> dict[ColumnKind, list[str]]:
        """Names of the judged columns under each kind that occurs."""
        names: dict[ColumnKind, list[str]] = {}
        for column in self.columns:
            names.setdefault(column.kind, []).append(column.name)
        return names

    def notes(self) -> list[str]:
        """What was left out and why, a sentence each, for the user."""
        dropped = [f"column {_described(column)} was left out" for column in self.dropped]
        running = [
            f"column {column.name!r} runs with the file, so time elapsed was left out: "
            f"every later row would lie outside"
            for column in self.columns
            if isinstance(column, DatetimeColumn) and not column.elapsed
        ]
        return dropped + running

    def locate(
        self, frame: pd.DataFrame, *, source: str = "the table", warn: bool = True
    ) -> dict[str, int]:
        """Find this schema's columns in a table, wherever they stand.

        Args:
            frame: Any table.
            source: What messages call it.
            warn: Whether to warn about further columns; wanted once per file, not once per chunk.

        Returns:
            Position of each used column and, as far as they are there, of the dropped ones.

        Raises:
            InputError: If a used column isn't there, or two columns share a name.

        Warns:
            DataWarning: If there are columns the model doesn't know.
        """
        names = [str(name) for name in frame.columns]
        refuse_duplicates(names, source)
        positions = {name: at for at, name in enumerate(names)}
        absent = [name for name in self._by_name if name not in positions]
        if absent:
            raise InputError(
                f"{source}: no column {_quoted(absent)}; the model expects {len(self._by_name)} "
                f"columns: {_quoted(list(self._by_name))}"
            )
        known = self._by_name.keys() | {column.name for column in self.dropped}
        extra = [name for name in names if name not in known]
        if extra and warn:
            warnings.warn(
                f"{source}: columns the model doesn't know are ignored: {_quoted(extra)}",
                DataWarning,
                stacklevel=2,
            )
        return {name: at for name, at in positions.items() if name in known}

    def to_json(self) -> dict[str, Any]:
        """Plain data from which :meth:`from_json` rebuilds this schema."""
        return {
            "columns": [column.to_json() for column in self.columns],
            "dropped": [[column.name, column.reason, column.value] for column in self.dropped],
            "conditions": [column.to_json() for column in self.conditions],
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Schema:
        """Rebuild from :meth:`to_json`.

        Raises:
            TypeError: If a field is of another type.
            ValueError: If a column stands where a condition should, or the other way round; if two
                share a name, or a datetime column counts from another one than the clock.
        """
        columns = tuple(Column.from_json(column) for column in state["columns"])
        found = [Column.from_json(column) for column in state.get("conditions", ())]
        conditions = tuple(column for column in found if isinstance(column, ConditionColumn))
        if len(conditions) < len(found) or any(isinstance(c, ConditionColumn) for c in columns):
            raise ValueError("columns and conditions are mixed up")
        names = [field.name for field in fields(Dropped)]
        dropped = tuple(
            typed(Dropped, dict(zip(names, column, strict=True))) for column in state["dropped"]
        )
        schema = cls(columns, dropped, conditions)
        known = [*(column.name for column in dropped), *schema._by_name]
        if len(set(known)) < len(columns) + len(dropped) + len(conditions):
            raise ValueError("two columns share a name")
        times = [column for column in columns if isinstance(column, DatetimeColumn)]
        if [c.after for c in times] != ["", *[schema.clock] * len(times)][: len(times)]:
            raise ValueError("a column of times counts from another one than the first")
        return schema


# --- inference ------------------------------------------------------------------------------------


def _infer_conditions(
    frame: pd.DataFrame, names: list[str], wanted: Sequence[str], max_levels: int, source: str
) -> Iterator[ConditionColumn]:
    """The columns to condition on.

    Raises:
        InputError: If one isn't there, or has no levels that come again.
    """
    for name in dict.fromkeys(wanted):
        if name not in names:
            raise InputError(
                f"{source}: no column {name!r} to condition on; choose one of: {_quoted(names)}"
            )
        cells = read_cells(frame.iloc[:, names.index(name)], source=source)
        if cells.form == "time" or (cells.form == "text" and _kind(cells) == "datetime"):
            raise InputError(
                f"{source}: column {name!r} can't be a condition: it holds dates or times; bin it "
                f"to levels that come again, such as the hour or the weekday"
            )
        yield ConditionColumn.fit(name, cells, max_levels, source=source)


def _infer_columns(
    frame: pd.DataFrame, names: list[str], without: set[str], max_levels: int, source: str
) -> Iterator[Column | Dropped]:
    """What each column is; the first datetime column kept becomes the clock of the later ones."""
    clock_name, clock = "", None
    for at, name in enumerate(names):
        if name in without:
            continue
        cells = read_cells(frame.iloc[:, at], source=source)
        column = _infer(name, cells, max_levels, clock_name, clock)
        yield column
        if isinstance(column, DatetimeColumn) and clock is None:
            clock_name, clock = name, column.read(cells).values


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
        numbers = as_numbers(cells)
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


# --- wording --------------------------------------------------------------------------------------


def _described(column: Dropped) -> str:
    held = "" if column.value is None else f" {column.value!r}"
    return f"{column.name!r} ({column.reason}{held})"


def _quoted(names: Sequence[str]) -> str:
    return shortened([repr(name) for name in names])


def shortened(items: Sequence[str], most: int = 10) -> str:
    """A list for a message, cut after ``most`` items."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
