"""Folders of pictures as frames: which files there are, and what they are called."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from anomgan.data.image.image import (
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

MAX_CHUNK_PICTURES = 512
"""Pictures in a chunk."""


def read_folder(
    folder: str | Path, rows: int, *, max_pixels: int = MAX_PIXELS
) -> Iterator[pd.DataFrame]:
    """The pictures in a folder and those below it, sorted by path, as frames.

    What begins with a dot is left out; links are followed, but not in circles.

    Args:
        folder: Where to look.
        rows: Most pictures in a frame; no more than `MAX_CHUNK_PICTURES`.
        max_pixels: Pictures with more pixels aren't decoded later.

    Yields:
        Frames with the columns ``picture`` (not yet decoded), ``path`` (relative to the folder,
        with ``/``) and ``folder`` (its first part, missing for pictures that lie at the top).

    Raises:
        InputError: If there is no picture, or a folder can't be read.

    Warns:
        DataWarning: If there are other files, or a link leads in a circle.
    """
    root = Path(folder)
    paths: list[Path] = []
    others: list[Path] = []
    for path in _files(root, ()):
        (paths if path.name.lower().endswith(SUFFIXES) else others).append(path)
    names = {path: _printable_path(path.relative_to(root)) for path in (*paths, *others)}
    if not paths:
        held = f"; it holds {len(others):,} other files" if others else ""
        raise InputError(
            f"{folder}: has no pictures ({', '.join(SUFFIXES)}) in it or its sub-folders{held}"
        )
    if others:
        listed = join_limited([names[path] for path in sorted(others)], 3)
        warnings.warn(
            f"{folder}: ignored, as the endings aren't those of pictures: {listed}",
            DataWarning,
            stacklevel=2,
        )
    paths.sort(key=names.__getitem__)
    for start in range(0, len(paths), min(rows, MAX_CHUNK_PICTURES)):
        chunk = paths[start : start + min(rows, MAX_CHUNK_PICTURES)]
        own = [names[path] for path in chunk]
        yield pd.DataFrame(
            {
                PICTURE_COLUMN: to_picture_series(
                    [FilePicture(names[path], path, max_pixels) for path in chunk]
                ),
                PATH_COLUMN: pd.array(own, dtype="str"),
                FOLDER_COLUMN: pd.array(
                    [name.partition("/")[0] if "/" in name else None for name in own]
                ),
            }
        )


def _printable_path(path: Path) -> str:
    """A relative path with ``/``, bytes that aren't text spelt out."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _files(folder: Path, above: tuple[str, ...]) -> Iterator[Path]:
    """Files in a folder and below it; ``above`` are the true paths of the folders that led here."""
    try:
        true = os.path.realpath(folder)
        if true in above:
            warnings.warn(
                f"{folder}: leads back to a folder above it and isn't followed",
                DataWarning,
                stacklevel=2,
            )
            return
        with os.scandir(folder) as found:
            entries = [entry for entry in found if not entry.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{folder}: can't be read: {error.strerror or error}") from None
    for entry in entries:
        if _is_folder(entry):
            yield from _files(Path(entry.path), (*above, true))
        else:
            yield Path(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; as a file it is found broken in its turn
        return False
