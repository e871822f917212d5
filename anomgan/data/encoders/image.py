"""Pictures as flat records of one size, and back: the encoder beside that of tables."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.data.encoders.base import FEWEST_ROWS, Encoder, Records, count
from anomgan.data.image.image import (
    DEPTHS,
    PICTURE_COLUMN,
    BrokenPictureError,
    Header,
    Picture,
    as_picture,
    lift_pillow_limit,
)
from anomgan.data.image.preprocessing import (
    SIZES,
    common_channels,
    deepest,
    resized,
    sizes,
    usual_side,
    with_channels,
    with_depth,
)
from anomgan.data.image.tiling import Tiling
from anomgan.data.parse_report import ParseReport
from anomgan.data.spec import Spec
from anomgan.data.table.schema import Schema
from anomgan.errors import DataWarning, InputError
from anomgan.utils.types import Floats

TOGETHER = 32
"""Pictures that a worker reads in one go."""

T = TypeVar("T")


@dataclass(frozen=True)
class ImageEncoder(Encoder):
    """Turns pictures of any sizes into flat arrays of one size, and back.

    Pictures are brought to a square, whatever their aspect; to gray if all training pictures are
    gray, to RGB if not; and to the deepest of the training pictures' depths.

    Attributes:
        schema: The conditions beside the pictures, and no columns.
        grid: Channels, height and width of a record, which is a picture or one tile of it.
        depth: Type of the values, one of :data:`anomgan.data.image.image.DEPTHS`.
        axis: Whether arrays have an axis for channels.
        found: Sizes of the training pictures, as text.
        names: Names of the training frame's columns.
        tiles: Tiles along each side of a picture.
    """

    schema: Schema
    grid: tuple[int, int, int]
    depth: str
    axis: bool
    found: str
    names: tuple[str, ...]
    tiles: int = 1

    kind: ClassVar[str] = "images"
    unit: ClassVar[str] = "pictures"
    array_input: ClassVar[str] = "a folder, a list of paths, or an array (n, H, W) or (n, H, W, C)"

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        *,
        conditions: Sequence[str] = (),
        size: int = 0,
        tiles: int = 1,
        max_levels: int = 64,
        source: str = "the pictures",
    ) -> ImageEncoder:
        """Learn of which kind the pictures are, from their headers.

        Args:
            frame: Training pictures in the column ``picture``; at least `FEWEST_ROWS` readable.
            conditions: Names of other columns that say which range of normal holds.
            size: Side of the square that pictures, or their tiles, are brought to; 0 for their
                usual longer side, but at most :data:`~anomgan.data.image.preprocessing.USUAL_SIZE`.
            tiles: Tiles along each side of a picture, which overlap by a quarter.
            max_levels: Most levels of a condition.
            source: What messages call the pictures.

        Raises:
            InputError: If there are too few pictures, or something about a condition or ``size``
                is wrong.

        Warns:
            DataWarning: If channels seem to stand where rows should.
        """
        if size and not SIZES[0] <= size <= SIZES[1]:
            raise InputError(f"size={size} must lie between {SIZES[0]} and {SIZES[1]} pixels")
        pictures = _pictures(frame)
        with lift_pillow_limit():
            found = list(_each(_header, pictures))
        heads = [head for head in found if isinstance(head, Header)]
        refuse_few(len(heads), [str(head) for head in found if isinstance(head, str)], source)
        side = size or usual_side(heads, tiles)
        channels = common_channels(heads)
        first = pictures[0]
        axis = channels > 1 or getattr(getattr(first, "array", None), "ndim", 2) == 3
        if channels > 4 >= max(head.height for head in heads):
            warnings.warn(
                f"{source}: taken as pictures of {heads[0].height}×{heads[0].width} pixels with "
                f"{channels} channels; if channels come first, transpose to (n, H, W, C)",
                DataWarning,
                stacklevel=2,
            )
        schema = Schema.of_conditions(
            frame, conditions=conditions, max_levels=max_levels, source=source
        )
        names = tuple(str(name) for name in frame.columns)
        grid = (channels, side, side)
        return cls(schema, grid, deepest(heads), axis, sizes(heads), names, tiles)

    @property
    def columns(self) -> Sequence[str]:
        """Names of the training frame's columns."""
        return self.names

    @cached_property
    def spec(self) -> Spec:
        """The pixels, channel by channel and row by row, then the entries of conditions."""
        given = [part for column in self.schema.conditions for part in column.parts()]
        pixels = int(np.prod(self.grid))
        return Spec.of(
            [(PICTURE_COLUMN, "pixel", pixels, PICTURE_COLUMN), *given], self.grid, self.tiles**2
        )

    @cached_property
    def _tiling(self) -> Tiling:
        return Tiling(self.grid[1], self.tiles)

    def transform(
        self,
        frame: pd.DataFrame,
        *,
        strict: bool = False,
        learning: bool = False,
        first_row: int = 0,
        source: str = "the pictures",
    ) -> tuple[Records, ParseReport]:
        """Read pictures, several at once.

        Args:
            frame: n pictures in the column ``picture``, and the columns of conditions.
            strict: Whether a picture that can't be read is an error rather than left out.
            learning: Makes no difference to pictures.
            first_row: Input record of the first, from 0.
            source: What messages call the pictures.

        Returns:
            Values in the pictures' own units, (n less those lost, D), each picture's tiles one
            behind the other, and what was odd.

        Raises:
            InputError: If there is no such column; if ``strict``, for the first broken picture.
        """
        if PICTURE_COLUMN not in frame.columns:
            raise InputError(
                f"{source}: holds no pictures, which the model was fitted on; "
                f"give {self.array_input}"
            )
        at = self.schema.locate(frame, source=source, warn=False)
        report, found = ParseReport(len(frame)), np.ones(len(frame), dtype=np.bool_)
        out = np.zeros((len(frame), self.spec.tiles, self.spec.size), self.depth)
        pictures = _pictures(frame, first_row)
        with lift_pillow_limit():
            for row, outcome in enumerate(_each(self._read, pictures)):
                if isinstance(outcome, str):
                    if strict:
                        raise InputError(f"{source}: {outcome}")
                    found[row], report.lost[first_row + row] = False, outcome
                    continue
                pixels, changes = outcome
                for tile, own in enumerate(self._tiling.cut(pixels)):
                    out[row, tile, : self.spec.record_size] = np.moveaxis(own, 2, 0).reshape(-1)
                for change in changes:
                    count(report.changes, change, report.changes.get(change, 0) + 1)
        if not found.all():
            out, frame = out[found], frame[found]
        self._encode_conditions(frame, at, out[:, 0], report, first_row=first_row, source=source)
        out[:, 1:, self.spec.record_size :] = out[:, :1, self.spec.record_size :]
        return out.reshape(-1, self.spec.size), report

    def _read(self, picture: Picture) -> tuple[NDArray[Any], list[str]] | str:
        """A picture as (H, W, C) and what was done to it, or why it can't be used."""
        side = self._tiling.side
        try:
            pixels, changes = picture.load(side)
            pixels, deeper = with_depth(pixels, self.depth)
            pixels, coloured = with_channels(resized(pixels, side, side), self.grid[0])
        except BrokenPictureError as error:
            return f"{picture}: {error}"
        return pixels, [*changes, *deeper, *coloured]

    def to_pictures(self, values: Floats) -> NDArray[Any]:
        """Encoded or generated records, (n, D), as pictures or tiles, (n, H, W) or (n, H, W, C).

        Values are rounded and clipped to what the pictures' type holds.
        """
        flat = np.asarray(values)[:, : self.spec.record_size]
        if self.depth != "float32":
            flat = np.rint(flat).clip(0, np.iinfo(self.depth).max)
        upright = np.moveaxis(flat.astype(self.depth).reshape(-1, *self.grid), 1, 3)
        return upright if self.axis else upright[..., 0]

    def merge_tiles(self, tiles: NDArray[Any]) -> NDArray[Any]:
        """Put what belongs to tiles together, blended where they overlap.

        Args:
            tiles: Of n pictures t tiles each, one behind the other: (n · t, H, W, …).

        Returns:
            The same for pictures, (n, H', W', …); without tiles what is given.
        """
        return tiles if self.tiles == 1 else self._tiling.joined(tiles)

    def restore(
        self, values: Floats, columns: Sequence[str], *, as_frame: bool
    ) -> NDArray[np.generic]:
        """See :meth:`to_pictures`."""
        return self.to_pictures(values)

    def summary(self) -> dict[str, str]:
        """What the networks see of a picture."""
        channels, height, width = self.grid
        colours = {1: "gray", 3: "RGB"}.get(channels, f"{channels} channels")
        depth = {"uint8": "8 bits", "uint16": "16 bits"}.get(self.depth, "real numbers")
        cut = f", in {self.tiles}×{self.tiles} tiles" if self.tiles > 1 else ""
        return {
            "size": f"{height}×{width}, from {self.found}{cut}",
            "values": f"{colours}, {depth}",
        }

    def to_json(self) -> dict[str, Any]:
        """Plain data from which :meth:`from_json` rebuilds this encoder."""
        return {
            **self.schema.to_json(),
            "kind": self.kind,
            "grid": list(self.grid),
            "depth": self.depth,
            "axis": self.axis,
            "found": self.found,
            "names": list(self.names),
            "tiles": self.tiles,
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> ImageEncoder:
        """Rebuild from :meth:`to_json`.

        Raises:
            ValueError: If it describes no pictures.
        """
        channels, height, width = (int(length) for length in state["grid"])
        tiles = int(state["tiles"])
        if state["depth"] not in DEPTHS or not SIZES[0] <= height == width <= SIZES[1]:
            raise ValueError("no such pictures")
        if tiles < 1:  # (-1)² tiles are as many as 1², which is all that the layout tells
            raise ValueError(f"pictures in {tiles}×{tiles} tiles")
        return cls(
            Schema.from_json(state),
            (channels, height, width),
            state["depth"],
            bool(state["axis"]),
            str(state["found"]),
            tuple(str(name) for name in state["names"]),
            tiles,
        )


def refuse_few(readable: int, lost: Sequence[str], source: str) -> None:
    """Refuse to learn from too few pictures.

    Args:
        readable: How many can be read.
        lost: Why others can't.
        source: What messages call them.

    Raises:
        InputError: If there are fewer than `FEWEST_ROWS`.
    """
    if readable < FEWEST_ROWS:
        others = f"; {len(lost):,} can't be read, the first: {lost[0]}" if lost else ""
        raise InputError(
            f"{source}: {readable} pictures; at least {FEWEST_ROWS} are needed to learn what is "
            f"normal{others}"
        )


def _pictures(frame: pd.DataFrame, first_row: int = 0) -> list[Picture]:
    column = frame[PICTURE_COLUMN]
    return [as_picture(cell, f"picture {first_row + row}") for row, cell in enumerate(column)]


def _header(picture: Picture) -> Header | str:
    try:
        return picture.header()
    except BrokenPictureError as error:
        return f"{picture}: {error}"


def _each(read: Callable[[Picture], T], pictures: Sequence[Picture]) -> Iterable[T]:
    """Apply a function to pictures in worker threads; Pillow decodes side by side."""

    def several(start: int) -> list[T]:
        return [read(picture) for picture in pictures[start : start + TOGETHER]]

    workers = min(8, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="anomgan-pictures")
    try:
        for done in pool.map(several, range(0, len(pictures), TOGETHER)):
            yield from done
    finally:  # an interruption doesn't wait for thousands of pictures
        pool.shutdown(wait=True, cancel_futures=True)
