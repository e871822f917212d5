"""Encode pictures as flat records of one size, and decode them."""

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

from anomgan.data.encoders.encoder import MIN_TRAINING_ROWS, Encoder, Records, set_count
from anomgan.data.image.picture import (
    DEPTHS,
    PICTURE_COLUMN,
    BrokenPictureError,
    Header,
    Picture,
    as_picture,
)
from anomgan.data.image.pillow_limit import lift_pillow_limit
from anomgan.data.image.preprocessing import (
    DETAILED_NETWORK_SIDE,
    MAX_NETWORK_SIDE,
    SIDE_LIMITS,
    choose_channels,
    choose_depth,
    choose_side,
    convert_channels,
    convert_depth,
    describe_sizes,
    resize,
)
from anomgan.data.image.tiling import Tiling
from anomgan.data.parse_report import ParseReport
from anomgan.data.spec import EXTENT_UNITS, Spec
from anomgan.data.table.columns.column import Part
from anomgan.data.table.schema import Schema
from anomgan.errors import DataWarning, InputError
from anomgan.utils.types import Floats

_CHUNK_PICTURES = 32
"""Pictures that a worker thread reads in one task."""

T = TypeVar("T")


@dataclass(frozen=True)
class ImageEncoder(Encoder):
    """Convert pictures of any sizes to flat arrays of one size, and back.

    Pictures are resized such that the longer side fits a square, which the picture's mirror image
    fills up; squares stay squares.  They are converted to gray if all training
    pictures are gray, to RGB if not; and to the deepest of the training pictures' depths.

    Attributes:
        schema: The conditions beside the pictures, and no columns.
        grid: Channels, height and width of a record, which is a picture or one tile of it.
        depth: Type of the values, one of :data:`anomgan.data.image.picture.DEPTHS`.
        channel_axis: Whether decoded arrays have an axis of channels.
        training_sizes: Sizes of the training pictures, as text.
        column_names: Names of the training frame's columns.
        tiles: Tiles along each side of a picture.
        keeps_aspect: Whether pictures keep theirs; otherwise they are squeezed into the square.
        network_side: Side to which pictures are reduced for GANs; 0 if they see all pixels.
    """

    schema: Schema
    grid: tuple[int, int, int]
    depth: str
    channel_axis: bool
    training_sizes: str
    column_names: tuple[str, ...]
    tiles: int = 1
    keeps_aspect: bool = False
    network_side: int = 0

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
        detailed: bool = False,
        max_levels: int = 64,
        source: str = "the pictures",
    ) -> ImageEncoder:
        """Choose size, channels and depth from the headers of the training pictures.

        Args:
            frame: At least `MIN_TRAINING_ROWS` readable pictures in the column ``picture``.
            conditions: Names of other columns to condition on.
            size: Side of the square that pictures, or their tiles, are resized to; 0 for the median
                of their longer sides, limited to
                :data:`~anomgan.data.image.preprocessing.MAX_DEFAULT_SIDE`, or if ``detailed`` to
                :data:`~anomgan.data.image.preprocessing.MAX_DETAILED_SIDE`.
            tiles: Tiles along each side of a picture, which overlap by a quarter.
            detailed: Whether a backbone looks at the pictures, so that they may be larger than
                GANs can be trained on.
            max_levels: Most levels of a condition with an entry of their own.
            source: What messages call the pictures.

        Raises:
            InputError: If there are too few pictures, or a condition or ``size`` can't be used.

        Warns:
            DataWarning: If arrays seem to have their channels first.
        """
        largest = SIDE_LIMITS[1] if detailed else MAX_NETWORK_SIDE
        if size and not SIDE_LIMITS[0] <= size <= largest:
            raise InputError(
                f"--size {size}: must lie between {SIDE_LIMITS[0]} and {largest} pixels"
            )
        pictures = _pictures(frame)
        with lift_pillow_limit():
            outcomes = list(_map_threaded(_read_header, pictures))
        headers = [outcome for outcome in outcomes if isinstance(outcome, Header)]
        errors = [outcome for outcome in outcomes if isinstance(outcome, str)]
        refuse_few_pictures(len(headers), errors, source)
        side = size or choose_side(headers, tiles, detailed=detailed)
        channels = choose_channels(headers)
        channel_axis = channels > 1 or getattr(getattr(pictures[0], "array", None), "ndim", 2) == 3
        if channels > 4 >= max(header.height for header in headers):
            warnings.warn(
                f"{source}: taken as pictures of {headers[0].height}×{headers[0].width} pixels "
                f"with {channels} channels; if channels come first, transpose to (n, H, W, C)",
                DataWarning,
                stacklevel=2,
            )
        schema = Schema.of_conditions(
            frame, conditions=conditions, max_levels=max_levels, source=source
        )
        names = tuple(str(name) for name in frame.columns)
        grid = (channels, side, side)
        depth, sizes = choose_depth(headers), describe_sizes(headers)
        keeps_aspect = detailed or any(header.height != header.width for header in headers)
        reduced = DETAILED_NETWORK_SIDE if detailed else 0
        return cls(schema, grid, depth, channel_axis, sizes, names, tiles, keeps_aspect, reduced)

    @property
    def columns(self) -> Sequence[str]:
        """Names of the training frame's columns."""
        return self.column_names

    @cached_property
    def spec(self) -> Spec:
        """The pixels, channel by channel and row by row, their extent, then conditions."""
        conditions = [part for column in self.schema.conditions for part in column.parts()]
        pixels = int(np.prod(self.grid))
        picture: Part = (PICTURE_COLUMN, "pixel", pixels, PICTURE_COLUMN)
        extent: list[Part] = [(PICTURE_COLUMN, "extent", 2, PICTURE_COLUMN)]
        parts = [picture, *(extent if self.keeps_aspect else []), *conditions]
        return Spec.of(parts, self.grid, self.tiles**2, network_side=self.network_side)

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
        """Read and encode pictures in several threads.

        Args:
            frame: n pictures in the column ``picture``, and the columns of conditions.
            strict: Whether an unreadable picture is an error rather than left out.
            learning: Without effect.
            first_row: Number of the first picture in the whole input, from 0.
            source: What messages call the pictures.

        Returns:
            Values in the pictures' units, ``(n · tiles, D)`` without lost pictures, with the tiles
            of a picture in neighbouring rows; and the report.

        Raises:
            InputError: If there is no such column; if ``strict``, for the first broken picture.
        """
        if PICTURE_COLUMN not in frame.columns:
            raise InputError(
                f"{source}: holds no pictures, which the model was fitted on; "
                f"give {self.array_input}"
            )
        positions = self.schema.locate(frame, source=source, warn=False)
        report, readable = ParseReport(len(frame)), np.ones(len(frame), dtype=np.bool_)
        out = np.zeros((len(frame), self.spec.tiles, self.spec.size), self.depth)
        pictures = _pictures(frame, first_row)
        with lift_pillow_limit():
            for row, outcome in enumerate(_map_threaded(self._read, pictures)):
                if isinstance(outcome, str):
                    if strict:
                        raise InputError(f"{source}: {outcome}")
                    readable[row], report.lost[first_row + row] = False, outcome
                    continue
                pixels, inside, changes = outcome
                for at, tile in enumerate(self._tiling.cut(pixels)):
                    out[row, at, : tile.size] = np.moveaxis(tile, 2, 0).reshape(-1)
                if self.keeps_aspect:
                    extents = [_measure_extent(tile) for tile in self._tiling.cut(inside)]
                    out[row, :, tile.size : self.spec.record_size] = extents
                for change in changes:
                    set_count(report.changes, change, report.changes.get(change, 0) + 1)
        if not readable.all():
            out, frame = out[readable], frame[readable]
        self._encode_conditions(
            frame, positions, out[:, 0], report, first_row=first_row, source=source
        )
        out[:, 1:, self.spec.record_size :] = out[:, :1, self.spec.record_size :]
        return out.reshape(-1, self.spec.size), report

    def _read(self, picture: Picture) -> tuple[NDArray[Any], NDArray[np.bool_], list[str]] | str:
        """A picture ``(H, W, C)``, where it isn't padding, and how it was converted.

        If it can't be used, why.
        """
        side = self._tiling.side
        try:
            pixels, changes = picture.load(side)
            pixels, depth_changes = convert_depth(pixels, self.depth)
            height, width = self._fit_square(*pixels.shape[:2])
            pixels, channel_changes = convert_channels(resize(pixels, height, width), self.grid[0])
        except BrokenPictureError as error:
            return f"{picture}: {error}"
        inside = np.zeros((side, side), dtype=np.bool_)
        inside[:height, :width] = True
        missing = ((0, side - height), (0, side - width), (0, 0))
        pixels = np.pad(pixels, missing, mode="symmetric")
        return pixels, inside, [*changes, *depth_changes, *channel_changes]

    def _fit_square(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of a picture after resizing."""
        side = self._tiling.side
        if not self.keeps_aspect:
            return side, side
        share = side / max(height, width)
        return max(1, round(share * height)), max(1, round(share * width))

    def crop(self, square: NDArray[Any], height: int, width: int) -> NDArray[Any]:
        """The part of a square that isn't padding, for a picture of that height and width."""
        rows, columns = self._fit_square(height, width)
        return square[:rows, :columns]

    def to_pictures(self, values: Floats) -> NDArray[Any]:
        """Decode encoded or generated records to pictures or tiles.

        Args:
            values: Records, ``(n, D)``.

        Returns:
            ``(n, H, W)`` or ``(n, H, W, C)``, rounded and clipped to the range of the depth.
        """
        flat = np.asarray(values)[:, : int(np.prod(self.grid))]
        if self.depth != "float32":
            flat = np.rint(flat).clip(0, np.iinfo(self.depth).max)
        pixels = np.moveaxis(flat.astype(self.depth).reshape(-1, *self.grid), 1, 3)
        return pixels if self.channel_axis else pixels[..., 0]

    def merge_tiles(self, tiles: NDArray[Any]) -> NDArray[Any]:
        """Merge arrays of tiles to those of pictures, blended where tiles overlap.

        Args:
            tiles: ``(n · tiles, H, W, …)``, the tiles of a picture in neighbouring rows.

        Returns:
            ``(n, H', W', …)``; the argument if pictures aren't tiled.
        """
        return tiles if self.tiles == 1 else self._tiling.join(tiles)

    def restore(
        self, values: Floats, columns: Sequence[str], *, as_frame: bool
    ) -> NDArray[np.generic]:
        """See :meth:`to_pictures`."""
        return self.to_pictures(values)

    def summary(self) -> dict[str, str]:
        """Size and type of encoded pictures."""
        channels, height, width = self.grid
        colours = {1: "gray", 3: "RGB"}.get(channels, f"{channels} channels")
        depth = {"uint8": "8 bits", "uint16": "16 bits"}.get(self.depth, "real numbers")
        cut = f", in {self.tiles}×{self.tiles} tiles" if self.tiles > 1 else ""
        return {
            "size": f"{height}×{width}, from {self.training_sizes}{cut}",
            "values": f"{colours}, {depth}",
        }

    def to_json(self) -> dict[str, Any]:
        """Plain data from which :meth:`from_json` rebuilds this encoder."""
        return {
            **self.schema.to_json(),
            "kind": self.kind,
            "grid": list(self.grid),
            "depth": self.depth,
            "axis": self.channel_axis,
            "found": self.training_sizes,
            "names": list(self.column_names),
            "tiles": self.tiles,
            "keeps_aspect": self.keeps_aspect,
            "network_side": self.network_side,
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> ImageEncoder:
        """Rebuild from :meth:`to_json`.

        Raises:
            ValueError: If size, depth or tiles can't be those of a fitted encoder.
        """
        channels, height, width = (int(length) for length in state["grid"])
        tiles = int(state["tiles"])
        if state["depth"] not in DEPTHS or not SIDE_LIMITS[0] <= height == width <= SIDE_LIMITS[1]:
            raise ValueError("no such pictures")
        if tiles < 1:  # the layout stores tiles², which is 1 for -1 too
            raise ValueError(f"pictures in {tiles}×{tiles} tiles")
        return cls(
            Schema.from_json(state),
            (channels, height, width),
            state["depth"],
            bool(state["axis"]),
            str(state["found"]),
            tuple(str(name) for name in state["names"]),
            tiles,
            bool(state.get("keeps_aspect", False)),
            _check_network_side(int(state.get("network_side", 0))),
        )


def _check_network_side(side: int) -> int:
    """The side of the networks' pictures in a file.

    Raises:
        ValueError: If it isn't one.
    """
    if side and not SIDE_LIMITS[0] <= side <= SIDE_LIMITS[1]:
        raise ValueError(f"networks with pictures of {side} pixels")
    return side


def _measure_extent(inside: NDArray[np.bool_]) -> tuple[int, int]:
    """Height and width of the part of a tile that isn't padding, in units of `EXTENT_UNITS`.

    A tile that is all padding shows a mirrored part of the picture, and counts as a whole one.
    """
    if not inside.any():
        return EXTENT_UNITS, EXTENT_UNITS
    height, width = inside.any(1).mean(), inside.any(0).mean()
    return max(1, round(EXTENT_UNITS * height)), max(1, round(EXTENT_UNITS * width))


def refuse_few_pictures(readable: int, lost: Sequence[str], source: str) -> None:
    """Refuse too few training pictures.

    Args:
        readable: Number of readable pictures.
        lost: Why others can't be read.
        source: What messages call the pictures.

    Raises:
        InputError: If fewer than `MIN_TRAINING_ROWS` are readable.
    """
    if readable < MIN_TRAINING_ROWS:
        others = f"; {len(lost):,} can't be read, the first: {lost[0]}" if lost else ""
        raise InputError(
            f"{source}: {readable} pictures; at least {MIN_TRAINING_ROWS} are needed to learn "
            f"what is normal{others}"
        )


def _pictures(frame: pd.DataFrame, first_row: int = 0) -> list[Picture]:
    column = frame[PICTURE_COLUMN]
    return [as_picture(cell, f"picture {first_row + row}") for row, cell in enumerate(column)]


def _read_header(picture: Picture) -> Header | str:
    try:
        return picture.header()
    except BrokenPictureError as error:
        return f"{picture}: {error}"


def _map_threaded(read: Callable[[Picture], T], pictures: Sequence[Picture]) -> Iterable[T]:
    """Apply a function to pictures in worker threads; Pillow releases the GIL while decoding."""

    def read_chunk(start: int) -> list[T]:
        return [read(picture) for picture in pictures[start : start + _CHUNK_PICTURES]]

    workers = min(8, os.cpu_count() or 1)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="anomgan-pictures")
    try:
        for chunk in pool.map(read_chunk, range(0, len(pictures), _CHUNK_PICTURES)):
            yield from chunk
    finally:  # Ctrl-C mustn't wait for thousands of pictures
        pool.shutdown(wait=True, cancel_futures=True)
