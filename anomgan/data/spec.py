"""What a network may know of its data: the shape of one record and what its entries mean.

Networks, the inverter and the scorer see a :class:`Spec` and nothing else of a table or a picture,
so the same code serves both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

from numpy.typing import NDArray

from anomgan.utils.types import Floats

Kind = Literal["numeric", "indicator", "category", "pixel", "condition"]


@dataclass(frozen=True)
class Span:
    """A run of neighbouring entries of an encoded record that belong together.

    Attributes:
        name: The user's column (or a part of one, such as ``"pickup (hour, sin)"``).
        kind: ``numeric`` holds real numbers; ``indicator`` holds 0 or 1; ``category`` is a one-hot
            block, which a generator fills with probabilities that add up to one; ``pixel`` is a
            picture, channel by channel and row by row; ``condition`` is a one-hot block too, or
            all zeros, and is given to the networks rather than judged.
        start: First entry.
        width: Number of entries; more than one only for a category, a picture or a condition.
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
    """The shape of one record and the meaning of its entries.

    A picture is a flat record, too, so that all but the networks treat it like any other; these
    learn from ``grid`` how its entries lie.

    Attributes:
        shape: ``(D,)``.
        spans: The runs that tile the D entries in order, conditions last.
        grid: Channels, height and width of the picture that the one ``pixel`` span holds, which
            comes first; None for tables.
        tiles: Neighbouring records that are tiles of one picture, which is as abnormal as its most
            abnormal tile; 1 where every record stands for itself.
    """

    shape: tuple[int, ...]
    spans: tuple[Span, ...] = ()
    grid: tuple[int, int, int] | None = None
    tiles: int = 1

    def __post_init__(self) -> None:
        """Refuse spans that don't tile the record.

        Raises:
            ValueError: If there is a gap or an overlap, something follows a condition, grid and
                pixels disagree, or there are tiles of nothing.
        """
        if self.tiles < 1 or (self.tiles > 1 and self.grid is None):
            raise ValueError(f"{self.tiles} tiles")
        at, before = 0, ""
        for span in self.spans:
            if span.start != at or span.width < 1:
                raise ValueError(f"span {span.name!r} starts at {span.start}, expected {at}")
            if before == "condition" != span.kind:
                raise ValueError(f"span {span.name!r} follows a condition; conditions come last")
            at, before = span.stop, span.kind
        if self.spans and self.shape != (at,):
            raise ValueError(f"spans cover {at} entries of a record of shape {self.shape}")
        pixels = [span.width for span in self.spans if span.kind == "pixel"]
        if pixels != ([] if self.grid is None else [math.prod(self.grid)]):
            raise ValueError(f"{pixels} pixels don't make a picture of {self.grid}")

    @cached_property
    def size(self) -> int:
        """Number of entries in one record."""
        return math.prod(self.shape)

    @cached_property
    def condition_size(self) -> int:
        """Number of entries that hold conditions, at the end of a record; 0 without conditions."""
        return sum(span.width for span in self.spans if span.kind == "condition")

    @cached_property
    def record_size(self) -> int:
        """Number of entries before the conditions: those that are scored."""
        return self.size - self.condition_size

    def conditions(self, values: NDArray[Any]) -> NDArray[Any]:
        """The condition entries of encoded records, one row per picture if these are tiled.

        Args:
            values: Encoded records, ``(n · tiles, D)``.

        Returns:
            ``(n, K)``.
        """
        return values[:: self.tiles, self.record_size :]

    def max_over_tiles(self, scores: Floats) -> Floats:
        """The largest score among each picture's tiles, ``(n · tiles,) -> (n,)``."""
        worst: Floats = scores.reshape(-1, self.tiles).max(1)
        return worst

    @classmethod
    def of(
        cls,
        parts: Iterable[tuple[str, Kind, int, str]],
        grid: tuple[int, int, int] | None = None,
        tiles: int = 1,
    ) -> Spec:
        """Lay out spans one behind the other from ``(name, kind, width, column)``."""
        spans, at = [], 0
        for name, kind, width, column in parts:
            spans.append(Span(name, kind, at, width, column))
            at += width
        return cls((at,), tuple(spans), grid, tiles)

    def to_json(self) -> dict[str, Any]:
        """Plain data, stored with a model and compared when it is loaded."""
        spans = [asdict(span) for span in self.spans]
        tiles = {"tiles": self.tiles} if self.tiles > 1 else {}
        return {"shape": self.shape, "spans": spans, "grid": self.grid, **tiles}
