"""Pictures in files and arrays: read their headers, decode them, and recognise them in frames."""

from __future__ import annotations

import contextlib
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.data.image.deep_colours import has_deep_colours, load_deep_colours, loses_bits
from anomgan.data.image.pages import has_more_frames
from anomgan.utils.text import one_line

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURE_COLUMN, PATH_COLUMN, FOLDER_COLUMN = "picture", "path", "folder"
"""Columns of a frame of pictures; frames made of arrays have only the first."""

_UINT16_MODES = frozenset(("I;16", "I;16L", "I;16B", "I;16N"))

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")
MAX_PIXELS = 89_478_485
"""Most pixels of a picture that is decoded by default, as in Pillow: a quarter of a gigabyte."""

DEPTHS = ("uint8", "uint16", "float32")
"""Types of a picture's values, narrowest first; float32 holds any numbers."""

_ON_WHITE = "pictures with transparency: laid on white"

Pixels = NDArray[Any]
"""A decoded picture, ``(H, W, C)``, of one of `DEPTHS`."""


class BrokenPictureError(Exception):
    """A picture can't be used; the message says why, without its name."""


@dataclass(frozen=True)
class Header:
    """Size and type of a picture, known before it is decoded.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1 for gray, 3 for RGB; arrays may have other numbers.
        depth: One of `DEPTHS`.
    """

    height: int
    width: int
    channels: int
    depth: str


class Picture(ABC):
    """A picture that is decoded on demand.

    Attributes:
        name: What messages and results call it.
    """

    name: str

    @abstractmethod
    def header(self) -> Header:
        """Read size and type, without decoding.

        Raises:
            BrokenPictureError: If it can't be read.
        """

    @abstractmethod
    def load(self, side: int | None = None) -> tuple[Pixels, list[str]]:
        """Decode.

        Args:
            side: Side of the square it will be resized to; larger pictures may be decoded at a
                lower resolution, but at no less than twice this.

        Returns:
            The picture, and what was done to it for :class:`ParseReport`.

        Raises:
            BrokenPictureError: If it can't be read.
        """

    def __str__(self) -> str:
        """Its name."""
        return self.name


@dataclass(frozen=True, eq=False)
class ArrayPicture(Picture):
    """A picture in memory.

    Attributes:
        name: What messages call it.
        array: ``(H, W)`` or ``(H, W, C)`` of any numbers; types other than uint8 and uint16 are
            converted to float32.
    """

    name: str
    array: NDArray[Any]

    def header(self) -> Header:
        """Size and kind."""
        shape, depth = self.array.shape, self.array.dtype.name
        if len(shape) not in (2, 3) or 0 in shape:
            raise BrokenPictureError(f"has shape {shape}; a picture has rows and columns")
        if self.array.dtype.kind not in "buif":
            raise BrokenPictureError(f"holds {depth} values; give numbers")
        channels = shape[2] if len(shape) == 3 else 1
        return Header(shape[0], shape[1], channels, depth if depth in DEPTHS else "float32")

    def load(self, side: int | None = None) -> tuple[Pixels, list[str]]:
        """The array with an axis of channels."""
        header = self.header()
        with np.errstate(over="ignore"):
            array = self.array.astype(header.depth, copy=False)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BrokenPictureError("holds values that aren't finite numbers below 3.4e38")
        return array.reshape(header.height, header.width, header.channels), []


@dataclass(frozen=True, eq=False)
class FilePicture(Picture):
    """A picture in a file.

    Attributes:
        name: What messages and results call it.
        path: Path of the file.
        max_pixels: Larger pictures aren't decoded.
        page: Which of a file's pages, counted from 0; None if the file is taken for one picture,
            which is its first page or frame.
    """

    name: str
    path: Path
    max_pixels: int = MAX_PIXELS
    page: int | None = None

    def header(self) -> Header:
        """Size and kind."""
        with self._open() as image:
            depth = _depth(image)  # before EXIF, for which Pillow decodes some pictures
            width, height = image.size
            if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):  # rotated by 90°
                width, height = height, width
            return Header(height, width, 1 if _is_gray(image) else 3, depth)

    def load(self, side: int | None = None) -> tuple[Pixels, list[str]]:
        """Decode: rotated as EXIF says, transparency on white, colours as RGB."""
        from PIL import ImageOps

        with self._open() as image:
            gray, depth = _is_gray(image), _depth(image)
            changes: list[str] = []
            if self.page is None and has_more_frames(image, self.path):
                changes.append("pictures with several pages or frames: only the first counts")
            if has_deep_colours(image):
                pixels = load_deep_colours(self._open, ImageOps.exif_transpose)
                return _lay_on_white(pixels, changes), changes
            if loses_bits(image):
                changes.append("pictures with colours of 16 bits: stored such that 8 are read")
            if side is not None:
                image.draft(image.mode, (2 * side, 2 * side))
            image.load()
            upright = ImageOps.exif_transpose(image)
            if depth != "uint8":
                return np.asarray(upright).astype(depth)[..., None], changes
            if upright.has_transparency_data:
                upright = _on_white(upright)
                changes.append(_ON_WHITE)
            pixels = np.asarray(upright.convert("L" if gray else "RGB"))
            return pixels.reshape(*pixels.shape[:2], -1), changes

    @contextlib.contextmanager
    def _open(self) -> Iterator[Image]:
        """Open the file; all errors but those of memory become `BrokenPictureError`.

        Raises:
            BrokenPictureError: If the file can't be read, is too large or damaged.
        """
        import PIL.Image

        try:
            if not stat.S_ISREG(self.path.stat().st_mode):  # reading a pipe would block
                raise BrokenPictureError("isn't an ordinary file")
            with PIL.Image.open(self.path, formats=_FORMATS) as image:
                if self.page:
                    image.seek(self.page)
                width, height = image.size
                if width * height > self.max_pixels:
                    raise BrokenPictureError(
                        f"has {width:,}×{height:,} pixels, more than the {self.max_pixels:,} that "
                        f"are decoded at most (--max-pixels)"
                    )
                yield image
        except (BrokenPictureError, MemoryError):
            raise
        except PIL.UnidentifiedImageError:
            formats = ", ".join(_FORMATS)
            raise BrokenPictureError(f"isn't a picture ({formats}), or is damaged") from None
        except OSError as error:
            if error.errno is None:  # raised by a decoder, not the system
                raise BrokenPictureError(f"is damaged: {one_line(error)}") from None
            raise BrokenPictureError(f"can't be read: {error.strerror or error}") from None
        except Exception as error:  # decoders raise nearly anything for damaged files
            raise BrokenPictureError(f"is damaged: {one_line(error)}") from None


def _is_gray(image: Image) -> bool:
    """Whether an image has no colours, by its mode or palette, without decoding it."""
    if image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode in _UINT16_MODES:
        return True
    if image.mode in ("P", "PA") and image.palette is not None and image.palette.mode == "RGB":
        colours = np.frombuffer(bytes(image.palette.palette), np.uint8)
        triples = colours[: len(colours) // 3 * 3].reshape(-1, 3)
        return bool((triples == triples[:, :1]).all())
    return False


def _depth(image: Image) -> str:
    """The narrowest of `DEPTHS` for an image's values."""
    if image.mode in _UINT16_MODES or (image.mode == "I" and image.format == "PNG"):
        return "uint16"
    if has_deep_colours(image):
        return "uint16"
    return "float32" if image.mode in ("I", "F") else "uint8"


def _on_white(image: Image) -> Image:
    """Blend a transparent image with a white background."""
    import PIL.Image

    clear = image.convert("RGBA")
    white = PIL.Image.new("RGBA", clear.size, (255, 255, 255, 255))
    return PIL.Image.alpha_composite(white, clear)


def _lay_on_white(pixels: NDArray[np.uint16], changes: list[str]) -> Pixels:
    """Colours ``(H, W, 3)`` of 16 bits; transparent ones, of four channels, blended with white."""
    colours, alpha = pixels[..., :3], pixels[..., 3:]
    if (alpha == 0xFFFF).all():  # also if there is none
        return colours
    changes.append(_ON_WHITE)
    share = alpha / 0xFFFF
    blended: Pixels = np.rint(colours * share + 0xFFFF * (1 - share)).astype(np.uint16)
    return blended


def as_picture(cell: Any, name: str) -> Picture:
    """Convert a cell of a frame: a picture, an array, a path or a Pillow image."""
    if isinstance(cell, Picture):
        return cell
    if isinstance(cell, str | os.PathLike):
        return FilePicture(os.fspath(cell), Path(cell))
    return ArrayPicture(name, np.asarray(cell))


def is_picture(cell: Any) -> bool:
    """Whether a cell of a frame is a picture; a path, which may be just text, isn't."""
    if isinstance(cell, Picture):
        return True
    dimensions = getattr(cell, "ndim", None)
    if dimensions is None:  # a Pillow image, recognised without importing Pillow
        return hasattr(cell, "__array_interface__")
    return dimensions in (2, 3)


def to_picture_series(pictures: Sequence[Any]) -> pd.Series[Any]:
    """A column of objects, even if all pictures are arrays of one shape."""
    column = np.empty(len(pictures), dtype=object)
    for at, picture in enumerate(pictures):  # NumPy would stack such arrays
        column[at] = picture
    return pd.Series(column)


def holds_pictures(frame: pd.DataFrame) -> bool:
    """Whether a frame's column ``picture`` holds pictures."""
    return (
        PICTURE_COLUMN in frame.columns
        and len(frame) > 0
        and is_picture(frame[PICTURE_COLUMN].iloc[0])
    )
