"""Tables as arrays of finite numbers, and back: what networks need, from what users have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from anomgan.data.encoders.base import FEWEST_ROWS, Encoder
from anomgan.data.parse_report import ParseReport, Unreadable
from anomgan.data.spec import Spec
from anomgan.data.table.cells import ParsedCells, read_cells
from anomgan.data.table.columns.base import Column
from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.data.table.schema import Schema
from anomgan.errors import InputError
from anomgan.utils.types import Floats

UNEXPECTED = "(unexpected missing)"
"""Name of the last entry before any conditions: 1 where a cell is missing in a column that had none
in training."""


@dataclass(frozen=True)
class TableEncoder(Encoder):
    """Turns tables of any columns into arrays and back.

    Attributes:
        schema: What is known of the columns.
    """

    schema: Schema

    kind: ClassVar[str] = "tables"
    unit: ClassVar[str] = "rows"

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        *,
        conditions: Sequence[str] = (),
        max_levels: int = 64,
        source: str = "the table",
    ) -> TableEncoder:
        """Learn a table's columns.

        Args:
            frame: Training table of at least `FEWEST_ROWS` rows; column labels become strings.
            conditions: Names of the columns that say which range of normal holds.
            max_levels: Most levels of a category or condition that get an entry of their own, at
                least 1.
            source: What messages call the table.

        Raises:
            InputError: If there are too few rows or levels, two columns share a name, a cell
                isn't a single value, no column is of use, or a condition isn't there or holds no
                levels that repeat.

        Warns:
            DataWarning: If columns are dropped; names them.  If a condition has one level.
        """
        if len(frame) < FEWEST_ROWS:
            raise InputError(
                f"{source}: n_samples={len(frame)}; "
                f"at least {FEWEST_ROWS} rows are needed to learn what is normal"
            )
        if max_levels < 1:
            raise InputError(f"max_levels={max_levels}: must be at least 1")
        return cls(Schema.infer(frame, conditions=conditions, max_levels=max_levels, source=source))

    @cached_property
    def spec(self) -> Spec:
        """The D entries of an encoded row: those of columns, `UNEXPECTED`, those of conditions."""
        parts = [part for column in self.schema.columns for part in column.parts()]
        given = [part for column in self.schema.conditions for part in column.parts()]
        return Spec.of([*parts, (UNEXPECTED, "indicator", 1, UNEXPECTED), *given])

    @cached_property
    def _slices(self) -> list[slice]:
        """The entries of each column of the schema."""
        widths = [sum(part[2] for part in column.parts()) for column in self.schema.columns]
        stops = np.cumsum(widths, dtype=int).tolist()
        return [slice(stop - width, stop) for stop, width in zip(stops, widths, strict=True)]

    @property
    def columns(self) -> list[str]:
        """Names of the training table's columns: judged, conditions, dropped."""
        schema = self.schema
        used = [column.name for column in (*schema.columns, *schema.conditions)]
        return [*used, *(column.name for column in schema.dropped)]

    def transform(
        self,
        frame: pd.DataFrame,
        *,
        strict: bool = False,
        learning: bool = False,
        first_row: int = 0,
        source: str = "the table",
    ) -> tuple[Floats, ParseReport]:
        """Encode a table or a chunk of one; the frame stays as it is.

        Args:
            frame: n rows with at least the schema's columns, in any order.
            strict: Whether a cell that can't be read is an error rather than missing.
            learning: Whether infinite numbers can't be read, rather than being furthest out.
            first_row: Input record of the first row, from 0; larger for a later chunk.
            source: What messages call the table.

        Returns:
            float64 (n, D), always finite, and what was odd.

        Raises:
            InputError: If a column isn't there, two share a name, or a cell isn't a single value;
                if ``strict``, also for the first row with an unreadable cell.

        Warns:
            DataWarning: In the first chunk, if there are columns the model doesn't know.
        """
        positions = self.schema.locate(frame, source=source, warn=first_row == 0)
        out = np.zeros((len(frame), self.spec.size))
        surprise = self.spec.record_size - 1
        report = ParseReport(len(frame))
        clock: Floats | None = None
        for column, entries in zip(self.schema.columns, self._slices, strict=True):
            series = frame.iloc[:, positions[column.name]]
            reading = column.parse(read_cells(series, first_row=first_row, source=source))
            reading = reading.mask_infinite() if learning else reading
            clock = reading.values if column.name == self._clock else clock
            column.encode(reading.values, out[:, entries], clock)
            if not column.missing:
                out[:, surprise] = np.maximum(out[:, surprise], np.isnan(reading.values))
            _note(report, column, reading, series, first_row)
        self._encode_conditions(frame, positions, out, report, first_row=first_row, source=source)
        if strict:
            _refuse_unreadable(report, source)
        for dropped in self.schema.dropped:
            if dropped.name in positions:
                series = frame.iloc[:, positions[dropped.name]]
                cells = read_cells(series, first_row=first_row, source=source)
                if changed := int(np.count_nonzero(dropped.changed(cells))):
                    report.changed[dropped.name] = changed
        return out, report

    def transform_as_new(self, frame: pd.DataFrame, values: Floats) -> Floats:
        """Encode the training table as if each row were new: what calibration has to see.

        The schema knows the levels of all training rows, also of those that calibrate, so none of
        these would ever hold a level never seen, while new rows do.

        Args:
            frame: The training table, n rows.
            values: What :meth:`transform` gave for it; stays as it is.
        """
        out, positions = values.copy(), self.schema.locate(frame, warn=False)
        for column, entries in zip(self.schema.columns, self._slices, strict=True):
            if isinstance(column, CategoryColumn) and column.once:
                reading = column.parse_as_new(read_cells(frame.iloc[:, positions[column.name]]))
                out[:, entries] = 0
                column.encode(reading.values, out[:, entries], None)
        return out

    @cached_property
    def _clock(self) -> str | None:
        return self.schema.clock

    def decode(self, values: Floats) -> pd.DataFrame:
        """Undo :meth:`transform`, as far as it can be, also for generated rows.

        A category becomes its most probable level, never "unseen"; "other" stands for the most
        frequent rare level; whole numbers are rounded; a cell is missing where its indicator is
        above one half.  Times come back in their zone.  Dropped columns aren't there.  A condition
        that isn't known comes back as missing.

        Args:
            values: (n, D).

        Returns:
            n rows of the schema's columns, then its conditions, with the dtypes of training.
        """
        values = np.asarray(values, dtype=np.float64)
        restored: dict[str, pd.Series[Any]] = {}
        clock: Floats | None = None
        for column, entries in zip(self.schema.columns, self._slices, strict=True):
            cells = column.decode(values[:, entries], clock)
            clock = cells if column.name == self._clock else clock
            restored[column.name] = column.restore(cells)
        for given, entries in self._given:
            restored[given.name] = given.restore(given.decode(values[:, entries], None))
        return pd.concat(restored, axis="columns")

    def restore(
        self, values: Floats, columns: Sequence[str], *, as_frame: bool
    ) -> pd.DataFrame | Floats:
        """Rows as the training table had them.

        Args:
            values: (n, D).
            columns: Names of the training table's columns in their order.
            as_frame: Whether that was a frame.

        Returns:
            A DataFrame of the columns in use, conditions among them, or a float64 array (n,
            columns), in which unused constant columns hold their constant and other unused columns
            NaN.
        """
        frame = self.decode(values)
        if as_frame:
            return frame[[name for name in columns if name in frame.columns]]
        rows = np.full((len(frame), len(columns)), np.nan)
        for dropped in self.schema.dropped:
            if dropped.value is not None:
                # Of an array, truth values are text, and whole numbers of many digits.
                constant = {"True": 1.0, "False": 0.0}.get(str(dropped.value), dropped.value)
                rows[:, columns.index(dropped.name)] = constant
        for name in frame.columns:
            known = frame[name].to_numpy(np.float64, na_value=np.nan)
            rows[:, columns.index(name)] = known
        return rows

    def summary(self) -> dict[str, str]:
        """How many columns there are of each kind."""
        kinds = self.schema.names_by_kind().items()
        return {"columns": ", ".join(f"{len(names):,} {kind}" for kind, names in kinds)}

    def to_json(self) -> dict[str, Any]:
        """Plain data from which :meth:`from_json` rebuilds this encoder."""
        return self.schema.to_json()

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> TableEncoder:
        """Rebuild from :meth:`to_json`; the rebuilt encoder gives the same arrays."""
        return cls(Schema.from_json(state))


def _note(
    report: ParseReport,
    column: Column,
    reading: ParsedCells,
    series: pd.Series[Any],
    first_row: int,
) -> None:
    """Enter what is odd about a column's cells."""
    if missing := int(np.count_nonzero(np.isnan(reading.values))):
        report.missing[column.name] = missing
        if not column.missing:
            report.unexpected[column.name] = missing
    if isinstance(column, CategoryColumn) and (
        unseen := int(np.count_nonzero(column.is_unseen(reading.values)))
    ):
        report.unseen[column.name] = unseen
    if bad := int(np.count_nonzero(reading.unreadable)):
        at = int(np.argmax(reading.unreadable))
        text = _written(series, at)
        report.unreadable[column.name] = Unreadable(bad, first_row + at, text, column.expected)


def _written(series: pd.Series[Any], at: int) -> str:
    """What a cell holds, for messages."""
    try:
        return str(series.iloc[at])
    except (OverflowError, ValueError):  # Arrow holds days that Python doesn't know
        return f"a {series.dtype}"


def _refuse_unreadable(report: ParseReport, source: str) -> None:
    """Raise for the cell that can't be read in the earliest row, if there is one.

    Raises:
        InputError: Names row and column.
    """
    if report.unreadable:
        name, cell = min(report.unreadable.items(), key=lambda item: item[1].row)
        raise InputError(
            f"{source}: row {cell.row}, column {name!r}: {cell.text!r} isn't {cell.wanted}; "
            f"correct or empty the cell"
        )
