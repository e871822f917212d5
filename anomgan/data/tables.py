"""Tables as arrays of finite numbers, and back: what networks need, from what users have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from anomgan.data.category import CategoryColumn
from anomgan.data.cells import Cells, Floats, Reading, read_cells
from anomgan.data.columns import Column
from anomgan.data.condition import RARE, UNSEEN, ConditionColumn
from anomgan.data.schema import Schema
from anomgan.data.spec import Spec
from anomgan.errors import InputError

FEWEST_ROWS = 5
"""Training rows below which no spread of a column can be told."""

UNEXPECTED = "(unexpected missing)"
"""Name of the last entry before any conditions: 1 where a cell is missing in a column that had none
in training."""


@dataclass(frozen=True)
class Unreadable:
    """Cells of one column that were filled, but not with what the column holds.

    Attributes:
        count: How many.
        row: Input record of the first, counted from 0.
        text: What it held.
        wanted: What it should have held.
    """

    count: int
    row: int
    text: str
    wanted: str


@dataclass(frozen=True)
class ParseReport:
    """What was odd about a table; reports of its chunks, in order, add up with ``+``.

    All counts are of cells, under the name of their column; columns without any are left out.

    Attributes:
        rows: Rows read.
        unreadable: Cells that count as missing because they couldn't be read.
        missing: Missing cells, the unreadable ones among them.
        unexpected: The same for columns in which none was missing in training, or for conditions,
            too few.
        unseen: Levels of a category or condition that weren't in training.
        changed: Cells of a dropped constant column that hold another value.
        pooled: All cells of a condition that don't say which range of normal holds: those
            unexpected, those unseen, and known levels that were too rare in training.
    """

    rows: int = 0
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    unexpected: dict[str, int] = field(default_factory=dict)
    unseen: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    pooled: dict[str, int] = field(default_factory=dict)

    def __add__(self, later: ParseReport) -> ParseReport:
        """The report of both parts of a table, of which ``later`` comes second."""
        unreadable = later.unreadable | self.unreadable
        for name in self.unreadable.keys() & later.unreadable.keys():
            first, count = self.unreadable[name], later.unreadable[name].count
            unreadable[name] = Unreadable(first.count + count, first.row, first.text, first.wanted)
        return ParseReport(
            self.rows + later.rows,
            unreadable,
            _added(self.missing, later.missing),
            _added(self.unexpected, later.unexpected),
            _added(self.unseen, later.unseen),
            _added(self.changed, later.changed),
            _added(self.pooled, later.pooled),
        )

    def lines(self) -> Iterator[str]:
        """What the user should know, a sentence without full stop each; none if all is well."""
        for name, cells in self.unreadable.items():
            yield (
                f"column {name!r}: {_cells(cells.count)} can't be read as {cells.wanted} and "
                f"{'counts' if cells.count == 1 else 'count'} as missing "
                f"(first in row {cells.row}: {cells.text!r})"
            )
        for name, count in self.unexpected.items():
            empty = count - (self.unreadable[name].count if name in self.unreadable else 0)
            if empty and name not in self.pooled:
                yield f"column {name!r}: {_cells(empty)} missing, none was in training"
        for name, count in self.unseen.items():
            if name not in self.pooled:
                yield f"column {name!r}: {_cells(count)} with a level that wasn't in training"
        yield from self.condition_lines()
        for name, count in self.changed.items():
            yield f"column {name!r}: {_cells(count)} unlike the one value it had in training"

    def condition_lines(self) -> Iterator[str]:
        """Those of :meth:`lines` on cells that don't say which range of normal holds."""
        for name, count in self.pooled.items():
            gaps, unseen = self.unexpected.get(name, 0), self.unseen.get(name, 0)
            for cells, what in [
                (gaps, "missing, few or none were in training"),
                (unseen, "with a level that wasn't in training"),
                (count - gaps - unseen, "with a level that was rare in training"),
            ]:
                if cells:
                    yield (
                        f"column {name!r}: {_cells(cells)} {what}; judged against all levels pooled"
                    )


@dataclass(frozen=True)
class TableEncoder:
    """Turns tables of any columns into arrays and back.

    Attributes:
        schema: What is known of the columns.
    """

    schema: Schema

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

    @cached_property
    def _given(self) -> list[tuple[ConditionColumn, slice]]:
        """Conditions and their entries."""
        spans = [span for span in self.spec.spans if span.kind == "condition"]
        return [(c, span.slice) for c, span in zip(self.schema.conditions, spans, strict=True)]

    def transform(
        self,
        frame: pd.DataFrame,
        *,
        strict: bool = False,
        first_row: int = 0,
        source: str = "the table",
    ) -> tuple[Floats, ParseReport]:
        """Encode a table or a chunk of one; the frame stays as it is.

        Args:
            frame: n rows with at least the schema's columns, in any order.
            strict: Whether a cell that can't be read is an error rather than missing.
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

        def read(series: pd.Series[Any]) -> Cells:
            return read_cells(series, first_row=first_row, source=source)

        out = np.zeros((len(frame), self.spec.size))
        surprise = self.spec.record - 1
        report = ParseReport(len(frame))
        clock: Floats | None = None
        for column, entries in zip(self.schema.columns, self._slices, strict=True):
            series = frame.iloc[:, positions[column.name]]
            reading = column.read(read(series))
            clock = reading.values if column.name == self._clock else clock
            column.encode(reading.values, out[:, entries], clock)
            if not column.missing:
                out[:, surprise] = np.maximum(out[:, surprise], np.isnan(reading.values))
            _note(report, column, reading, series, first_row)
        for given, entries in self._given:
            slots = given.read(read(frame.iloc[:, positions[given.name]])).values
            given.encode(slots, out[:, entries], None)
            _note_condition(report, given, slots)
        if strict:
            _refuse_unreadable(report, source)
        for dropped in self.schema.dropped:
            if dropped.name in positions:
                changed = dropped.changed(read(frame.iloc[:, positions[dropped.name]]))
                _count(report.changed, dropped.name, int(np.count_nonzero(changed)))
        return out, report

    def as_new(self, frame: pd.DataFrame, values: Floats) -> Floats:
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
                reading = column.read_as_new(read_cells(frame.iloc[:, positions[column.name]]))
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
    reading: Reading,
    series: pd.Series[Any],
    first_row: int,
) -> None:
    """Enter what is odd about a column's cells."""
    missing = int(np.count_nonzero(np.isnan(reading.values)))
    _count(report.missing, column.name, missing)
    if not column.missing:
        _count(report.unexpected, column.name, missing)
    if isinstance(column, CategoryColumn):
        _count(report.unseen, column.name, column.unseen(reading.values))
    bad = int(np.count_nonzero(reading.unreadable))
    if bad:
        at = int(np.argmax(reading.unreadable))
        text = str(series.iloc[at])
        report.unreadable[column.name] = Unreadable(bad, first_row + at, text, column.wanted)


def _note_condition(report: ParseReport, column: ConditionColumn, slots: Floats) -> None:
    """Enter which cells of a condition don't say what is normal."""
    missing = int(np.count_nonzero(np.isnan(slots)))
    gaps = 0 if column.gap else missing
    unseen = int(np.count_nonzero(slots == UNSEEN))
    _count(report.missing, column.name, missing)
    _count(report.unexpected, column.name, gaps)
    _count(report.unseen, column.name, unseen)
    _count(report.pooled, column.name, gaps + unseen + int(np.count_nonzero(slots == RARE)))


def _count(counts: dict[str, int], name: str, count: int) -> None:
    if count:
        counts[name] = count


def _added(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return first | {name: first.get(name, 0) + count for name, count in second.items()}


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


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"
