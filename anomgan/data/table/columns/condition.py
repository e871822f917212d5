"""Columns that say under which conditions a record is normal, rather than being judged themselves.

What is usual for one machine may be odd for another.  A conditional GAN gets such a column beside
the record, and learns a range of normal for each level.
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

from anomgan.data.table.columns.base import (
    Column,
    ColumnKind,
    Part,
    by_frequency,
    check_levels,
    level_dtype,
)
from anomgan.data.table.columns.boolean import BooleanColumn
from anomgan.data.table.columns.categorical import MOST_LEVELS, CategoryColumn
from anomgan.data.table.columns.numeric import NumericColumn
from anomgan.data.table.parsing import (
    Cells,
    Reading,
    as_text,
    read_cells,
)
from anomgan.errors import DataWarning, InputError
from anomgan.utils.types import Floats

FEWEST_PER_LEVEL = 5
"""Training rows below which nothing can be said of a level alone."""

RARE, UNSEEN = -1.0, -2.0
"""What stands for levels without a slot: those known from training, and new ones."""


@dataclass(frozen=True)
class ConditionColumn(Column):
    """Text levels, whatever the cells are, with a slot for each level of enough training rows.

    Cells without a slot (rare, new, or missing though that was never usual) are all zeros: then no
    condition is known, and the record is judged against everything pooled.

    Attributes:
        levels: Levels with a slot, most frequent first.
        rare: Further known levels, most frequent first.
        gap: Whether missing has a slot, the last one.
    """

    levels: tuple[str, ...]
    rare: tuple[str, ...] = ()
    gap: bool = False

    kind: ClassVar[ColumnKind] = "condition"
    wanted: ClassVar[str] = "text"

    @classmethod
    def fit(cls, name: str, cells: Cells, max_levels: int, *, source: str = "the table") -> Self:
        """Learn the levels; at most ``max_levels`` of them get a slot.

        Raises:
            InputError: If no level has enough rows.

        Warns:
            DataWarning: If there is a single slot.
        """
        text = level_text(cells)
        counts = by_frequency(text)
        frequent = [level for level, count in counts if count >= FEWEST_PER_LEVEL][:max_levels]
        if not frequent:
            raise InputError(
                f"{source}: column {name!r} can't be a condition: no level has at least "
                f"{FEWEST_PER_LEVEL} rows; bin it or choose another column"
            )
        gap = text.null_count >= FEWEST_PER_LEVEL
        if len(frequent) + gap == 1:
            warnings.warn(
                f"{source}: column {name!r} conditions on nothing: {frequent[0]!r} is its only "
                f"level with at least {FEWEST_PER_LEVEL} rows",
                DataWarning,
                stacklevel=2,
            )
        rare = tuple(level for level, _ in counts[len(frequent) : MOST_LEVELS])
        return cls(name, level_dtype(cells), text.null_count > 0, tuple(frequent), rare, gap)

    @property
    def slots(self) -> list[str]:
        """Names of the entries of the one-hot block, in order."""
        return [*self.levels, *(["(missing)"] if self.gap else [])]

    @cached_property
    def _known(self) -> pa.Array:
        return pa.array((*self.levels, *self.rare), pa.large_string())

    def slot(self, level: object) -> int | None:
        """The slot of a level as users write it, None or NaN for missing; None if it has none."""
        found = self.read(read_cells(pd.Series([level]))).values[0]
        if np.isnan(found):
            return len(self.levels) if self.gap else None
        return int(found) if found >= 0 else None

    def read(self, cells: Cells) -> Reading:
        """Numbers of slots, `RARE` or `UNSEEN`; NaN where missing."""
        text = level_text(cells)
        found = pc.fill_null(pc.index_in(text, value_set=self._known), int(UNSEEN))
        codes = found.to_numpy(zero_copy_only=False).astype(np.float64)
        codes[codes >= len(self.levels)] = RARE
        if text.null_count:
            codes[pc.is_null(text).to_numpy(zero_copy_only=False)] = np.nan
        return Reading(codes, np.zeros(len(codes), dtype=np.bool_))

    def parts(self) -> list[Part]:
        """One block, in which missing may have a slot."""
        return self.value_parts()

    def value_parts(self) -> list[Part]:
        """One block."""
        return [(self.name, "condition", len(self.slots), self.name)]

    def encode(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """One-hot, or nothing for what has no slot."""
        self.encode_values(values, out, clock)

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """See :meth:`encode`."""
        slots = np.nan_to_num(values, nan=len(self.levels) if self.gap else RARE).astype(np.intp)
        at = np.flatnonzero(slots >= 0)
        out[at, slots[at]] = 1.0

    def decode(self, block: Floats, clock: Floats | None) -> Floats:
        """The largest entry's slot; NaN for missing and where no condition is known."""
        return self.decode_values(block, clock)

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """See :meth:`decode`."""
        slots: Floats = np.argmax(block, axis=1).astype(np.float64)
        unknown = (slots == len(self.levels)) | (block.sum(axis=1) < 0.5)
        return np.where(unknown, np.nan, slots)

    def check(self) -> None:
        """See :meth:`anomgan.data.table.columns.base.Column.check`."""
        super().check()
        check_levels(self.name, (*self.levels, *self.rare))
        if not self.levels:
            raise ValueError(f"column {self.name!r} has no levels")

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Cells as an ordinary column of this dtype would give them."""
        if self.dtype == "str" or self.dtype.startswith("category["):
            kin = CategoryColumn(self.name, self.dtype, False, self.levels, self.rare)
            return kin.restore(values)
        truth = pd.api.types.pandas_dtype(self.dtype).kind == "b"
        numbers = [float(level == "True") if truth else float(level) for level in self.levels]
        slots = np.nan_to_num(values, nan=len(numbers)).astype(np.intp)
        meant = np.array([*numbers, np.nan])[slots]
        if truth:
            return BooleanColumn(self.name, self.dtype, True, False).restore(meant)
        return NumericColumn(self.name, self.dtype, True, 0.0, 1.0).restore(meant)


def level_text(cells: Cells) -> pa.Array:
    """Cells as levels, Arrow strings (n,), null where missing.

    A column of 1, 2 and 3 turns to 1.0, 2.0 and 3.0 as soon as a reader meets a gap in it, and a
    machine mustn't change its name by that: whole numbers are spelled without a decimal point.
    True and False are spelled as Python does for the same reason.
    """
    text = as_text(cells)
    if cells.form != "text":
        return text
    text = pc.replace_substring_regex(text, r"^(-?(?:0|[1-9]\d*))\.0*$", r"\1")
    text = pc.replace_substring_regex(text, r"^(?i:true)$", "True")
    return pc.replace_substring_regex(text, r"^(?i:false)$", "False")
