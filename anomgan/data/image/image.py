"""One picture: what it says of itself, and decoding it, from a file or an array."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.utils.text import one_line

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURE_COLUMN, PATH_COLUMN, FOLDER_COLUMN = "picture", "path", "folder"
"""Columns of a frame of pictures; frames made of arrays have only the first."""

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")
MAX_PIXELS = 89_478_485
"""Pixels of the largest picture that is decoded by default, Pillow's own limit: 24 bits each make a
quarter of a gigabyte."""

DEPTHS = ("uint8", "uint16", "float32")
"""Types of a picture's values, narrowest first: 0 to 255, 0 to 65,535, or any numbers."""

Pixels = NDArray[Any]
"""A picture, (H, W, C), of one of `DEPTHS`."""


class BrokenPictureError(Exception):
    """A picture can't be used; the message says why, without its name."""


@dataclass(frozen=True)
class Header:
    """What a picture says of itself before it is decoded.

    Attributes:
        height: In pixels.
        width: In pixels.
        channels: 1 for gray, 3 for RGB; arrays may have others.
        depth: One of `DEPTHS`.
    """

    height: int
    width: int
    channels: int
    depth: str


class Picture(ABC):
    """A picture that is read when it is needed.

    Attributes:
        name: What messages and results call it.
    """

    name: str

    @abstractmethod
    def header(self) -> Header:
        """Size and kind, without decoding.

        Raises:
            BrokenPictureError: If it can't be read.
        """

    @abstractmethod
    def load(self, side: int | None = None) -> tuple[Pixels, list[str]]:
        """Decode.

        Args:
            side: Side of the square it will be brought to; a larger picture may be decoded at a
                lower resolution, though at no less than twice this.

        Returns:
            The picture and what was done to it, as :class:`ParseReport` words changes.

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
        array: (H, W) or (H, W, C), of any numbers; other types than uint8 and uint16 count as
            float32.
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
        known = depth if depth in DEPTHS else "float32"
        return Header(shape[0], shape[1], shape[2] if len(shape) == 3 else 1, known)

    def load(self, side: int | None = None) -> tuple[Pixels, list[str]]:
        """The array with a channel axis."""
        head = self.header()
        with np.errstate(over="ignore"):
            array = self.array.astype(head.depth, copy=False)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise BrokenPictureError("holds values that aren't finite numbers below 3.4e38")
        return array.reshape(head.height, head.width, head.channels), []


@dataclass(frozen=True, eq=False)
class FilePicture(Picture):
    """A picture in a file; of several frames the first.

    Attributes:
        name: What messages and results call it.
        path: Where it is.
        max_pixels: A larger one isn't decoded.
    """

    name: str
    path: Path
    max_pixels: int = MAX_PIXELS

    wide: ClassVar[frozenset[str]] = frozenset(("I;16", "I;16L", "I;16B", "I;16N"))

    def header(self) -> Header:
        """Size and kind."""
        with self._opened() as image:
            width, height = image.size
            if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):  # lies on its side
                width, height = height, width
            return Header(height, width, 1 if _is_gray(image) else 3, _depth(image))

    def load(self, side: int | None = None) -> tuple[Pixels, list[str]]:
        """Decode: upright as EXIF says, transparency laid on white, colours as RGB."""
        from PIL import ImageOps

        with self._opened() as image:
            gray, depth = _is_gray(image), _depth(image)
            changes: list[str] = []
            if side is not None:
                image.draft(image.mode, (2 * side, 2 * side))
            image.load()
            upright = ImageOps.exif_transpose(image)
            if depth != "uint8":
                return np.asarray(upright).astype(depth)[..., None], changes
            if upright.has_transparency_data:
                upright = _on_white(upright)
                changes.append("pictures with transparency: laid on white")
            pixels = np.asarray(upright.convert("L" if gray else "RGB"))
            return pixels.reshape(*pixels.shape[:2], -1), changes

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Image]:
        """The file's image; whatever goes wrong with it is the picture's fault.

        Raises:
            BrokenPictureError: If so.
        """
        import PIL.Image

        try:
            if not stat.S_ISREG(self.path.stat().st_mode):  # a pipe would be waited for
                raise BrokenPictureError("isn't an ordinary file")
            with PIL.Image.open(self.path, formats=FORMATS) as image:
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
            known = ", ".join(FORMATS)
            raise BrokenPictureError(f"isn't a picture ({known}), or is damaged") from None
        except OSError as error:
            if error.errno is None:  # a decoder's, not the system's
                raise BrokenPictureError(f"is damaged: {one_line(error)}") from None
            raise BrokenPictureError(f"can't be read: {error.strerror or error}") from None
        except Exception as error:  # on damaged files decoders raise nearly anything
            raise BrokenPictureError(f"is damaged: {one_line(error)}") from None


def _is_gray(image: Image) -> bool:
    """Whether an image that isn't decoded yet holds no colours, by its mode or palette."""
    if image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode in FilePicture.wide:
        return True
    if image.mode in ("P", "PA") and image.palette is not None and image.palette.mode == "RGB":
        colours = np.frombuffer(bytes(image.palette.palette), np.uint8)
        triples = colours[: len(colours) // 3 * 3].reshape(-1, 3)
        return bool((triples == triples[:, :1]).all())
    return False


def _depth(image: Image) -> str:
    """The type that holds all of an image's values."""
    if image.mode in FilePicture.wide or (image.mode == "I" and image.format == "PNG"):
        return "uint16"
    return "float32" if image.mode in ("I", "F") else "uint8"


def _on_white(image: Image) -> Image:
    """Lay a transparent image on white."""
    import PIL.Image

    clear = image.convert("RGBA")
    white = PIL.Image.new("RGBA", clear.size, (255, 255, 255, 255))
    return PIL.Image.alpha_composite(white, clear)


# --- Pillow's own guard ---------------------------------------------------------------------------

_guard = threading.Lock()
_users = 0
_before: int | None = None


@contextlib.contextmanager
def lift_pillow_limit() -> Iterator[None]:
    """Have nothing but ``max_pixels`` limit sizes, and keep Pillow's remarks on odd files quiet.

    Pillow's limit is one for the whole process; it is put back afterwards.
    """
    import PIL.Image

    global _users, _before
    with _guard:
        if not _users:
            _before, PIL.Image.MAX_IMAGE_PIXELS = PIL.Image.MAX_IMAGE_PIXELS, None
        _users += 1
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="PIL")
            yield
    finally:
        with _guard:
            _users -= 1
            if not _users:
                PIL.Image.MAX_IMAGE_PIXELS = _before


def as_picture(cell: Any, name: str) -> Picture:
    """A picture from what a frame may hold: one already, an array, a path or a Pillow image."""
    if isinstance(cell, Picture):
        return cell
    if isinstance(cell, str | os.PathLike):
        return FilePicture(os.fspath(cell), Path(cell))
    return ArrayPicture(name, np.asarray(cell))


def is_picture(cell: Any) -> bool:
    """Whether a cell of a frame holds a picture beyond doubt; a path may be just text."""
    if isinstance(cell, Picture):
        return True
    dimensions = getattr(cell, "ndim", None)
    if dimensions is None:  # Pillow's images, without importing it
        return hasattr(cell, "__array_interface__")
    return dimensions in (2, 3)


def to_picture_series(pictures: Sequence[Any]) -> pd.Series[Any]:
    """A column of pictures, arrays among them."""
    column = np.empty(len(pictures), dtype=object)
    for at, picture in enumerate(pictures):  # NumPy would stack arrays of one shape
        column[at] = picture
    return pd.Series(column)


def holds_pictures(frame: pd.DataFrame) -> bool:
    """Whether a frame's column ``picture`` holds pictures."""
    return (
        PICTURE_COLUMN in frame.columns
        and len(frame) > 0
        and is_picture(frame[PICTURE_COLUMN].iloc[0])
    )
