"""The layout of encoded records: their size and the meaning of their entries.

Networks, inversion and scores know a table or a picture only by its :class:`Spec`, so the same code
serves both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anomgan.utils.types import Floats

Kind = Literal["numeric", "indicator", "category", "pixel", "extent", "condition"]

EXTENT_UNITS = 255
"""An extent is stored as so many parts of the picture's side, which fit a byte."""


@dataclass(frozen=True)
class Span:
    """A run of neighbouring entries of an encoded record that belong together.

    Attributes:
        name: The user's column, or a part of it such as ``"pickup (hour, sin)"``.
        kind: ``numeric``: real numbers.  ``indicator``: 0 or 1.  ``category``: a one-hot block, for
            which generators give probabilities.  ``pixel``: a picture, channel by channel and row
            by row.  ``extent``: height and width of the part of a picture that isn't padding, in
            parts of its side; networks don't see it.  ``condition``: a one-hot block or all zeros;
            an input of the networks that isn't scored.
        start: Index of the first entry.
        width: Number of entries; more than one only for a category, a picture, a condition or a
            channel of a window.
        column: The user's column; several spans may describe parts of one.
    """

    name: str
    kind: Kind
    start: int
    width: int
    column: str

    @property
    def stop(self) -> int:
        """One past the index of the last entry."""
        return self.start + self.width

    @property
    def slice(self) -> slice:
        """The entries of this span."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Spec:
    """The shape of one record and the meaning of its entries.

    Pictures are flat records, too; only networks use ``grid`` to reshape them.

    Attributes:
        shape: ``(D,)``.
        spans: The runs that cover the D entries in order, conditions last.
        grid: Channels, height and width of the picture in the one ``pixel`` span, which comes
            first; None for tables.
        tiles: Number of neighbouring records that are tiles of one picture, whose score is the
            largest of theirs; 1 without tiling.
        window: Channels and points of the window in the first spans, channel by channel, if records
            are windows of series.
        network_side: Longest side of the pictures that GANs are shown, which are reduced to it;
            0 if they see all pixels.
    """

    shape: tuple[int, ...]
    spans: tuple[Span, ...] = ()
    grid: tuple[int, int, int] | None = None
    tiles: int = 1
    window: tuple[int, int] | None = None
    network_side: int = 0

    def __post_init__(self) -> None:
        """Check that spans cover the record.

        Raises:
            ValueError: If there is a gap or an overlap, something follows a condition, grid and
                pixels disagree, a table has tiles, or spans make no such window.
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
        if self.window and [span.width for span in self.spans[: self.window[0]]] != (
            [self.window[1]] * self.window[0]
        ):
            raise ValueError(f"spans don't make a window of {self.window}")
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

    @cached_property
    def for_networks(self) -> Spec:
        """The layout that GANs see: pictures of at most `network_side`, without their extents."""
        if self.grid is None:
            return self
        channels, height, width = self.grid
        share = min(1.0, (self.network_side or max(height, width)) / max(height, width))
        grid = (channels, max(1, round(share * height)), max(1, round(share * width)))
        if grid == self.grid and not any(span.kind == "extent" for span in self.spans):
            return self
        parts = [
            (s.name, s.kind, math.prod(grid) if s.kind == "pixel" else s.width, s.column)
            for s in self.spans
            if s.kind != "extent"
        ]
        return Spec.of(parts, grid, self.tiles)

    def extents(self, values: NDArray[Any]) -> NDArray[Any]:
        """Height and width of the part that isn't padding, as shares, ``(n, D) -> (n, 2)``."""
        for span in self.spans:
            if span.kind == "extent":
                return values[:, span.slice] / EXTENT_UNITS
        return np.ones((len(values), 2))

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
        window: tuple[int, int] | None = None,
        network_side: int = 0,
    ) -> Spec:
        """A layout of consecutive spans, each given as ``(name, kind, width, column)``."""
        spans, at = [], 0
        for name, kind, width, column in parts:
            spans.append(Span(name, kind, at, width, column))
            at += width
        return cls((at,), tuple(spans), grid, tiles, window, network_side)

    def to_json(self) -> dict[str, Any]:
        """Plain data, stored with a model and compared when it is loaded."""
        spans = [asdict(span) for span in self.spans]
        tiles = {"tiles": self.tiles} if self.tiles > 1 else {}
        window = {"window": self.window} if self.window else {}
        reduced = {"network_side": self.network_side} if self.network_side else {}
        return {
            "shape": self.shape,
            "spans": spans,
            "grid": self.grid,
            **tiles,
            **window,
            **reduced,
        }
