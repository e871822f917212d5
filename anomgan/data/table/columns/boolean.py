"""Columns of booleans, and parsing booleans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.cells import Cells, ParsedCells
from anomgan.data.table.columns.column import Column, ColumnKind, Part, as_dtype, count_levels
from anomgan.data.table.columns.numeric import text_to_numbers
from anomgan.utils.types import Floats

BOOLEAN_WORDS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"))
"""Pairs of words for false and true; 0 and 1 are numbers, among which a 7 can be far away."""


@dataclass(frozen=True)
class BooleanColumn(Column):
    """Booleans.

    Attributes:
        fill: The more frequent value, as which missing cells are encoded.
        labels: The user's spelling of false and true.
    """

    fill: bool
    labels: tuple[str, str] = ("false", "true")

    kind: ClassVar[ColumnKind] = "boolean"
    expected: ClassVar[str] = "true or false"

    @classmethod
    def fit(cls, name: str, cells: Cells, parsed: ParsedCells, words: tuple[str, str]) -> Self:
        """Find the more frequent value and, in text, the user's spelling of ``words``."""
        gaps = np.isnan(parsed.values)
        fill = bool(np.mean(parsed.values[~gaps]) >= 0.5)
        if cells.form != "text":
            return cls(name, cells.dtype, bool(gaps.any()), fill)
        spellings = [spelling for spelling, _ in count_levels(cells.to_text())]
        no, yes = (
            next((spelling for spelling in spellings if spelling.lower() == word), word)
            for word in words
        )
        return cls(name, "str", bool(gaps.any()), fill, (no, yes))

    def describe_range(self) -> str:
        """The two words."""
        return " or ".join(self.labels)

    @property
    def words(self) -> tuple[str, str]:
        """The lower-case words for false and true."""
        return self.labels[0].lower(), self.labels[1].lower()

    def parse_filled(self, cells: Cells) -> ParsedCells:
        """0 or 1."""
        return parse_booleans(cells, self.words)

    def value_parts(self) -> list[Part]:
        """One indicator."""
        return [(self.name, "indicator", 1, self.name)]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """0 or 1; a missing cell is encoded as the more frequent value."""
        out[:, 0] = np.where(np.isnan(values), float(self.fill), values)

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """0 or 1, whichever is nearer."""
        return (block[:, 0] > 0.5).astype(np.float64)

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Booleans (of dtype ``boolean`` if some are missing), or the user's words for them."""
        gaps = np.isnan(values)
        truth = pd.Series(values == 1.0, dtype="boolean").mask(gaps, pd.NA)
        if self.dtype == "str":
            words = np.where(values == 1.0, self.labels[1], self.labels[0])
            return pd.Series(words, dtype="str").mask(gaps)
        return truth if self.dtype == "bool" and gaps.any() else as_dtype(truth, self.dtype)


def parse_booleans(cells: Cells, words: tuple[str, str]) -> ParsedCells:
    """Parse cells as 0 and 1.

    Args:
        cells: Booleans, the numbers 0 and 1 (also as text), or words.
        words: The lower-case words for false and true.
    """
    if cells.form == "time":
        return cells.unparsed()
    if cells.form != "text":
        return cells.parsed_as(_mask_other_numbers(cells.parsed_as().values))
    lowered = pc.utf8_lower(cells.trimmed)
    indices = pc.index_in(lowered, value_set=pa.array(words, lowered.type))
    truth = np.asarray(indices.to_numpy(zero_copy_only=False), dtype=np.float64)
    if np.isnan(truth).any():
        truth = np.where(np.isnan(truth), _mask_other_numbers(text_to_numbers(cells)), truth)
    return cells.parsed_as(truth)


def _mask_other_numbers(values: Floats) -> Floats:
    """The numbers 0 and 1; NaN for all others."""
    return np.where(np.isin(values, (0.0, 1.0)), values, np.nan)
