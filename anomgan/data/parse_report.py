"""Report what was unusual about records while they were encoded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from anomgan.data.series.windows import Windows
from anomgan.utils.types import Bools, Floats


@dataclass(frozen=True)
class Unreadable:
    """Cells of one column that couldn't be parsed.

    Attributes:
        count: Number of such cells.
        row: Input record of the first, counted from 0.
        text: Its content.
        wanted: The expected content, such as "a number".
        hint: What the content looks like instead; empty if nothing is known.
    """

    count: int
    row: int
    text: str
    wanted: str
    hint: str = ""


@dataclass(frozen=True)
class ParseReport:
    """What was unusual about the input; reports of consecutive chunks are added with ``+``.

    Counts are of cells by column name; columns without any are left out.

    Attributes:
        rows: Number of rows read.
        unreadable: Cells that couldn't be parsed and count as missing.
        missing: Missing cells, including unreadable ones.
        unexpected: Missing cells of columns without any in training, or of conditions with too few.
        unseen: Cells of a category or condition with a level that wasn't in training.
        changed: Cells of a constant column with another value.
        changed_rows: In which of these rows, ``(rows,)`` for each column that counts as abnormal
            then; of one chunk alone, reports of several have none.
        pooled: Cells of a condition without a slot (unexpected, unseen or rare), whose rows are
            scored against all levels pooled.
        lost: Record number, counted from 0 -> why it couldn't be read at all.
        windows: Where the rows are windows of series, the rows that each window holds; of one chunk
            alone.
        changes: How records were converted to the form of the training records -> how many were.
    """

    rows: int = 0
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    unexpected: dict[str, int] = field(default_factory=dict)
    unseen: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    changed_rows: dict[str, Bools] = field(default_factory=dict, compare=False, repr=False)
    pooled: dict[str, int] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    windows: Windows | None = field(default=None, compare=False, repr=False)

    def __add__(self, later: ParseReport) -> ParseReport:
        """The report of this chunk and a later one."""
        unreadable = later.unreadable | self.unreadable
        for name in self.unreadable.keys() & later.unreadable.keys():
            first, count = self.unreadable[name], later.unreadable[name].count
            unreadable[name] = replace(first, count=first.count + count)
        return ParseReport(
            self.rows + later.rows,
            unreadable,
            _add_counts(self.missing, later.missing),
            _add_counts(self.unexpected, later.unexpected),
            _add_counts(self.unseen, later.unseen),
            _add_counts(self.changed, later.changed),
            {},
            _add_counts(self.pooled, later.pooled),
            self.lost | later.lost,
            _add_counts(self.changes, later.changes),
        )

    def lines(self) -> Iterator[str]:
        """Messages for the user, without full stops; none if nothing was unusual."""
        yield from dict.fromkeys(self.lost.values())
        for change, count in self.changes.items():
            yield f"{count:,} {change}"
        for name, cells in self.unreadable.items():
            yield (
                f"column {name!r}: {_cells(cells.count)} can't be read as {cells.wanted} and "
                f"{'counts' if cells.count == 1 else 'count'} as missing "
                f"(first in row {cells.row}: {cells.text!r}){cells.hint}"
            )
        for name, count in self.unexpected.items():
            empty = count - (self.unreadable[name].count if name in self.unreadable else 0)
            if empty and name not in self.pooled:
                yield f"column {name!r}: {_cells(empty)} missing, none was in training"
        for name, count in self.unseen.items():
            if name not in self.pooled:
                yield f"column {name!r}: {_cells(count)} with a level that wasn't in training"
        yield from self.condition_lines()
        for name, count in self.changed.items():
            yield f"column {name!r}: {_cells(count)} unlike the one value it had in training"

    def to_rows(self, scores: Floats) -> Floats:
        """Scores of the rows that could be read from those of their records."""
        if self.windows is None:
            return scores
        pooled = self.windows.to_rows(scores)
        return pooled[~np.isnan(pooled)]

    def unread_lines(self) -> Iterator[str]:
        """The messages about records and cells that couldn't be read."""
        return ParseReport(unreadable=self.unreadable, lost=self.lost, changes=self.changes).lines()

    def condition_lines(self) -> Iterator[str]:
        """The messages about cells of conditions without a slot."""
        for name, count in self.pooled.items():
            missing, unseen = self.unexpected.get(name, 0), self.unseen.get(name, 0)
            for cells, what in [
                (missing, "missing, few or none were in training"),
                (unseen, "with a level that wasn't in training"),
                (count - missing - unseen, "with a level that was rare in training"),
            ]:
                if cells:
                    yield (
                        f"column {name!r}: {_cells(cells)} {what}; judged against all levels pooled"
                    )


def _add_counts(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return first | {name: first.get(name, 0) + count for name, count in second.items()}


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"
