"""Pages and frames of picture files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anomgan.data.image.pillow_limit import lift_pillow_limit

if TYPE_CHECKING:
    from PIL.Image import Image

_NEW_SUBFILE_TYPE, _REDUCED_OR_MASK = 254, 0b101
"""TIFF's tag that tells what a page is for, and the bits of what isn't a picture by itself."""


def has_more_frames(image: Image, path: Path) -> bool:
    """Whether an image is the first of several in its file."""
    if image.format not in ("GIF", "TIFF"):
        return bool(getattr(image, "n_frames", 1) > 1)
    import PIL.Image

    try:  # by another object, because counting moves on, and a later frame may be damaged
        with PIL.Image.open(path, formats=(image.format,)) as other:
            return bool(getattr(other, "n_frames", 1) > 1)
    except MemoryError:
        raise
    except Exception:  # decoders raise nearly anything for damaged files
        return False


def list_pages(path: Path) -> list[int]:
    """The pages of a TIFF file, counted from 0, without reduced copies and masks of others.

    A file that can't be read has one page, which can't be read.
    """
    import PIL.Image

    pages: list[int] = []
    if not path.is_file():  # reading a pipe would block
        return [0]
    try:
        with lift_pillow_limit(), PIL.Image.open(path, formats=("TIFF",)) as image:
            for page in range(getattr(image, "n_frames", 1)):
                image.seek(page)
                kind = getattr(image, "tag_v2", {}).get(_NEW_SUBFILE_TYPE, 0)
                if not kind & _REDUCED_OR_MASK:
                    pages.append(page)
    except MemoryError:
        raise
    except Exception:  # decoders raise nearly anything for damaged files
        return pages or [0]
    return pages or [0]
