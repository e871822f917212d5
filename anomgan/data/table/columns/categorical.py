"""Columns of text, with a one-hot entry for each frequent level."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.cells import Cells, ParsedCells
from anomgan.data.table.columns.column import (
    Column,
    ColumnKind,
    Part,
    check_levels,
    count_levels,
    level_dtype,
)
from anomgan.utils.text import join_limited
from anomgan.utils.types import Bools, Floats

MAX_STORED_LEVELS = 100_000
"""Levels of a column that are stored; rarer ones can't be told from new ones."""

OPEN_SHARE = 0.05
"""Estimated share of rows with a new level from which on a new level is no evidence."""

_NUMBERS = {"i": "int", "u": "uint", "f": "float"}
"""Kinds of NumPy dtypes whose names text can be turned back to."""


@dataclass(frozen=True)
class CategoryColumn(Column):
    """Text with a slot, an entry of its one-hot block, for each frequent level.

    The slots are the levels, then as needed "other" (rare training levels), "missing" and "unseen"
    (levels that weren't in training).  In an *open* column new levels are normal: they are encoded
    as "other", and there is no slot "unseen".

    Attributes:
        levels: Levels with a slot, most frequent first.
        rare: Further training levels, most frequent first.
        open: Whether new levels are expected: there are rare levels, and either there were more
            than `MAX_STORED_LEVELS`, or the share of rows whose level occurs once exceeds
            `OPEN_SHARE`; that share estimates the probability of a new level (Good and Turing).
        once: Number of training rows whose level occurs once.
    """

    levels: tuple[str, ...]
    rare: tuple[str, ...] = ()
    open: bool = False
    once: int = 0

    kind: ClassVar[ColumnKind] = "category"
    expected: ClassVar[str] = "text"
    missing_in_block: ClassVar[bool] = True

    @classmethod
    def fit(cls, name: str, cells: Cells, max_levels: int) -> Self:
        """Find the levels; the ``max_levels`` most frequent get a slot."""
        text = cells.to_text()
        counts = count_levels(text)
        names = [level for level, _ in counts]
        rare = tuple(names[max_levels:MAX_STORED_LEVELS])
        once = sum(count == 1 for _, count in counts)
        filled = len(text) - text.null_count
        is_open = bool(rare) and (once / filled > OPEN_SHARE or len(names) > MAX_STORED_LEVELS)
        levels = tuple(names[:max_levels])
        return cls(name, _declared_dtype(cells), text.null_count > 0, levels, rare, is_open, once)

    def describe_form(self) -> str:
        """The number of levels."""
        count = len(self.levels) + len(self.rare)
        return f"{count:,} {'level' if count == 1 else 'levels'}"

    def describe_range(self) -> str:
        """The most frequent levels."""
        return join_limited(self.levels, 3)

    @cached_property
    def slots(self) -> list[str]:
        """Names of the entries of the one-hot block, in order."""
        other = ["(other)"] if self.rare else []
        missing = ["(missing)"] if self.missing else []
        unseen = [] if self.open else ["(unseen)"]
        return [*self.levels, *other, *missing, *unseen]

    @cached_property
    def _training_levels(self) -> pa.Array:
        return pa.array((*self.levels, *self.rare), pa.large_string())

    @cached_property
    def _other_slot(self) -> int:
        return len(self.levels)

    def parse_filled(self, cells: Cells) -> ParsedCells:
        """Indices of slots; the last is "unseen" unless the column is open."""
        return self._find_slots(cells, len(self._training_levels))

    def parse_as_new(self, cells: Cells) -> ParsedCells:
        """Indices of slots of training cells as if each row were new.

        Levels that occur once would then not have been in training.
        """
        known = len(self._training_levels) - self.once
        return self._find_slots(cells.blank(self.markers), known)

    def _find_slots(self, cells: Cells, known: int) -> ParsedCells:
        """Indices of slots if only the first ``known`` training levels were there."""
        text = cells.to_text()
        indices = pc.fill_null(pc.index_in(text, value_set=self._training_levels), -1)
        codes = indices.to_numpy(zero_copy_only=False)
        codes = np.where(codes < known, codes, -1)
        new_slot = self._other_slot if self.open else len(self.slots) - 1
        slots = np.where(codes < 0, new_slot, np.minimum(codes, self._other_slot))
        slots = slots.astype(np.float64)
        if text.null_count:
            slots[pc.is_null(text).to_numpy(zero_copy_only=False)] = np.nan
        return ParsedCells(slots, np.zeros(len(slots), dtype=np.bool_))

    def is_unseen(self, values: Floats) -> Bools:
        """Which parsed values stand for levels that weren't in training, ``(n,)``."""
        return np.asarray(values == (np.inf if self.open else len(self.slots) - 1))

    def value_parts(self) -> list[Part]:
        """One block."""
        return [(self.name, "category", len(self.slots), self.name)]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """One-hot; if none was missing in training, missing is encoded as the first level."""
        missing_slot = self.slots.index("(missing)", self._other_slot) if self.missing else 0
        slots = np.nan_to_num(values, nan=missing_slot).astype(np.intp)
        out[np.arange(len(slots)), slots] = 1.0

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """The most probable slot except "unseen", which no cell can be restored from."""
        decodable = len(self.slots) - (not self.open)
        slots: Floats = np.argmax(block[:, :decodable], axis=1).astype(np.float64)
        if self.missing:
            slots[slots == decodable - 1] = np.nan
        return slots

    def check(self) -> None:
        """See :meth:`anomgan.data.table.columns.column.Column.check`."""
        super().check()
        check_levels(self.name, (*self.levels, *self.rare))

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Levels; "other" becomes the most frequent rare one."""
        names = np.array([*self.levels, *self.rare[:1], None], dtype=object)
        slots = np.nan_to_num(values, nan=len(names) - 1).astype(np.intp)
        text = pd.Series(names[slots], dtype="str")
        if not self.dtype.startswith("category["):
            return text
        # Via the categories, because integers can't be missing.
        levels = pd.Index([*self.levels, *self.rare], dtype="str")
        declared = levels.astype(self.dtype.removeprefix("category[").removesuffix("]"))
        return pd.Series(pd.Categorical.from_codes(levels.get_indexer(pd.Index(text)), declared))


def _declared_dtype(cells: Cells) -> str:
    """The dtype of restored levels: that of the cells, as a categorical one if they are numbers."""
    dtype = level_dtype(cells)
    if cells.form == "text" or dtype.startswith("category["):
        return dtype
    bare: Any = pd.api.types.pandas_dtype(dtype)
    return f"category[{_NUMBERS[bare.kind]}{8 * bare.itemsize}]" if bare.kind in _NUMBERS else "str"
