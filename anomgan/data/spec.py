"""What a network may know of its data: the shape of one record and what its entries mean.

Networks, the inverter and the scorer see a :class:`Spec` and nothing else of a table or a picture,
so the same code serves both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["numeric", "indicator", "category"]


@dataclass(frozen=True)
class Span:
    """A run of neighbouring entries of an encoded record that belong together.

    Attributes:
        name: The user's column (or a part of one, such as ``"pickup (hour, sin)"``).
        kind: ``numeric`` holds real numbers; ``indicator`` holds 0 or 1; ``category`` is a one-hot
            block, which a generator fills with probabilities that add up to one.
        start: First entry.
        width: Number of entries; more than one only for a category.
        column: The user's column that this span describes; several spans may share one.
    """

    name: str
    kind: Kind
    start: int
    width: int
    column: str

    @property
    def stop(self) -> int:
        """One past the last entry."""
        return self.start + self.width

    @property
    def slice(self) -> slice:
        """The entries of this span."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Spec:
    """The shape of one record and, for tables, the meaning of its entries.

    Attributes:
        shape: ``(D,)`` for a table, ``(C, H, W)`` for pictures.
        spans: The runs that tile a table's D entries in order; empty for pictures.
    """

    shape: tuple[int, ...]
    spans: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        """Refuse spans that don't tile the record.

        Raises:
            ValueError: If a gap or an overlap is found.
        """
        at = 0
        for span in self.spans:
            if span.start != at or span.width < 1:
                raise ValueError(f"span {span.name!r} starts at {span.start}, expected {at}")
            at = span.stop
        if self.spans and self.shape != (at,):
            raise ValueError(f"spans cover {at} entries of a record of shape {self.shape}")

    @property
    def size(self) -> int:
        """Number of entries in one record."""
        size = 1
        for extent in self.shape:
            size *= extent
        return size

    @classmethod
    def of(cls, parts: Iterable[tuple[str, Kind, int, str]]) -> Spec:
        """Lay out spans one behind the other from ``(name, kind, width, column)``."""
        spans, at = [], 0
        for name, kind, width, column in parts:
            spans.append(Span(name, kind, at, width, column))
            at += width
        return cls((at,), tuple(spans))

    def to_json(self) -> dict[str, Any]:
        """Plain data from which :meth:`from_json` rebuilds this spec."""
        return {"shape": list(self.shape), "spans": [asdict(span) for span in self.spans]}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Spec:
        """Rebuild from :meth:`to_json`."""
        return cls(tuple(state["shape"]), tuple(Span(**span) for span in state["spans"]))
