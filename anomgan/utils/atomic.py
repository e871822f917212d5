"""Files that appear under their names when they are complete, and a record of those that did."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

PARTIAL = ".anomgan-"
"""How the names of unfinished files begin."""

_changed: ContextVar[dict[Path, None] | None] = ContextVar("changed", default=None)


@contextlib.contextmanager
def recorded() -> Iterator[dict[Path, None]]:
    """Keep a record of what changes meanwhile, for whoever is interrupted to tell.

    Yields:
        Paths in the order of the changes, as keys; further ones are added as they come.
    """
    changed: dict[Path, None] = {}
    token = _changed.set(changed)
    try:
        yield changed
    finally:
        _changed.reset(token)


def record(path: Path) -> None:
    """Say that something has changed there, if anybody keeps a record."""
    changed = _changed.get()
    if changed is not None:
        changed[path] = None


@contextlib.contextmanager
def appearing(path: Path, *, told: Path | None = None) -> Iterator[Path]:
    """A place to write a file to that takes its name in one step when the context ends.

    If anything goes wrong, what was written is removed and a file of that name stays as it was.

    Args:
        path: The file.
        told: What the record says has changed, by default the file.

    Yields:
        A path in the same folder.

    Raises:
        OSError: If the file can't take its name.
    """
    # Short and of its own, so that long names and several files of one process can't collide.
    partial = path.with_name(f"{PARTIAL}{os.getpid()}-{secrets.token_hex(4)}")
    complete = False
    try:
        yield partial
        complete = True
        partial.replace(path)
    finally:
        if complete and not partial.exists():  # also if a signal came just then
            record(told or path)
        else:
            with contextlib.suppress(OSError):  # there may be no such folder
                partial.unlink()


@contextlib.contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make a folder, and those above it, if need be; they go again if anything goes wrong.

    Raises:
        OSError: If that fails.
    """
    absent = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for place in absent:
            with contextlib.suppress(OSError):  # something else was put there, or it isn't there
                place.rmdir()
        raise
