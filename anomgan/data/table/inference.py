"""Infer the kind of each column of a training table from its cells."""

from __future__ import annotations

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
from anomgan.data.table.columns.column import Column
from anomgan.data.table.columns.condition import ConditionColumn
from anomgan.data.table.columns.datetimes import DatetimeColumn, parse_datetimes
from anomgan.data.table.columns.numeric import NUMBER_PATTERN, NumericColumn, parse_numbers
from anomgan.data.table.dropped import (
    INTEGER_PATTERN,
    Dropped,
    drop_constant,
    drop_running_number,
    drop_text,
)
from anomgan.data.table.options import NamedKind, TableOptions
from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import join_limited, quote_names
from anomgan.utils.types import Floats

READABLE_SHARE = 0.95
"""Share of a text column's filled cells that must parse as numbers for it to be numeric, and so on
for the other kinds."""

_LOOKALIKES = {
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
"""Text that people read as something else -> its pattern, and how to write it to have it parsed."""

_LOOKALIKE_ROWS = 10_000
"""Most rows in which lookalikes are searched."""


def infer_conditions(
    frame: pd.DataFrame, names: list[str], wanted: Sequence[str], max_levels: int, source: str
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
        cells = read_cells(frame.iloc[:, names.index(name)], source=source)
        if cells.form == "time" or (cells.form == "text" and _infer_kind(cells) == "datetime"):
            raise InputError(
                f"{source}: column {name!r} can't be a condition: it holds dates or times; bin it "
                f"to levels that come again, such as the hour or the weekday"
            )
        yield ConditionColumn.fit(name, cells, max_levels, source=source)


def infer_columns(
    frame: pd.DataFrame,
    names: list[str],
    without: set[str],
    options: TableOptions,
    max_levels: int,
    source: str,
) -> Iterator[Column | Dropped]:
    """Infer and fit each column; the first datetime column is the clock of the later ones.

    Args:
        frame: Training table.
        names: Names of its columns.
        without: Names of columns to skip.
        options: What the user says about columns.
        max_levels: Most levels of a category with an entry of their own.
        source: What messages call the table.

    Raises:
        InputError: If no cell of a column is of the kind that the user says.

    Warns:
        DataWarning: If a column was taken for text but looks like numbers or dates.
    """
    clock_name, clock = "", None
    lookalikes: dict[str, list[str]] = {kind: [] for kind in _LOOKALIKES}
    for at, name in enumerate(names):
        if name in without:
            continue
        cells = read_cells(frame.iloc[:, at], source=source)
        asked = options.kinds.get(name)
        if asked is None:
            column = _infer(name, cells, max_levels, clock_name, clock)
        else:
            column = _fit_as(asked, name, cells, max_levels, clock_name, clock, source)
        yield column
        if isinstance(column, DatetimeColumn) and clock is None:
            clock_name, clock = name, column.parse(cells).values
        if asked is None and (lookalike := _find_lookalike(cells)) is not None:
            kind, example = lookalike
            lookalikes[kind].append(f"{name!r} ({example!r})")
    for kind, columns in lookalikes.items():
        if columns:
            warnings.warn(
                f"{source}: columns taken for text that look like {kind}: {join_limited(columns)}; "
                f"write them {_LOOKALIKES[kind][1]}",
                DataWarning,
                stacklevel=2,
            )


def _infer(
    name: str, cells: Cells, max_levels: int, after: str, clock: Floats | None
) -> Column | Dropped:
    """Infer one column; ``after`` and ``clock`` as in :meth:`DatetimeColumn.fit`."""
    if bool(np.all(cells.missing)):
        return Dropped(name, "empty")
    kind = _infer_kind(cells)
    if isinstance(kind, tuple):
        truth = parse_booleans(cells, kind)
        return drop_constant(name, cells, truth) or BooleanColumn.fit(name, cells, truth, kind)
    if kind == "datetime":
        return _fit_times(name, cells, parse_datetimes(cells), after, clock)
    if kind == "numeric":
        numbers = parse_numbers(cells).mask_infinite()
        return drop_running_number(name, numbers) or _fit_numbers(name, cells, numbers)
    return drop_text(name, cells) or CategoryColumn.fit(name, cells, max_levels)


def _fit_as(
    kind: NamedKind,
    name: str,
    cells: Cells,
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
    parsed = parse_numbers(cells).mask_infinite() if kind == "number" else parse_datetimes(cells)
    if np.isnan(parsed.values).all():
        at = int(np.argmin(cells.missing))
        raise InputError(
            f"{source}: column {name!r}: no cell can be read as a {kind} (first in row {at}: "
            f"{cells.to_text()[at].as_py()!r}); leave out the kind, or correct the cells"
        )
    if kind == "number":
        return _fit_numbers(name, cells, parsed)
    return _fit_times(name, cells, parsed, after, clock)


def _fit_numbers(name: str, cells: Cells, numbers: ParsedCells) -> Column | Dropped:
    constant = drop_constant(name, cells, numbers, is_number=True)
    return constant or NumericColumn.fit(name, cells, numbers)


def _fit_times(
    name: str, cells: Cells, times: ParsedCells, after: str, clock: Floats | None
) -> Column | Dropped:
    constant = drop_constant(name, cells, times)
    if constant is not None and constant.reason == "constant":
        constant = replace(constant, reason="constant time")
    return constant or DatetimeColumn.fit(name, cells, times, after, clock)


def _infer_kind(cells: Cells) -> Literal["numeric", "datetime", "category"] | tuple[str, str]:
    """The kind of column that most cells fit; for booleans the words for false and true."""
    if cells.categorical:
        return "category"
    if cells.form == "boolean":
        return BOOLEAN_WORDS[0]
    if cells.form == "time":
        return "datetime"
    numbers = parse_numbers(cells)
    if cells.form == "number" or _mostly_readable(numbers):
        return "category" if _loses_digits(cells, numbers) else "numeric"
    for words in BOOLEAN_WORDS:
        if _mostly_readable(parse_booleans(cells, words)):
            return words
    return "datetime" if _mostly_readable(parse_datetimes(cells)) else "category"


def _mostly_readable(parsed: ParsedCells) -> bool:
    return parsed.readable_share >= READABLE_SHARE


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
