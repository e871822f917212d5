"""Columns of times of day without a date, encoded as the phase of the day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from anomgan.data.table.cells import Cells, ParsedCells
from anomgan.data.table.columns.column import Column, ColumnKind, Part
from anomgan.data.table.cycles import DAY_S
from anomgan.data.table.time_form import check_form, describe_form, read_times, write_times
from anomgan.utils.types import Floats


@dataclass(frozen=True)
class TimeOfDayColumn(Column):
    """Times of day, such as 13:45, encoded as a sine and a cosine: 23:59 is near 00:00.

    Attributes:
        forms: How text writes them, as :func:`.time_form.read_times` takes it.
    """

    forms: tuple[str, ...]

    kind: ClassVar[ColumnKind] = "daytime"
    expected: ClassVar[str] = "a time of day"

    @classmethod
    def fit(cls, name: str, parsed: ParsedCells, forms: tuple[str, ...]) -> TimeOfDayColumn:
        """A column of times of day; nothing of it depends on which they are."""
        return cls(name, "str", bool(np.isnan(parsed.values).any()), forms)

    def parse_filled(self, cells: Cells) -> ParsedCells:
        """Seconds since midnight."""
        return parse_times_of_day(cells, self.forms)

    def describe_form(self) -> str:
        """See :meth:`anomgan.data.table.columns.column.Column.describe_form`."""
        return describe_form(self.forms[0])

    @property
    def wanted(self) -> str:
        """See :attr:`anomgan.data.table.columns.column.Column.wanted`."""
        return f"a time of day written as {describe_form(self.forms[0])}"

    def value_parts(self) -> list[Part]:
        """Sine and cosine."""
        return [(f"{self.name} ({wave})", "numeric", 1, self.name) for wave in ("sin", "cos")]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """Sine and cosine of the phase of the day; 0 where missing."""
        angle = 2 * np.pi * values / DAY_S
        out[:, 0] = np.nan_to_num(np.sin(angle))
        out[:, 1] = np.nan_to_num(np.cos(angle))

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """Seconds since midnight, whole ones."""
        phase = np.arctan2(block[:, 0], block[:, 1]) / (2 * np.pi)
        return np.rint(phase % 1.0 * DAY_S) % DAY_S

    def check(self) -> None:
        """See :meth:`anomgan.data.table.columns.column.Column.check`."""
        super().check()
        if not self.forms:
            raise ValueError(f"column {self.name!r} has no form of times")
        for form in self.forms:
            check_form(form)

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Text as training wrote it."""
        return write_times(values, self.forms[0], "str")


def parse_times_of_day(cells: Cells, forms: tuple[str, ...]) -> ParsedCells:
    """Parse text as times of day, in seconds since midnight."""
    return cells.parsed_as(read_times(cells, forms)) if cells.form == "text" else cells.unparsed()
