"""Encode tables as arrays of finite numbers, and decode them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from anomgan.data.encoders.encoder import MIN_TRAINING_ROWS, Encoder
from anomgan.data.parse_report import ParseReport, Unreadable
from anomgan.data.spec import Spec
from anomgan.data.table.cells import ParsedCells, read_cells
from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.data.table.columns.column import Column, Part
from anomgan.data.table.options import TableOptions
from anomgan.data.table.schema import Schema
from anomgan.errors import InputError
from anomgan.utils.types import Floats

UNEXPECTED_MISSING = "(unexpected missing)"
"""Name of the last entry before the conditions: 1 if a cell is missing in a column without missing
cells in training."""


_OTHER_DECIMALS = "have decimal points, and those of training decimal commas; read as decimals"


@dataclass(frozen=True)
class TableEncoder(Encoder):
    """Convert tables to arrays and back.

    Attributes:
        schema: The fitted columns.
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
        options: TableOptions | None = None,
        max_levels: int = 64,
        source: str = "the table",
    ) -> TableEncoder:
        """Infer a table's columns and fit them.

        Args:
            frame: Training table, at least `MIN_TRAINING_ROWS` rows; its labels become strings.
            conditions: Names of the columns to condition on.
            options: What the user says about columns.
            max_levels: Most levels of a category or condition with an entry of their own, at least
                1.
            source: What messages call the table.

        Raises:
            InputError: If there are too few rows or levels, two columns share a name, a cell
                isn't a single value, all columns are dropped, a condition doesn't exist or has no
                level of enough rows, or a column isn't of the kind that the user says.

        Warns:
            DataWarning: If columns are dropped, or a condition has only one level.
        """
        if len(frame) < MIN_TRAINING_ROWS:
            raise InputError(
                f"{source}: n_samples={len(frame)}; "
                f"at least {MIN_TRAINING_ROWS} rows are needed to learn what is normal"
            )
        if max_levels < 1:
            raise InputError(f"max_levels={max_levels}: must be at least 1")
        schema = Schema.infer(
            frame, conditions=conditions, options=options, max_levels=max_levels, source=source
        )
        return cls(schema)

    @cached_property
    def spec(self) -> Spec:
        """Layout of a row: the columns, `UNEXPECTED_MISSING`, the conditions."""
        parts = [part for column in self.schema.columns for part in column.parts()]
        unexpected: Part = (UNEXPECTED_MISSING, "indicator", 1, UNEXPECTED_MISSING)
        conditions = [part for column in self.schema.conditions for part in column.parts()]
        return Spec.of([*parts, unexpected, *conditions])

    @cached_property
    def _slices(self) -> list[slice]:
        """The entries of each column of the schema."""
        widths = [sum(part[2] for part in column.parts()) for column in self.schema.columns]
        stops = np.cumsum(widths, dtype=int).tolist()
        return [slice(stop - width, stop) for stop, width in zip(stops, widths, strict=True)]

    @property
    def columns(self) -> list[str]:
        """Names of the training table's columns: scored, conditions, dropped."""
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
        """Encode a table, or a chunk of one, without modifying it.

        Args:
            frame: n rows with at least the schema's columns, in any order.
            strict: Whether an unreadable cell is an error rather than missing.
            learning: Whether infinite numbers count as unreadable, as they do in training.
            first_row: Number of the first row in the whole input, from 0.
            source: What messages call the table.

        Returns:
            Encoded rows, float64 ``(n, D)``, always finite; and the report.

        Raises:
            InputError: If a column doesn't exist, two share a name, or a cell isn't a single value;
                if ``strict``, also for the first row with an unreadable cell.

        Warns:
            DataWarning: In the first chunk, if there are unknown columns.
        """
        positions = self.schema.locate(frame, source=source, warn=first_row == 0)
        out = np.zeros((len(frame), self.spec.size))
        unexpected = self.spec.record_size - 1
        report = ParseReport(len(frame))
        clock: Floats | None = None
        for column, entries in zip(self.schema.columns, self._slices, strict=True):
            series = frame.iloc[:, positions[column.name]]
            parsed = column.parse(read_cells(series, first_row=first_row, source=source))
            parsed = parsed.mask_infinite() if learning else parsed
            clock = parsed.values if column.name == self._clock else clock
            column.encode(parsed.values, out[:, entries], clock)
            if not column.missing:
                out[:, unexpected] = np.maximum(out[:, unexpected], np.isnan(parsed.values))
            _report_column(report, column, parsed, series, first_row)
        self._encode_conditions(frame, positions, out, report, first_row=first_row, source=source)
        if strict:
            _refuse_unreadable(report, source)
        for dropped in self.schema.dropped:
            if dropped.name in positions:
                series = frame.iloc[:, positions[dropped.name]]
                cells = read_cells(series, first_row=first_row, source=source)
                if changed := int(np.count_nonzero(dropped.changed(cells))):
                    report.changed[dropped.name] = changed
                if (violated := dropped.violated(cells)).any():
                    report.changed_rows[dropped.name] = violated
        return out, report

    def transform_as_new(self, frame: pd.DataFrame, values: Floats) -> Floats:
        """Encode the training table as if each row were new, for calibration.

        The schema knows the levels of all training rows, so none of them would ever hold an unseen
        level, while new rows do.

        Args:
            frame: The training table, n rows.
            values: The table as encoded by :meth:`transform`; it isn't modified.
        """
        out, positions = values.copy(), self.schema.locate(frame, warn=False)
        for column, entries in zip(self.schema.columns, self._slices, strict=True):
            if isinstance(column, CategoryColumn) and column.once:
                parsed = column.parse_as_new(read_cells(frame.iloc[:, positions[column.name]]))
                out[:, entries] = 0
                column.encode(parsed.values, out[:, entries], None)
        return out

    @cached_property
    def _clock(self) -> str | None:
        return self.schema.clock

    def decode(self, values: Floats) -> pd.DataFrame:
        """Decode encoded or generated rows.

        A category becomes its most probable level, never "unseen"; "other" becomes the most
        frequent rare level; numbers keep to the range, step and decimals of training; a cell is
        missing if its indicator is above one half; times are in the user's zone.  Dropped columns
        are left out.  A condition without a slot becomes missing.

        Args:
            values: Encoded rows, ``(n, D)``.

        Returns:
            n rows of the schema's columns, then its conditions, in the dtypes of training.
        """
        values = np.asarray(values, dtype=np.float64)
        restored: dict[str, pd.Series[Any]] = {}
        clock: Floats | None = None
        for column, entries in zip(self.schema.columns, self._slices, strict=True):
            cells = column.decode(values[:, entries], clock)
            clock = cells if column.name == self._clock else clock
            restored[column.name] = column.restore(cells)
        for condition, entries in self._condition_entries:
            slots = condition.decode(values[:, entries], None)
            restored[condition.name] = condition.restore(slots)
        return pd.concat(restored, axis="columns")

    def restore(
        self, values: Floats, columns: Sequence[str], *, as_frame: bool
    ) -> pd.DataFrame | Floats:
        """Decode rows to the form of the training table.

        Args:
            values: Encoded rows, ``(n, D)``.
            columns: Names of the training table's columns in their order.
            as_frame: Whether the training table was a frame.

        Returns:
            A DataFrame of the used columns and conditions, or a float64 array ``(n, columns)`` in
            which dropped constant columns hold their constant and other dropped columns NaN.
        """
        frame = self.decode(values)
        if as_frame:
            return frame[[name for name in columns if name in frame.columns]]
        rows = np.full((len(frame), len(columns)), np.nan)
        for dropped in self.schema.dropped:
            if dropped.value is not None:
                # The constants of arrays are text if they are booleans or long integers.
                constant = {"True": 1.0, "False": 0.0}.get(str(dropped.value), dropped.value)
                rows[:, columns.index(dropped.name)] = constant
        for name in frame.columns:
            rows[:, columns.index(name)] = frame[name].to_numpy(np.float64, na_value=np.nan)
        return rows

    def summary(self) -> dict[str, str]:
        """The number of columns of each kind."""
        kinds = self.schema.names_by_kind().items()
        return {"columns": ", ".join(f"{len(names):,} {kind}" for kind, names in kinds)}

    def to_json(self) -> dict[str, Any]:
        """Plain data from which :meth:`from_json` rebuilds this encoder."""
        return self.schema.to_json()

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> TableEncoder:
        """Rebuild from :meth:`to_json`."""
        return cls(Schema.from_json(state))


def _report_column(
    report: ParseReport, column: Column, parsed: ParsedCells, series: pd.Series[Any], first_row: int
) -> None:
    """Count the missing, unseen and unreadable cells of a column."""
    if missing := int(np.count_nonzero(np.isnan(parsed.values))):
        report.missing[column.name] = missing
        if not column.missing:
            report.unexpected[column.name] = missing
    if isinstance(column, CategoryColumn) and (
        unseen := int(np.count_nonzero(column.is_unseen(parsed.values)))
    ):
        report.unseen[column.name] = unseen
    if other := column.count_other_decimals(series):
        report.changes[f"cells of column {column.name!r} {_OTHER_DECIMALS}"] = other
    if unreadable := int(np.count_nonzero(parsed.unreadable)):
        at = int(np.argmax(parsed.unreadable))
        hint = column.describe_other_form(series[parsed.unreadable])
        report.unreadable[column.name] = Unreadable(
            unreadable, first_row + at, _cell_text(series, at), column.wanted, hint
        )


def _cell_text(series: pd.Series[Any], at: int) -> str:
    """The content of a cell for messages."""
    try:
        return str(series.iloc[at])
    except (OverflowError, ValueError):  # a date that Arrow can hold and Python can't
        return f"a {series.dtype}"


def _refuse_unreadable(report: ParseReport, source: str) -> None:
    """Refuse a table with unreadable cells.

    Raises:
        InputError: If there are any; names row and column of the first.
    """
    if report.unreadable:
        name, cell = min(report.unreadable.items(), key=lambda item: item[1].row)
        raise InputError(
            f"{source}: row {cell.row}, column {name!r}: {cell.text!r} isn't {cell.wanted}; "
            f"correct or empty the cell"
        )
