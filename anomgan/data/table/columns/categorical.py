"""Columns of text with few enough distinct values to give each frequent one a slot."""

from __future__ import annotations

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
from anomgan.data.table.parsing import (
    Cells,
    Reading,
    as_text,
)
from anomgan.utils.types import Bools, Floats

MOST_LEVELS = 100_000
"""Levels of a category that are remembered; rarer ones can't be told from new ones."""

OPEN_SHARE = 0.05
"""Estimated share of rows with a new level from which on a new level is no evidence."""


@dataclass(frozen=True)
class CategoryColumn(Column):
    """Text with a slot for each frequent level.

    The slots are the levels, then as needed "other" (known levels without a slot of their own),
    "missing" and "unseen" (levels that weren't in training).  A column is *open* where new levels
    are normal: then they go to "other", and there is no slot "unseen".

    Attributes:
        levels: Levels with a slot, most frequent first.
        rare: Further known levels, most frequent first.
        open: Whether new levels are expected: either more than `MOST_LEVELS` were met, or the
            share of rows whose level occurs once, which estimates how often a new one comes
            (Good and Turing), is above `OPEN_SHARE` in a column with rare levels.
        once: TrainingHistory rows whose level occurs once.
    """

    levels: tuple[str, ...]
    rare: tuple[str, ...] = ()
    open: bool = False
    once: int = 0

    kind: ClassVar[ColumnKind] = "category"
    wanted: ClassVar[str] = "text"

    @classmethod
    def fit(cls, name: str, cells: Cells, max_levels: int) -> Self:
        """Learn the levels; ``max_levels`` of them get a slot."""
        text = as_text(cells)
        counts = by_frequency(text)
        names = [level for level, _ in counts]
        rare = tuple(names[max_levels:MOST_LEVELS])
        once = sum(count == 1 for _, count in counts)
        filled = len(text) - text.null_count
        is_open = bool(rare) and (once / filled > OPEN_SHARE or len(names) > MOST_LEVELS)
        levels = tuple(names[:max_levels])
        dtype = level_dtype(cells)
        return cls(name, dtype, text.null_count > 0, levels, rare, is_open, once)

    @property
    def slots(self) -> list[str]:
        """Names of the entries of the one-hot block, in order."""
        other = ["(other)"] if self.rare else []
        missing = ["(missing)"] if self.missing else []
        unseen = [] if self.open else ["(unseen)"]
        return [*self.levels, *other, *missing, *unseen]

    @cached_property
    def _known(self) -> pa.Array:
        return pa.array((*self.levels, *self.rare), pa.large_string())

    @property
    def _other(self) -> int:
        """Slot of the rare levels, if there are any."""
        return len(self.levels)

    def read(self, cells: Cells) -> Reading:
        """Numbers of slots; the last is "unseen" unless the column is open."""
        return self._read(cells, len(self._known))

    def read_as_new(self, cells: Cells) -> Reading:
        """Numbers of slots; levels that came once weren't there without their row."""
        return self._read(cells, len(self._known) - self.once)

    def _read(self, cells: Cells, known: int) -> Reading:
        """Numbers of slots, if so many levels are known."""
        text = as_text(cells)
        found = pc.index_in(text, value_set=self._known)
        fallback = self._other if self.open else len(self.slots) - 1
        codes = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
        codes = np.where(codes < known, codes, -1)
        slots = np.where(codes < 0, fallback, np.minimum(codes, self._other)).astype(np.float64)
        if text.null_count:
            slots[pc.is_null(text).to_numpy(zero_copy_only=False)] = np.nan
        return Reading(slots, np.zeros(len(slots), dtype=np.bool_))

    def is_unseen(self, values: Floats) -> Bools:
        """Which of the values :meth:`read` gave are levels that weren't in training."""
        return np.asarray(values == (np.inf if self.open else len(self.slots) - 1))

    def unseen(self, values: Floats) -> int:
        """How many they are."""
        return int(np.count_nonzero(self.is_unseen(values)))

    def parts(self) -> list[Part]:
        """One block, in which missing has a slot."""
        return self.value_parts()

    def value_parts(self) -> list[Part]:
        """One block."""
        return [(self.name, "category", len(self.slots), self.name)]

    def encode(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """One-hot; a cell that is missing for the first time becomes the most frequent level."""
        self.encode_values(values, out, clock)

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """See :meth:`encode`."""
        gap = self.slots.index("(missing)", self._other) if self.missing else 0
        slots = np.nan_to_num(values, nan=gap).astype(np.intp)
        out[np.arange(len(slots)), slots] = 1.0

    def decode(self, block: Floats, clock: Floats | None) -> Floats:
        """The most probable slot but "unseen", which stands for nothing that could be written."""
        return self.decode_values(block, clock)

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """See :meth:`decode`."""
        nameable = len(self.slots) - (not self.open)
        slots: Floats = np.argmax(block[:, :nameable], axis=1).astype(np.float64)
        if self.missing:
            slots[slots == nameable - 1] = np.nan
        return slots

    def check(self) -> None:
        """See :meth:`anomgan.data.table.columns.base.Column.check`."""
        super().check()
        check_levels(self.name, (*self.levels, *self.rare))

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Levels; "other" becomes the most frequent of the rare ones."""
        names = np.array([*self.levels, *self.rare[:1], None], dtype=object)
        slots = np.nan_to_num(values, nan=len(names) - 1).astype(np.intp)
        text = pd.Series(names[slots], dtype="str")
        if not self.dtype.startswith("category["):
            return text
        # Through the categories, because integers can't be missing.
        levels = pd.Index([*self.levels, *self.rare], dtype="str")
        declared = levels.astype(self.dtype.removeprefix("category[").removesuffix("]"))
        return pd.Series(pd.Categorical.from_codes(levels.get_indexer(pd.Index(text)), declared))
