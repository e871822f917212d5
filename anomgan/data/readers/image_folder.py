"""Read folders of pictures as frames, without decoding the pictures yet."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

from anomgan.data.image.pages import list_pages
from anomgan.data.image.picture import (
    FOLDER_COLUMN,
    MAX_PIXELS,
    PATH_COLUMN,
    PICTURE_COLUMN,
    FilePicture,
    to_picture_series,
)
from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import join_limited

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp")

_PAGED_SUFFIXES = (".tif", ".tiff")

MAX_CHUNK_PICTURES = 512
"""Most pictures in a frame."""


def read_folder(
    folder: str | Path, rows: int, *, max_pixels: int = MAX_PIXELS
) -> Iterator[pd.DataFrame]:
    """List the pictures in a folder and its subfolders, sorted by path.

    Names that begin with a dot are left out; links are followed, but not in circles.

    Args:
        folder: The top folder.
        rows: Most pictures in a frame; no more than `MAX_CHUNK_PICTURES`.
        max_pixels: Pictures with more pixels aren't decoded later.

    Yields:
        Frames with the columns ``picture`` (not yet decoded), ``path`` (relative to the folder,
        with ``/``; ``scan.tif#2`` is the second page of a TIFF with several) and ``folder`` (the
        first part of the path, missing for pictures at the top).

    Raises:
        InputError: If there is no picture, or a folder can't be read.

    Warns:
        DataWarning: If there are other files, or a link leads in a circle.
    """
    root = Path(folder)
    paths: list[Path] = []
    others: list[Path] = []
    for path in walk_files(root):
        (paths if path.name.lower().endswith(SUFFIXES) else others).append(path)
    names = {path: _printable_path(path.relative_to(root)) for path in (*paths, *others)}
    if not paths:
        other = f"; it holds {len(others):,} other files" if others else ""
        raise InputError(
            f"{folder}: has no pictures ({', '.join(SUFFIXES)}) in it or its sub-folders, and no "
            f"tables{other}"
        )
    if others:
        listed = join_limited([names[path] for path in sorted(others)], 3)
        warnings.warn(
            f"{folder}: ignored, as the endings aren't those of pictures: {listed}",
            DataWarning,
            stacklevel=2,
        )
    paths.sort(key=names.__getitem__)
    pictures = (
        picture for path in paths for picture in _list_pictures(path, names[path], max_pixels)
    )
    while chunk := list(islice(pictures, min(rows, MAX_CHUNK_PICTURES))):
        chunk_names = [picture.name for picture in chunk]
        yield pd.DataFrame(
            {
                PICTURE_COLUMN: to_picture_series(chunk),
                PATH_COLUMN: pd.array(chunk_names, dtype="str"),
                FOLDER_COLUMN: pd.array(
                    [name.partition("/")[0] if "/" in name else None for name in chunk_names]
                ),
            }
        )


def _list_pictures(path: Path, name: str, max_pixels: int) -> list[FilePicture]:
    """The pictures of a file: its pages if it is a TIFF with several, ``name.tif#2`` the second."""
    pages = list_pages(path) if name.lower().endswith(_PAGED_SUFFIXES) else []
    if len(pages) < 2:
        return [FilePicture(name, path, max_pixels, *pages)]
    return [
        FilePicture(f"{name}#{number}", path, max_pixels, page)
        for number, page in enumerate(pages, 1)
    ]


def _printable_path(path: Path) -> str:
    """A relative path with ``/``, in which bytes that aren't UTF-8 are escaped."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def holds_picture_files(folder: Path) -> bool:
    """Whether a picture lies in a folder or its subfolders."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # of circles: whoever reads it warns again
        return any(path.name.lower().endswith(SUFFIXES) for path in walk_files(folder))


def walk_files(folder: Path) -> Iterator[Path]:
    """Files in a folder and its subfolders, in any order.

    Names that begin with a dot are left out; links are followed, but not in circles.

    Raises:
        InputError: If a folder can't be read.

    Warns:
        DataWarning: If a link leads in a circle.
    """
    return _walk(folder, ())


def _walk(folder: Path, parents: tuple[str, ...]) -> Iterator[Path]:
    """Files in a folder and its subfolders.

    Args:
        folder: The folder.
        parents: Real paths of the folders above, through which it was reached.
    """
    try:
        real = os.path.realpath(folder)
        if real in parents:
            warnings.warn(
                f"{folder}: leads back to a folder above it and isn't followed",
                DataWarning,
                stacklevel=2,
            )
            return
        with os.scandir(folder) as scan:
            entries = [entry for entry in scan if not entry.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder}: can't be read: {error.strerror or error}") from None
    for entry in entries:
        if _is_folder(entry):
            yield from _walk(Path(entry.path), (*parents, real))
        else:
            yield Path(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: as a file it is reported as broken later
        return False
