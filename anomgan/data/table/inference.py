"""Infer the kind of each column of a training table from its cells."""

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

from anomgan.data.table.cells import MAX_EXACT_INTEGER, Cells, ParsedCells, read_cells
from anomgan.data.table.columns.boolean import BOOLEAN_WORDS, BooleanColumn, parse_booleans
from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.data.table.columns.column import Column
from anomgan.data.table.columns.condition import ConditionColumn
from anomgan.data.table.columns.datetimes import DatetimeColumn, parse_datetimes
from anomgan.data.table.columns.numeric import NUMBER_PATTERN, NumericColumn, parse_numbers
from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import join_limited, quote_names
from anomgan.utils.types import Bools, Floats

READABLE_SHARE = 0.95
"""Share of a text column's filled cells that must parse as numbers for it to be numeric, and so on
for the other kinds."""

_INTEGER_PATTERN = r"^[-+]?\d+$"

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

_MIN_IDENTIFIER_ROWS = 20
"""Fewest rows from which text that is all distinct, or a running number, counts as identifier."""

DropReason = Literal[
    "constant", "empty", "constant time", "text that differs in every row", "running number"
]


@dataclass(frozen=True)
class Dropped:
    """A column of the training table that the networks aren't given.

    A row in which a constant column holds another value is abnormal all the same.  Times are the
    exception: they pass by themselves.

    Attributes:
        name: The user's name for it.
        reason: Why it was dropped.
        value: The value of a constant column: a float for numbers, otherwise text.
    """

    name: str
    reason: DropReason
    value: float | str | None = None

    @property
    def watched(self) -> bool:
        """Whether another value than in training makes a row abnormal."""
        return self.reason in ("constant", "empty")

    def changed(self, cells: Cells) -> Bools:
        """Where a constant or empty column holds another value than in training, ``(n,)``."""
        if self.reason not in ("empty", "constant", "constant time"):
            return np.zeros(len(cells.missing), dtype=np.bool_)
        if self.value is None:
            return ~cells.missing
        if isinstance(self.value, float):
            return np.asarray(parse_numbers(cells).values != self.value)
        return np.asarray(cells.to_text().to_numpy(zero_copy_only=False) != self.value)

    def violated(self, cells: Cells) -> Bools:
        """Where a value makes its row abnormal, ``(n,)``; a missing cell doesn't."""
        return self.changed(cells) & ~cells.missing & self.watched


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
    frame: pd.DataFrame, names: list[str], without: set[str], max_levels: int, source: str
) -> Iterator[Column | Dropped]:
    """Infer and fit each column; the first datetime column is the clock of the later ones.

    Args:
        frame: Training table.
        names: Names of its columns.
        without: Names of columns to skip.
        max_levels: Most levels of a category with an entry of their own.
        source: What messages call the table.

    Warns:
        DataWarning: If a column was taken for text but looks like numbers or dates.
    """
    clock_name, clock = "", None
    lookalikes: dict[str, list[str]] = {kind: [] for kind in _LOOKALIKES}
    for at, name in enumerate(names):
        if name in without:
            continue
        cells = read_cells(frame.iloc[:, at], source=source)
        column = _infer(name, cells, max_levels, clock_name, clock)
        yield column
        if isinstance(column, DatetimeColumn) and clock is None:
            clock_name, clock = name, column.parse(cells).values
        if (lookalike := _find_lookalike(cells)) is not None:
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
        return _drop_constant(name, cells, truth) or BooleanColumn.fit(name, cells, truth, kind)
    if kind == "datetime":
        times = parse_datetimes(cells)
        constant = _drop_constant(name, cells, times)
        if constant is not None and constant.reason == "constant":
            constant = replace(constant, reason="constant time")
        return constant or DatetimeColumn.fit(name, cells, times, after, clock)
    if kind == "numeric":
        numbers = parse_numbers(cells).mask_infinite()
        dropped = _drop_constant(name, cells, numbers) or _drop_running_number(name, numbers)
        return dropped or NumericColumn.fit(name, cells, numbers)
    return _drop_text(name, cells) or CategoryColumn.fit(name, cells, max_levels)


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
    integers = pc.fill_null(pc.match_substring_regex(cells.trimmed, _INTEGER_PATTERN), False)
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


def _drop_constant(name: str, cells: Cells, parsed: ParsedCells) -> Dropped | None:
    """Drop a column with one value; if some cells are missing, that is information to keep."""
    values = parsed.values[~np.isnan(parsed.values)]
    if not values.size:  # all numbers are infinite
        return Dropped(name, "empty")
    if values.size < parsed.values.size or np.any(values != values[0]):
        return None
    is_number = cells.form == "number" or (cells.form == "text" and _infer_kind(cells) == "numeric")
    text = cells.to_text()[0].as_py()
    if is_number and cells.text is not None and abs(values[0]) > MAX_EXACT_INTEGER:
        is_number = not re.fullmatch(_INTEGER_PATTERN, text)  # keep all digits
    return Dropped(name, "constant", float(values[0]) if is_number else text)


def _drop_text(name: str, cells: Cells) -> Dropped | None:
    """Drop text that is the same, or different, in every row."""
    text = cells.to_text()
    distinct = pc.count_distinct(text, mode="all").as_py()
    if distinct == 1:
        return Dropped(name, "constant", text[0].as_py())
    if distinct == len(text) >= _MIN_IDENTIFIER_ROWS:
        return Dropped(name, "text that differs in every row")
    return None


def _drop_running_number(name: str, parsed: ParsedCells) -> Dropped | None:
    """Drop integers that count the rows, up or down."""
    with np.errstate(over="ignore"):
        steps = np.diff(parsed.values)  # NaN beside a missing cell
    runs = steps.size and abs(steps[0]) == 1 and np.all(steps == steps[0])
    is_integer = float(parsed.values[0]).is_integer()
    if runs and is_integer and len(parsed.values) >= _MIN_IDENTIFIER_ROWS:
        return Dropped(name, "running number")
    return None
