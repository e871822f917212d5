"""The columns of a table: inferred in training, stored as JSON, located in every later table."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import pandas as pd

from anomgan.data.column_names import refuse_duplicates
from anomgan.data.table.columns.column import Column, ColumnKind
from anomgan.data.table.columns.condition import ConditionColumn
from anomgan.data.table.columns.datetimes import DatetimeColumn
from anomgan.data.table.dropped import Dropped
from anomgan.data.table.inference import infer_columns, infer_conditions
from anomgan.data.table.options import TableOptions
from anomgan.errors import DataWarning, InputError
from anomgan.utils.serialization import build_dataclass
from anomgan.utils.text import join_limited, quote_names


@dataclass(frozen=True)
class Schema:
    """The columns of a table.

    Attributes:
        columns: Columns that are scored, in the training table's order.
        dropped: Columns that the model doesn't use.
        conditions: Columns to condition on, in the user's order.
        remarks: Sentences on how cells were read where that isn't plain; not stored.
    """

    columns: tuple[Column, ...]
    dropped: tuple[Dropped, ...] = ()
    conditions: tuple[ConditionColumn, ...] = ()
    remarks: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def infer(
        cls,
        frame: pd.DataFrame,
        *,
        conditions: Sequence[str] = (),
        options: TableOptions | None = None,
        max_levels: int = 64,
        source: str = "the table",
    ) -> Schema:
        """Infer the kind of each column and fit it.

        Text is boolean (true/false, yes/no, t/f or y/n), numeric or datetime (ISO 8601) if at least
        `READABLE_SHARE` of its filled cells parse as such; otherwise it is a category.

        Args:
            frame: Training table with at least one row.
            conditions: Names of the columns to condition on.
            options: What the user says about columns.
            max_levels: Most levels of a category or condition with an entry of their own.
            source: What messages call the table.

        Raises:
            InputError: If two columns share a name, a cell isn't a single value, all columns are
                dropped, a condition doesn't exist or has no level of enough rows, or a column isn't
                of the kind that the user says.

        Warns:
            DataWarning: If columns are dropped, or a condition has only one level.
        """
        names = [str(name) for name in frame.columns]
        if not names:
            raise InputError(f"{source}: has no columns")
        refuse_duplicates(names, source)
        options = options or TableOptions()
        options.check(names, conditions, source)
        condition_columns = tuple(
            infer_conditions(frame, names, conditions, options, max_levels, source)
        )
        inferred, remarks = infer_columns(
            frame, names, set(conditions), options, max_levels, source
        )
        schema = cls(
            tuple(column for column in inferred if isinstance(column, Column)),
            tuple(column for column in inferred if isinstance(column, Dropped)),
            condition_columns,
            tuple(remarks),
        )
        if not any(column.parts() for column in schema.columns):
            conditioned = [f"{name!r} (condition)" for name in dict.fromkeys(conditions)]
            times = [
                f"{column.name!r} (time of which no cycle counts)" for column in schema.columns
            ]
            left_out = ", ".join(
                filter(None, [schema._left_out, join_limited(times), join_limited(conditioned)])
            )
            raise InputError(
                f"{source}: no column to learn from; left out: {left_out}{schema._keeping_hint}"
            )
        if schema.dropped:
            warnings.warn(
                f"{source}: columns left out: {schema._left_out}{schema._keeping_hint}",
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
        """Infer conditions only, for pictures; arguments and errors as of :meth:`infer`."""
        names = [str(name) for name in frame.columns]
        refuse_duplicates(names, source)
        found = infer_conditions(frame, names, conditions, TableOptions(), max_levels, source)
        return cls((), (), tuple(found))

    @property
    def needed(self) -> list[str]:
        """Names of the columns that a table must have."""
        return [column.name for column in (*self.columns, *self.conditions)]

    @property
    def _left_out(self) -> str:
        return join_limited([_describe(column) for column in self.dropped])

    @property
    def _keeping_hint(self) -> str:
        """How to keep numbers that were left out, if there are any."""
        counters = [column.name for column in self.dropped if column.counts]
        return f"; --number {counters[0]} keeps these numbers" if counters else ""

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in (*self.columns, *self.conditions)}

    def __getitem__(self, name: str) -> Column:
        """The scored column or condition of this name.

        Raises:
            KeyError: If there is none.
        """
        return self._by_name[name]

    @property
    def clock(self) -> str | None:
        """Name of the first datetime column, whose times the others are relative to."""
        return next((c.name for c in self.columns if isinstance(c, DatetimeColumn)), None)

    def names_by_kind(self) -> dict[ColumnKind, list[str]]:
        """Kind -> names of the scored columns of that kind."""
        names: dict[ColumnKind, list[str]] = {}
        for column in self.columns:
            names.setdefault(column.kind, []).append(column.name)
        return names

    def notes(self) -> list[str]:
        """One sentence for each thing that was left out, with the reason."""
        dropped = [
            f"column {_describe(column)} was left out"
            + ("; another value makes a row abnormal" if column.watched else "")
            + (f"; --number {column.name} keeps it" if column.counts else "")
            for column in self.dropped
        ]
        return [*dropped, *self.remarks]

    def locate(
        self, frame: pd.DataFrame, *, source: str = "the table", warn: bool = True
    ) -> dict[str, int]:
        """Find this schema's columns in a table, in any order.

        Args:
            frame: Any table.
            source: What messages call it.
            warn: Whether to warn about unknown columns; set for the first chunk of a file only.

        Returns:
            Name -> position of each used column and of the dropped ones that exist.

        Raises:
            InputError: If a used column doesn't exist, or two columns share a name.

        Warns:
            DataWarning: If there are unknown columns.
        """
        names = [str(name) for name in frame.columns]
        refuse_duplicates(names, source)
        positions = {name: at for at, name in enumerate(names)}
        absent = [name for name in self._by_name if name not in positions]
        if absent:
            raise InputError(
                f"{source}: no column {quote_names(absent)}; the model expects "
                f"{len(self._by_name)} columns: {quote_names(list(self._by_name))}"
            )
        known = self._by_name.keys() | {column.name for column in self.dropped}
        extra = [name for name in names if name not in known]
        if extra and warn:
            warnings.warn(
                f"{source}: columns the model doesn't know are ignored: {quote_names(extra)}",
                DataWarning,
                stacklevel=2,
            )
        return {name: at for name, at in positions.items() if name in known}

    def condition_slots(self, levels: Mapping[str, Any]) -> dict[str, int]:
        """Look up the slots of levels, condition -> level, of which records are to be generated.

        Raises:
            InputError: If there is no such condition or level.
        """
        conditions = {column.name: column for column in self.conditions}
        slots = {}
        for name, level in levels.items():
            if not conditions:
                raise InputError(
                    f"condition {name!r}: the model has no conditions; fit it with some, or leave "
                    f"this out"
                )
            if name not in conditions:
                raise InputError(
                    f"condition {name!r}: the model has no such condition; it has: "
                    f"{quote_names(conditions)}"
                )
            slot = conditions[name].slot(level)
            if slot is None:
                raise InputError(
                    f"condition {name!r}: the generator learnt no level {level!r}; it knows: "
                    f"{join_limited(conditions[name].slots)}"
                )
            slots[name] = slot
        return slots

    def to_json(self) -> dict[str, Any]:
        """Plain data from which :meth:`from_json` rebuilds this schema."""
        return {
            "columns": [column.to_json() for column in self.columns],
            "dropped": [column.to_json() for column in self.dropped],
            "conditions": [column.to_json() for column in self.conditions],
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Schema:
        """Rebuild from :meth:`to_json`.

        Raises:
            TypeError: If a field is of another type.
            ValueError: If columns and conditions are mixed up, two columns share a name, or a
                datetime column is relative to another one than the clock.
        """
        columns = tuple(Column.from_json(column) for column in state["columns"])
        loaded = [Column.from_json(column) for column in state["conditions"]]
        conditions = tuple(column for column in loaded if isinstance(column, ConditionColumn))
        if len(conditions) < len(loaded) or any(isinstance(c, ConditionColumn) for c in columns):
            raise ValueError("columns and conditions are mixed up")
        names = [each.name for each in fields(Dropped)]
        dropped = tuple(
            build_dataclass(Dropped, dict(zip(names, column, strict=len(column) != 3)))
            for column in state["dropped"]
        )
        schema = cls(columns, dropped, conditions)
        used = [*(column.name for column in dropped), *schema._by_name]
        if len(set(used)) < len(columns) + len(dropped) + len(conditions):
            raise ValueError("two columns share a name")
        times = [column for column in columns if isinstance(column, DatetimeColumn)]
        if [c.after for c in times] != ["", *[schema.clock] * len(times)][: len(times)]:
            raise ValueError("a column of times counts from another one than the first")
        return schema


def _describe(column: Dropped) -> str:
    value = "" if column.value is None else f" {column.value!r}"
    return f"{column.name!r} ({column.reason}{value})"
