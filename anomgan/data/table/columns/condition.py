"""Columns to condition on: they aren't scored, but say under which condition a record is normal.

What is usual for one machine may be abnormal for another.  A conditional GAN is given such a column
beside the record and learns what is normal for each level.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.cells import Cells, ParsedCells, read_cells
from anomgan.data.table.columns.boolean import BooleanColumn
from anomgan.data.table.columns.categorical import MAX_STORED_LEVELS, CategoryColumn
from anomgan.data.table.columns.column import (
    Column,
    ColumnKind,
    Part,
    check_levels,
    count_levels,
    level_dtype,
)
from anomgan.data.table.columns.numeric import NumericColumn
from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import join_limited
from anomgan.utils.types import Floats

MIN_LEVEL_ROWS = 5
"""Fewest training rows of a level with a slot of its own."""

RARE, UNSEEN = -1.0, -2.0
"""Parsed values of levels without a slot: those rare in training, and new ones."""


@dataclass(frozen=True)
class ConditionColumn(Column):
    """Text levels, whatever the cells' type, with a slot for each level of enough training rows.

    A slot is an entry of a one-hot block.  Cells without one (rare, new, or missing when few were
    in training) are all zeros: the record is then scored against all levels pooled.

    Attributes:
        levels: Levels with a slot, most frequent first.
        rare: Further training levels, most frequent first.
        gap: Whether missing has a slot, the last one.
    """

    levels: tuple[str, ...]
    rare: tuple[str, ...] = ()
    gap: bool = False

    kind: ClassVar[ColumnKind] = "condition"
    expected: ClassVar[str] = "text"
    missing_in_block: ClassVar[bool] = True

    @classmethod
    def fit(cls, name: str, cells: Cells, max_levels: int, *, source: str = "the table") -> Self:
        """Find the levels; at most ``max_levels`` of them get a slot.

        Raises:
            InputError: If no level has `MIN_LEVEL_ROWS`.

        Warns:
            DataWarning: If there is only one slot.
        """
        text = _to_level_text(cells)
        counts = count_levels(text)
        frequent = [level for level, count in counts if count >= MIN_LEVEL_ROWS][:max_levels]
        if not frequent:
            raise InputError(
                f"{source}: column {name!r} can't be a condition: no level has at least "
                f"{MIN_LEVEL_ROWS} rows; bin it or choose another column"
            )
        gap = text.null_count >= MIN_LEVEL_ROWS
        if len(frequent) + gap == 1:
            warnings.warn(
                f"{source}: column {name!r} conditions on nothing: {frequent[0]!r} is its only "
                f"level with at least {MIN_LEVEL_ROWS} rows",
                DataWarning,
                stacklevel=2,
            )
        rare = tuple(level for level, _ in counts[len(frequent) : MAX_STORED_LEVELS])
        return cls(name, level_dtype(cells), text.null_count > 0, tuple(frequent), rare, gap)

    def describe_form(self) -> str:
        """The number of levels with enough rows."""
        return f"{len(self.slots):,} {'level' if len(self.slots) == 1 else 'levels'}"

    def describe_range(self) -> str:
        """The most frequent levels."""
        return join_limited(self.levels, 3)

    @cached_property
    def slots(self) -> list[str]:
        """Names of the entries of the one-hot block, in order."""
        return [*self.levels, *(["(missing)"] if self.gap else [])]

    @cached_property
    def _training_levels(self) -> pa.Array:
        return pa.array((*self.levels, *self.rare), pa.large_string())

    def slot(self, level: object) -> int | None:
        """The slot of a level as users write it, None if it has none.

        Args:
            level: Its value; None or NaN for missing.
        """
        parsed = self.parse(read_cells(pd.Series([level]))).values[0]
        if np.isnan(parsed):
            return len(self.levels) if self.gap else None
        return int(parsed) if parsed >= 0 else None

    def parse_filled(self, cells: Cells) -> ParsedCells:
        """Indices of slots, `RARE` or `UNSEEN`; NaN where missing."""
        text = _to_level_text(cells)
        indices = pc.fill_null(pc.index_in(text, value_set=self._training_levels), int(UNSEEN))
        slots = indices.to_numpy(zero_copy_only=False).astype(np.float64)
        slots[slots >= len(self.levels)] = RARE
        if text.null_count:
            slots[pc.is_null(text).to_numpy(zero_copy_only=False)] = np.nan
        return ParsedCells(slots, np.zeros(len(slots), dtype=np.bool_))

    def value_parts(self) -> list[Part]:
        """One block."""
        return [(self.name, "condition", len(self.slots), self.name)]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """One-hot, or all zeros without a slot."""
        slots = np.nan_to_num(values, nan=len(self.levels) if self.gap else RARE).astype(np.intp)
        rows = np.flatnonzero(slots >= 0)
        out[rows, slots[rows]] = 1.0

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """The slot of the largest entry; NaN for missing and for all zeros."""
        slots: Floats = np.argmax(block, axis=1).astype(np.float64)
        unknown = (slots == len(self.levels)) | (block.sum(axis=1) < 0.5)
        return np.where(unknown, np.nan, slots)

    def check(self) -> None:
        """See :meth:`anomgan.data.table.columns.column.Column.check`."""
        super().check()
        check_levels(self.name, (*self.levels, *self.rare))
        if not self.levels:
            raise ValueError(f"column {self.name!r} has no levels")

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Cells as a category, boolean or numeric column of this dtype restores them."""
        if self.dtype == "str" or self.dtype.startswith("category["):
            category = CategoryColumn(self.name, self.dtype, False, self.levels, self.rare)
            return category.restore(values)
        is_boolean = pd.api.types.pandas_dtype(self.dtype).kind == "b"
        numbers = [float(level == "True") if is_boolean else float(level) for level in self.levels]
        slots = np.nan_to_num(values, nan=len(numbers)).astype(np.intp)
        numeric = np.array([*numbers, np.nan])[slots]
        if is_boolean:
            return BooleanColumn(self.name, self.dtype, True, False).restore(numeric)
        return NumericColumn(self.name, self.dtype, True, 0.0, 1.0).restore(numeric)


def _to_level_text(cells: Cells) -> pa.Array:
    """Cells as levels, Arrow strings ``(n,)``, null where missing.

    Readers turn a column of 1, 2 and 3 to 1.0, 2.0 and 3.0 as soon as a cell is missing, and the
    level must stay the same: integers are written without a decimal point, True and False as in
    Python.
    """
    text = cells.to_text()
    if cells.form != "text":
        return text
    text = pc.replace_substring_regex(text, r"^(-?(?:0|[1-9]\d*))\.0*$", r"\1")
    text = pc.replace_substring_regex(text, r"^(?i:true)$", "True")
    return pc.replace_substring_regex(text, r"^(?i:false)$", "False")
