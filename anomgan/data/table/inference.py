"""Infer the kind of each column of a training table from its cells."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.cells import MAX_EXACT_INTEGER, Cells, ParsedCells, read_cells
from anomgan.data.table.columns.boolean import BOOLEAN_WORDS, BooleanColumn, parse_booleans
from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.data.table.columns.column import Column, excuse_markers
from anomgan.data.table.columns.condition import ConditionColumn
from anomgan.data.table.columns.datetimes import DatetimeColumn, parse_datetimes
from anomgan.data.table.columns.numeric import NUMBER_PATTERN, NumericColumn, parse_numbers
from anomgan.data.table.columns.times_of_day import TimeOfDayColumn
from anomgan.data.table.cycles import find_cycles, number_days
from anomgan.data.table.dropped import (
    INTEGER_PATTERN,
    Dropped,
    drop_constant,
    drop_counter,
    drop_text,
)
from anomgan.data.table.number_evidence import find_table_decimal
from anomgan.data.table.number_reading import NumberReading, read_numbers
from anomgan.data.table.number_remarks import NumberRemarks
from anomgan.data.table.options import NamedKind, TableOptions
from anomgan.data.table.time_evidence import READABLE_SHARE
from anomgan.data.table.time_reading import TimeReading, read_as_times
from anomgan.data.table.time_remarks import TimeRemarks
from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import join_limited, quote_names
from anomgan.utils.types import Floats

_DAY_AND_MONTH = (
    r"((0?[1-9]|[12]\d|3[01])[./-](0?[1-9]|1[0-2])|(0?[1-9]|1[0-2])[./-](0?[1-9]|[12]\d|3[01]))"
)
_DATE = (
    rf"({_DAY_AND_MONTH}[./-](\d{{2}}|\d{{4}})|"
    r"\d{1,2}\.?[ ./-]\pL{3,10}\.?[ ./-](\d{2}|\d{4})|\pL{3,10}\.? \d{1,2},? \d{4})"
)
_VERSION_NAME = re.compile(
    r"version|release|firmware|revision|build|(^|[\W_])(fw|sw|ver|rev)$", re.I
)
"""Names of columns whose cells such as 1.10.12 are versions, not dates."""

_LOOKALIKES = {
    "dates": (
        rf"""^["' ]*{_DATE}([ T]\d{{1,2}}:.*)?["' ]*$""",
        "say how they are written with --date-format COL=FORMAT, such as %d/%m/%Y; --category COL "
        "if they are none",
    ),
}
"""Text that people read as something else -> its pattern, and what to do."""

_LOOKALIKE_ROWS = 10_000
"""Most rows in which lookalikes are searched."""


def infer_conditions(
    frame: pd.DataFrame,
    names: list[str],
    wanted: Sequence[str],
    options: TableOptions,
    max_levels: int,
    source: str,
) -> Iterator[ConditionColumn]:
    """Fit the columns to condition on.

    Raises:
        InputError: If one doesn't exist, holds times, or has no level of enough rows.
    """
    for name in dict.fromkeys(wanted):
        if name not in names:
            raise InputError(
                f"{source}: no column {name!r} to condition on; choose one of: {quote_names(names)}"
            )
        markers = options.markers(name)
        cells = read_cells(frame.iloc[:, names.index(name)], source=source).blank(markers)
        if cells.form == "time" or (cells.form == "text" and _infer_kind(cells) == "datetime"):
            raise InputError(
                f"{source}: column {name!r} can't be a condition: it holds dates or times; bin it "
                f"to levels that come again, such as the hour or the weekday"
            )
        condition = ConditionColumn.fit(name, cells, max_levels, source=source)
        yield replace(condition, markers=markers)


def infer_columns(
    frame: pd.DataFrame,
    names: list[str],
    without: set[str],
    options: TableOptions,
    max_levels: int,
    source: str,
) -> tuple[list[Column | Dropped], list[str]]:
    """Infer and fit each column; the first datetime column is the clock of the later ones.

    Args:
        frame: Training table.
        names: Names of its columns.
        without: Names of columns to skip.
        options: What the user says about columns.
        max_levels: Most levels of a category with an entry of their own.
        source: What messages call the table.

    Returns:
        The columns, and sentences on how cells were read where that isn't plain.

    Raises:
        InputError: If no cell of a column is of the kind that the user says.

    Warns:
        DataWarning: If it doesn't show how cells are to be read.
    """
    clock_name, clock = "", None
    columns: list[Column | Dropped] = []
    lookalikes: dict[str, list[str]] = {kind: [] for kind in _LOOKALIKES}
    numbers, times = NumberRemarks(options), TimeRemarks()
    usual = options.decimal or find_table_decimal(frame, source)
    for at, name in enumerate(names):
        if name in without:
            continue
        markers, asked = options.markers(name), options.kinds.get(name)
        cells = read_cells(frame.iloc[:, at], source=source).blank(markers)
        reading = None
        if asked != "text" and not cells.categorical and not bool(np.all(cells.missing)):
            reading = read_numbers(cells, options, usual)
        moments = None
        if asked in (None, "time") and not bool(np.all(cells.missing)):
            moments = read_as_times(name, cells, reading, options, asked=asked is not None)
        column: Column | Dropped
        if asked is None:
            column = _infer(name, cells, reading, moments, max_levels, clock_name, clock)
        else:
            column = _fit_as(
                asked, name, cells, reading, moments, max_levels, clock_name, clock, source
            )
        column = replace(column, markers=(*markers, *column.markers))
        columns.append(column)
        if reading is not None:
            numbers.add(column, cells, reading)
        if moments is not None:
            is_said = asked is not None or name in options.date_formats
            times.add(column, cells, moments, asked=is_said)
        if isinstance(column, DatetimeColumn) and moments is not None and clock is None:
            clock_name, clock = name, moments.parsed.values
        may_be_dates = asked is None and moments is None and not _VERSION_NAME.search(name)
        if may_be_dates and (lookalike := _find_lookalike(cells)) is not None:
            kind, example = lookalike
            lookalikes[kind].append(f"{name!r} ({example!r})")
    for kind, found in lookalikes.items():
        if found:
            warnings.warn(
                f"{source}: columns taken for text that look like {kind}: {join_limited(found)}; "
                f"{_LOOKALIKES[kind][1]}",
                DataWarning,
                stacklevel=2,
            )
    for warning in (*times.warnings(), *numbers.warnings()):
        warnings.warn(f"{source}: {warning}", DataWarning, stacklevel=2)
    return columns, [*times.notes(), *numbers.notes()]


def _infer(
    name: str,
    cells: Cells,
    reading: NumberReading | None,
    moments: TimeReading | None,
    max_levels: int,
    after: str,
    clock: Floats | None,
) -> Column | Dropped:
    """Infer one column; ``after`` and ``clock`` as in :meth:`DatetimeColumn.fit`."""
    if bool(np.all(cells.missing)):
        return Dropped(name, "empty")
    if moments is not None and not cells.categorical:
        return _fit_times(name, cells, moments, after, clock)
    kind = _infer_kind(cells, reading)
    if isinstance(kind, tuple):
        truth = parse_booleans(cells, kind)
        return drop_constant(name, cells, truth) or BooleanColumn.fit(name, cells, truth, kind)
    if reading is not None and (kind == "numeric" or reading.words):
        numbers = reading.parsed.mask_infinite()
        return drop_counter(name, numbers) or _fit_numbers(name, cells, reading)
    return drop_text(name, cells) or CategoryColumn.fit(name, cells, max_levels)


def _fit_as(
    kind: NamedKind,
    name: str,
    cells: Cells,
    reading: NumberReading | None,
    moments: TimeReading | None,
    max_levels: int,
    after: str,
    clock: Floats | None,
    source: str,
) -> Column | Dropped:
    """Fit a column of the kind that the user says; ``after`` and ``clock`` as in :func:`_infer`.

    Raises:
        InputError: If no cell is a number or a time.
    """
    if kind == "text":
        return Dropped(name, "text, as you say")
    if bool(np.all(cells.missing)):
        return Dropped(name, "empty")
    if kind == "category":
        constant = drop_text(name, cells, identifiers=False)
        return constant or CategoryColumn.fit(name, cells, max_levels)
    if kind == "number" and reading is None:  # a categorical dtype
        reading = NumberReading(parse_numbers(cells))
    if kind == "number" and reading is not None:
        parsed = reading.parsed
    elif moments is not None:
        parsed = moments.parsed
    elif reading is not None and reading.is_clear:
        return Dropped(name, "a clock, as you say")
    else:
        parsed = parse_datetimes(cells)
    if np.isnan(parsed.mask_infinite().values).all():
        at = int(np.argmin(cells.missing))
        raise InputError(
            f"{source}: column {name!r}: no cell can be read as a {kind} (first in row {at}: "
            f"{cells.to_text()[at].as_py()!r}); leave out the kind, or correct the cells"
        )
    if kind == "number" and reading:
        return _fit_numbers(name, cells, reading)
    return _fit_times(name, cells, moments or TimeReading(parsed), after, clock)


def _fit_numbers(name: str, cells: Cells, reading: NumberReading) -> Column | Dropped:
    numbers = reading.parsed.mask_infinite()
    constant = drop_constant(name, cells, numbers, is_number=reading.form is None)
    if constant is not None:
        return constant
    return NumericColumn.fit(name, cells, numbers, reading.form, reading.words)


def _fit_times(
    name: str, cells: Cells, moments: TimeReading, after: str, clock: Floats | None
) -> Column | Dropped:
    if np.isnan(moments.parsed.values).all():
        return Dropped(name, "times that stand for never")
    constant = drop_constant(name, cells, moments.parsed)
    if constant is not None and constant.reason == "constant":
        constant = replace(constant, reason="constant time")
    if constant is not None:
        return constant
    if not moments.of_day:
        return DatetimeColumn.fit(name, cells, moments.parsed, after, clock, moments.forms)
    times = moments.parsed.values
    if "hour" not in find_cycles(number_days(times[~np.isnan(times)])):
        return Dropped(name, "times of day of few days")
    return TimeOfDayColumn.fit(name, moments.parsed, moments.forms)


def _infer_kind(
    cells: Cells, reading: NumberReading | None = None
) -> Literal["numeric", "datetime", "category"] | tuple[str, str]:
    """The kind of column that most cells fit; for booleans the words for false and true.

    Args:
        cells: The cells.
        reading: The cells read as numbers, if that isn't to be tried as plain ones only.
    """
    if cells.categorical:
        return "category"
    if cells.form == "boolean":
        return BOOLEAN_WORDS[0]
    if cells.form == "time":
        return "datetime"
    reading = (
        NumberReading(excuse_markers(parse_numbers(cells), cells)) if reading is None else reading
    )
    if cells.form == "number" or reading.is_clear:
        return "category" if _loses_digits(cells, reading.parsed) else "numeric"
    for words in BOOLEAN_WORDS:
        if _mostly_readable(cells, parse_booleans(cells, words)):
            return words
    return "datetime" if _mostly_readable(cells, parse_datetimes(cells)) else "category"


def _mostly_readable(cells: Cells, parsed: ParsedCells) -> bool:
    if np.isnan(parsed.values).all():
        return False
    return excuse_markers(parsed, cells).readable_share >= READABLE_SHARE


def _loses_digits(cells: Cells, numbers: ParsedCells) -> bool:
    """Whether distinct integers would be equal as floats: they are identifiers, not amounts."""
    large = np.abs(numbers.values) > MAX_EXACT_INTEGER
    if cells.text is None or not large.any():
        return False
    integers = pc.fill_null(pc.match_substring_regex(cells.trimmed, INTEGER_PATTERN), False)
    large &= integers.to_numpy(zero_copy_only=False)
    distinct = pc.count_distinct(cells.trimmed.filter(pa.array(large))).as_py()
    return bool(distinct > len(np.unique(numbers.values[large])))


def _find_lookalike(cells: Cells) -> tuple[str, str] | None:
    """What text looks like, a key of `_LOOKALIKES`, and an example; None for other text."""
    if cells.form != "text" or cells.categorical:
        return None
    text = pc.unique(cells.trimmed.slice(0, _LOOKALIKE_ROWS)).drop_null()
    if not len(text) or _infer_kind(replace(cells, text=text)) != "category":
        return None
    for kind, (pattern, _) in _LOOKALIKES.items():
        matches = pc.match_substring_regex(text, pattern)
        unparsed = text.filter(pc.and_not(matches, pc.match_substring_regex(text, NUMBER_PATTERN)))
        if len(unparsed) and pc.mean(matches).as_py() >= READABLE_SHARE:
            return kind, unparsed[0].as_py()
    return None
