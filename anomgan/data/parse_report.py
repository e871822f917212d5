"""What was odd about records while they were read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Unreadable:
    """Cells of one column that were filled, but not with what the column holds.

    Attributes:
        count: How many.
        row: Input record of the first, counted from 0.
        text: What it held.
        wanted: What it should have held.
    """

    count: int
    row: int
    text: str
    wanted: str


@dataclass(frozen=True)
class ParseReport:
    """What was odd about the input; reports of its chunks, in order, add up with ``+``.

    All other counts are of cells, under the name of their column; columns without any are left out.

    Attributes:
        rows: Rows read.
        unreadable: Cells that count as missing because they couldn't be read.
        missing: Missing cells, the unreadable ones among them.
        unexpected: The same for columns in which none was missing in training, or for conditions,
            too few.
        unseen: Levels of a category or condition that weren't in training.
        changed: Cells of a dropped constant column that hold another value.
        pooled: All cells of a condition that don't say which range of normal holds: those
            unexpected, those unseen, and known levels that were too rare in training.
        lost: Records that couldn't be read at all: their number, counted from 0, and why.
        changes: What was done to records to bring them to the training records' form, and to how
            many.
    """

    rows: int = 0
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    unexpected: dict[str, int] = field(default_factory=dict)
    unseen: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    pooled: dict[str, int] = field(default_factory=dict)
    lost: dict[int, str] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)

    def __add__(self, later: ParseReport) -> ParseReport:
        """The report of both parts of a table, of which ``later`` comes second."""
        unreadable = later.unreadable | self.unreadable
        for name in self.unreadable.keys() & later.unreadable.keys():
            first, count = self.unreadable[name], later.unreadable[name].count
            unreadable[name] = Unreadable(first.count + count, first.row, first.text, first.wanted)
        return ParseReport(
            self.rows + later.rows,
            unreadable,
            _added(self.missing, later.missing),
            _added(self.unexpected, later.unexpected),
            _added(self.unseen, later.unseen),
            _added(self.changed, later.changed),
            _added(self.pooled, later.pooled),
            self.lost | later.lost,
            _added(self.changes, later.changes),
        )

    def lines(self) -> Iterator[str]:
        """What the user should know, a sentence without full stop each; none if all is well."""
        yield from self.lost.values()
        for change, count in self.changes.items():
            yield f"{count:,} {change}"
        for name, cells in self.unreadable.items():
            yield (
                f"column {name!r}: {_cells(cells.count)} can't be read as {cells.wanted} and "
                f"{'counts' if cells.count == 1 else 'count'} as missing "
                f"(first in row {cells.row}: {cells.text!r})"
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

    def unread_lines(self) -> Iterator[str]:
        """Those of :meth:`lines` on records and cells that couldn't be read."""
        return ParseReport(unreadable=self.unreadable, lost=self.lost, changes=self.changes).lines()

    def condition_lines(self) -> Iterator[str]:
        """Those of :meth:`lines` on cells that don't say which range of normal holds."""
        for name, count in self.pooled.items():
            gaps, unseen = self.unexpected.get(name, 0), self.unseen.get(name, 0)
            for cells, what in [
                (gaps, "missing, few or none were in training"),
                (unseen, "with a level that wasn't in training"),
                (count - gaps - unseen, "with a level that was rare in training"),
            ]:
                if cells:
                    yield (
                        f"column {name!r}: {_cells(cells)} {what}; judged against all levels pooled"
                    )


def _added(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return first | {name: first.get(name, 0) + count for name, count in second.items()}


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"
