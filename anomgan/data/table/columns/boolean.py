"""Columns of truth values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from anomgan.data.table.columns.base import Column, ColumnKind, Part, as_dtype, by_frequency
from anomgan.data.table.parsing import (
    Cells,
    Reading,
    as_booleans,
    as_text,
)
from anomgan.utils.types import Floats


@dataclass(frozen=True)
class BooleanColumn(Column):
    """Truth values.

    Attributes:
        fill: What a missing cell counts as: the more frequent value.
        labels: The user's text for false and true.
    """

    fill: bool
    labels: tuple[str, str] = ("false", "true")

    kind: ClassVar[ColumnKind] = "boolean"
    wanted: ClassVar[str] = "true or false"

    @classmethod
    def fit(cls, name: str, cells: Cells, reading: Reading, words: tuple[str, str]) -> Self:
        """Learn the more frequent value and, from text, how the user spells both ``words``."""
        gaps = np.isnan(reading.values)
        fill = bool(np.mean(reading.values[~gaps]) >= 0.5)
        if cells.form != "text":
            return cls(name, cells.dtype, bool(gaps.any()), fill)
        text = as_text(cells)
        no, yes = (
            next((spelling for spelling, _ in by_frequency(text) if spelling.lower() == word), word)
            for word in words
        )
        return cls(name, "str", bool(gaps.any()), fill, (no, yes))

    @property
    def words(self) -> tuple[str, str]:
        """The pair of lower-case words that text is compared with."""
        return self.labels[0].lower(), self.labels[1].lower()

    def read(self, cells: Cells) -> Reading:
        """0 or 1."""
        return as_booleans(cells, self.words)

    def value_parts(self) -> list[Part]:
        """One indicator."""
        return [(self.name, "indicator", 1, self.name)]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """0 or 1; a missing cell becomes the more frequent value."""
        out[:, 0] = np.where(np.isnan(values), float(self.fill), values)

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """0 or 1, whichever is nearer."""
        return (block[:, 0] > 0.5).astype(np.float64)

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Truth values (``boolean`` where some are missing), or the user's words for them."""
        gaps = np.isnan(values)
        truth = pd.Series(values == 1.0, dtype="boolean").mask(gaps, pd.NA)
        if self.dtype == "str":
            words = np.where(values == 1.0, self.labels[1], self.labels[0])
            return pd.Series(words, dtype="str").mask(gaps)
        return truth if self.dtype == "bool" and gaps.any() else as_dtype(truth, self.dtype)
