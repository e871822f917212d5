"""Check where a model directory may be written, and word the errors of writing it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Set as AbstractSet
from pathlib import Path

from anomgan.errors import InputError

DESCRIPTION, WEIGHTS = "model.json", "weights.safetensors"
FILES = {DESCRIPTION, WEIGHTS}
"""The files of every model directory."""

OPTIONS = "fit.yaml"
"""The options of the command that fitted the model, from which it can be repeated; nothing reads
this file to load a model.  A folder with still other files isn't replaced."""

OPENING = re.compile(rb'\s*\{\s*"anomgan":')
"""How a ``model.json`` of anomgan begins, by which even a truncated one is recognised."""


def check_target(
    directory: str | Path,
    *,
    what: str = "model",
    description: str = DESCRIPTION,
    files: AbstractSet[str] = FILES | {OPTIONS},
) -> None:
    """Check that a model may be written to a path; worth calling before a long fit.

    Args:
        directory: The path.
        what: What messages call it, if it isn't a model.
        description: The file by which an older one is recognised.
        files: All files that an older one may have.

    Raises:
        InputError: If something is there that isn't a model, or the place can't be written to.
    """
    try:
        target = Path(os.path.realpath(directory))
        if not os.path.lexists(target):
            _check_parent(directory, target)
            return
        if not target.is_dir():
            raise InputError(f"{directory}: is a file; name a folder for the {what}")
        names = {entry.name for entry in os.scandir(target)}
        if names and not _begins_as_ours(target / description):
            raise InputError(
                f"{directory}: is a folder that isn't {_with_article(what)}; it won't be "
                f"overwritten, so name another or empty it"
            )
        if strange := names - files:
            others = ", ".join(sorted(map(repr, strange))[:5])
            raise InputError(
                f"{directory}: replacing the {what} would delete other files there: {others}; "
                f"move them away or name another folder"
            )
        if target == Path(os.path.realpath(Path.cwd())):
            raise InputError(
                f"{directory}: is the current folder, which can't be replaced; "
                f"name another or run from elsewhere"
            )
        if target.is_mount():
            raise InputError(
                f"{directory}: is where a disk is mounted, which can't be replaced; "
                f"name a folder inside it"
            )
        _check_parent(directory, target)
        if not os.access(target, os.W_OK | os.X_OK):
            raise InputError(f"{directory}: is write-protected; name another folder")
    except OSError as error:
        raise write_error(directory, error) from error


def _check_parent(directory: str | Path, target: Path) -> None:
    """Check that the nearest existing parent can be written to.

    Raises:
        InputError: If it can't.
    """
    parent = next(place for place in target.parents if os.path.lexists(place))
    if not parent.is_dir():
        raise InputError(f"{directory}: {parent} is a file; name another folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(
            f"{directory}: can't write to {parent}, where the model is made before it is swapped "
            f"in; name a folder elsewhere"
        )


def _with_article(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def _begins_as_ours(path: Path) -> bool:
    """Whether a file is a description that anomgan wrote, perhaps damaged since."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return OPENING.match(file.read(256)) is not None


def write_error(directory: str | Path, error: OSError) -> InputError:
    """The error for a model directory that can't be written, with advice."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "free some space or name a folder elsewhere" if full else "name a folder elsewhere"
    reason = error.strerror or str(error)
    return InputError(f"{directory}: can't write the model: {reason}; {advice}")
