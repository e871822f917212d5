"""Where a model directory may be written, and that it appears whole or not at all.

It is written into a hidden folder beside its place and then swapped with what is there in one step.
Where the system can't swap two folders (anything but Linux, some network file systems), the old
model is moved aside first; if the process is killed in the instant between the two moves,
:func:`anomgan.persistence.model_store.load` reads the one moved aside and the next save moves it
back.  Whatever else a killed save leaves behind, the next save removes.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from anomgan.errors import InputError
from anomgan.utils.atomic import record

DESCRIPTION, WEIGHTS = "model.json", "weights.safetensors"
FILES = {DESCRIPTION, WEIGHTS}
"""All that a model directory holds; one that holds more isn't replaced."""

OPENING = re.compile(rb'\s*\{\s*"anomgan":')
"""How a ``model.json`` of ours begins, by which even a truncated one is known."""

PATIENCE = 10.0
"""Seconds to wait for another save beside this one."""


def check_target(directory: str | Path) -> None:
    """See whether a model may be written there; worth asking before a long fit.

    Raises:
        InputError: If something is there that isn't a model, or the place can't be written to.
    """
    try:
        target = Path(os.path.realpath(directory))
        if not os.path.lexists(target):
            _check_parent(directory, target)
            return
        if not target.is_dir():
            raise InputError(f"{directory}: is a file; name a folder for the model")
        names = {entry.name for entry in os.scandir(target)}
        if names and not _is_ours(target):
            raise InputError(
                f"{directory}: is a folder that isn't a model; it won't be overwritten, "
                f"so name another or empty it"
            )
        if names - FILES:
            others = ", ".join(sorted(map(repr, names - FILES))[:5])
            raise InputError(
                f"{directory}: replacing the model would delete other files there: {others}; "
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
        raise _unwritable(directory, error) from error


def _check_parent(directory: str | Path, target: Path) -> None:
    """Refuse a place whose nearest existing parent can't be written to.

    Raises:
        InputError: If so.
    """
    parent = next(place for place in target.parents if os.path.lexists(place))
    if not parent.is_dir():
        raise InputError(f"{directory}: {parent} is a file; name another folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(
            f"{directory}: can't write to {parent}, where the model is made before it is swapped "
            f"in; name a folder elsewhere"
        )


def _is_ours(folder: Path) -> bool:
    path = folder / DESCRIPTION
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return OPENING.match(file.read(256)) is not None


def write_whole(directory: str | Path, files: Mapping[str, bytes]) -> None:
    """Put a model directory of these files in place, all of them or none.

    Args:
        directory: A path that :func:`check_target` accepts.
        files: Contents by name.

    Raises:
        InputError: If it can't be written; then all is as before.
    """
    try:
        target = Path(os.path.realpath(directory))
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(target.parent) as alone:
            _tidy(target, remove=alone)
            _replace(target, files)
            shutil.rmtree(moved_aside(target), ignore_errors=True)
    except OSError as error:
        raise _unwritable(directory, error) from error


def _replace(target: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder beside the target, then put it in the target's place."""
    fresh = target.with_name(f"{_hidden(target, 'new')}-{secrets.token_hex(4)}")
    fresh.mkdir()  # with the permissions that the umask gives, unlike tempfile's
    one = fresh.stat()
    try:
        for name, data in files.items():
            _write(fresh / name, data)
        if target.is_dir():
            fresh.chmod(stat.S_IMODE(target.stat().st_mode))
        _sync(fresh)
        _swap(fresh, target)
        with contextlib.suppress(OSError):  # the new model is in place, come what may
            _sync(target.parent)
    finally:  # either what was written in vain, or the old model
        with contextlib.suppress(OSError):
            if os.path.samestat(one, target.stat()):  # also if a signal came just then
                record(target)
        shutil.rmtree(fresh, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    """Write a file through to the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Write a folder's entries through to the disk, where the system knows how."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(fresh: Path, target: Path) -> None:
    """Put a folder in the target's place; an old model, if any, takes its place or is removed."""
    if not target.is_dir() or not any(target.iterdir()):
        fresh.replace(target)  # also over an empty folder
    elif not _exchange(fresh, target):
        aside = moved_aside(target)
        shutil.rmtree(aside, ignore_errors=True)
        target.rename(aside)
        try:
            fresh.rename(target)
        except BaseException:
            aside.rename(target)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False if the system can't.

    Raises:
        OSError: If it can but may not.
    """
    if sys.platform != "linux":
        return False
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:  # an old C library
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # a file system that can't
        return False
    raise OSError(code, os.strerror(code), str(other))


def _hidden(target: Path, what: str) -> str:
    return f".{target.name}.anomgan-{what}"


def moved_aside(target: Path) -> Path:
    """Where the old model waits while the new one is moved in."""
    return target.with_name(_hidden(target, "old"))


@contextlib.contextmanager
def _alone_in(parent: Path) -> Iterator[bool]:
    """Keep other saves out of a folder; gives False where that can't be had."""
    try:
        import fcntl
    except ImportError:
        yield False
        return
    handle = os.open(parent, os.O_RDONLY)
    try:
        yield _locked(lambda: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB))
    finally:
        os.close(handle)


def _locked(lock: Callable[[], None]) -> bool:
    """Try to lock until `PATIENCE` is over."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            lock()
        except BlockingIOError:
            time.sleep(0.05)
        except OSError:  # a file system without locks
            return False
        else:
            return True
    return False


def _tidy(target: Path, *, remove: bool) -> None:
    """Finish what a killed save began: move the old model back, remove what was left half done.

    Args:
        target: The model directory.
        remove: Whether no other save can be at work on what looks left over.
    """
    aside = moved_aside(target)
    if aside.is_dir() and not os.path.lexists(target):
        aside.rename(target)
    if remove:
        beginning = _hidden(target, "new-")
        for entry in list(target.parent.iterdir()):
            if entry.name.startswith(beginning):
                shutil.rmtree(entry, ignore_errors=True)


def _unwritable(directory: str | Path, error: OSError) -> InputError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "free some space or name a folder elsewhere" if full else "name a folder elsewhere"
    reason = error.strerror or str(error)
    return InputError(f"{directory}: can't write the model: {reason}; {advice}")
