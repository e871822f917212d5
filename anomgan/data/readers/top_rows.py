"""The first records of a file, and what its columns hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from anomgan.data.readers.cell_kinds import find_column_kind, find_kind, is_value
from anomgan.data.readers.head import HeadRecord

_MAX_ROWS, _MAX_COLUMNS = 20, 1_000
"""Rows and columns of which the cells are looked at."""

MAX_TOP_ROWS = 30
"""Records among which the first one below a header is sought."""


class TopRows:
    """The first records of a file, and what its columns hold, judged by later ones.

    Attributes:
        records: The records, the header perhaps among them.
        fields: The usual number of fields.
    """

    def __init__(self, records: Sequence[HeadRecord]) -> None:
        """Take the records, at least one."""
        self.records = records
        counts = [len(record.fields) for record in records[len(records) // 2 :]]
        self.fields = Counter(counts).most_common(1)[0][0]

    @cached_property
    def body(self) -> list[list[str]]:
        """Fields of records in the second half."""
        half = self.records[len(self.records) // 2 :]
        return [each.fields for each in half if len(each.fields) == self.fields][:_MAX_ROWS]

    @cached_property
    def kinds(self) -> list[str]:
        """Kind of each of the first columns, as :func:`.cell_kinds.find_column_kind` gives it."""
        count = min(self.fields, _MAX_COLUMNS)
        return [find_column_kind(row[at] for row in self.body) for at in range(count)]

    @cached_property
    def value_columns(self) -> list[int]:
        """Columns that hold values rather than text."""
        return [at for at, kind in enumerate(self.kinds) if kind not in ("", "text")]

    def count_values(self, at: int) -> tuple[int, int]:
        """How many cells of a record in columns of values hold a value, and how many text."""
        fields = self.records[at].fields
        if len(fields) != self.fields:
            return 0, 0
        filled = [(fields[i], self.kinds[i]) for i in self.value_columns if find_kind(fields[i])]
        values = sum(is_value(cell, kind) for cell, kind in filled)
        return values, len(filled) - values

    @cached_property
    def first_record(self) -> int | None:
        """The first record that looks like the later ones; None if that doesn't show."""
        needed = max(1, len(self.value_columns) // 3)
        for at in range(min(len(self.records), MAX_TOP_ROWS)):
            values, texts = self.count_values(at)
            if values >= needed and (not texts or (at > 0 and values > texts)):
                return at
        return None

    def match(self, at: int) -> tuple[int, int] | None:
        """How a record fits as a header: ``first`` and ``trailing`` of it; None if it doesn't."""
        names = self.records[at].fields
        missing = self.fields - len(names)
        if missing <= 0:
            return None if any(map(str.strip, names[self.fields :])) else (0, 0)
        if not any(cell.strip() for row in self.body for cell in row[-missing:]):
            return 0, missing
        row_names = [row[0] for row in self.body]
        is_unique = all(row_names) and len(set(row_names)) == len(row_names)
        has_values = self.fields > 2 or self.value_columns[-1:] == [1]
        return (1, 0) if missing == 1 and is_unique and has_values and at == 0 else None

    def count_filled(self, at: int) -> int:
        """How many fields of a record aren't empty."""
        return sum(1 for cell in self.records[at].fields if cell.strip())
