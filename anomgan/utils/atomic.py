"""Write files and folders atomically, and keep a list of what a command has changed.

A file is written under a temporary name and then renamed.  A folder is written beside its place and
then swapped with what is there in one step.  Where the system can't swap two folders (anything but
Linux, some network file systems), the old folder is moved to :func:`backup_path` first; if the
process is killed between the two moves, it stays there, and the next :func:`replace_directory`
moves it back.  Whatever else a killed process leaves behind, the next one removes.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path

from anomgan.utils.locks import hold_lock

PARTIAL_PREFIX = ".anomgan-"
"""How the names of unfinished files begin."""

LOCK_TIMEOUT_S = 10.0
"""Seconds to wait for another process that writes the same folder."""

_changed: ContextVar[dict[Path, None] | None] = ContextVar("changed", default=None)


@contextlib.contextmanager
def track_changes() -> Iterator[dict[Path, None]]:
    """Collect the paths that change inside the block: an interrupted command names them.

    Yields:
        Paths in the order of the changes, as keys of a dict that grows.
    """
    changed: dict[Path, None] = {}
    token = _changed.set(changed)
    try:
        yield changed
    finally:
        _changed.reset(token)


def note_change(path: Path) -> None:
    """Add a path to the changes that :func:`track_changes` collects, if it is active."""
    changed = _changed.get()
    if changed is not None:
        changed[path] = None


@contextlib.contextmanager
def atomic_write(path: Path, *, noted: Path | None = None) -> Iterator[Path]:
    """Write a file under a temporary name and rename it when the block ends.

    If anything goes wrong, what was written is removed and a file of that name stays as it was.

    Args:
        path: The file.
        noted: The path passed to :func:`note_change`; by default the file.

    Yields:
        The temporary path, in the same folder.

    Raises:
        OSError: If the file can't be renamed.
    """
    # Short, so that long names fit, and random: one process may write several files.
    partial = path.with_name(f"{PARTIAL_PREFIX}{os.getpid()}-{secrets.token_hex(4)}")
    complete = False
    try:
        yield partial
        complete = True
        partial.replace(path)
    finally:
        if complete and not partial.exists():  # also if a signal came right after the rename
            note_change(noted or path)
        else:
            with contextlib.suppress(OSError):  # the folder may be missing
                partial.unlink()


@contextlib.contextmanager
def ensure_folder(folder: Path) -> Iterator[None]:
    """Make a folder and its parents where missing; if the block fails, the new ones are removed.

    Raises:
        OSError: If they can't be made.
    """
    new_folders = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for place in new_folders:
            with contextlib.suppress(OSError):  # it isn't empty, or was never made
                place.rmdir()
        raise


def replace_directory(directory: str | Path, files: Mapping[str, bytes]) -> None:
    """Write a folder of these files, replacing an older folder in one step.

    Parent folders are made as needed.  A symbolic link stays; the folder it points to is replaced.

    Args:
        directory: Where nothing is, or a folder whose contents may be lost.
        files: Contents by name.

    Raises:
        OSError: If it can't be written; then the old folder is unchanged.
    """
    target = Path(os.path.realpath(directory))
    target.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(target.with_name(_hidden(target, "lock")), LOCK_TIMEOUT_S) as locked:
        _tidy(target, remove=bool(locked))
        _replace(target, files)
        shutil.rmtree(backup_path(target), ignore_errors=True)


def backup_path(target: Path) -> Path:
    """Where the old folder waits while the new one is moved in."""
    return target.with_name(_hidden(target, "old"))


def _hidden(target: Path, suffix: str) -> str:
    return f".{target.name}.anomgan-{suffix}"


def _replace(target: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder beside the target, then put it in the target's place."""
    fresh = target.with_name(f"{_hidden(target, 'new')}-{secrets.token_hex(4)}")
    fresh.mkdir()  # with the permissions that the umask gives, unlike tempfile's
    fresh_status = fresh.stat()
    try:
        for name, data in files.items():
            _write(fresh / name, data)
        if target.is_dir():
            fresh.chmod(stat.S_IMODE(target.stat().st_mode))
        _sync(fresh)
        _swap(fresh, target)
        with contextlib.suppress(OSError):  # the new folder is in place already
            _sync(target.parent)
    finally:  # `fresh` now is either unfinished or the old folder
        with contextlib.suppress(OSError):
            if os.path.samestat(fresh_status, target.stat()):  # also after a signal
                note_change(target)
        shutil.rmtree(fresh, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    """Write a file through to the disk."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Write a folder's entries through to the disk, where the system can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _swap(fresh: Path, target: Path) -> None:
    """Put a folder in the target's place; an old folder takes its place or is removed."""
    if not target.is_dir() or not any(target.iterdir()):
        fresh.replace(target)  # also over an empty folder
    elif not _exchange(fresh, target):
        backup = backup_path(target)
        shutil.rmtree(backup, ignore_errors=True)
        target.rename(backup)
        try:
            fresh.rename(target)
        except BaseException:
            backup.rename(target)
            raise
        shutil.rmtree(backup, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False if the system can't.

    Raises:
        OSError: If it can but the swap fails.
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


def _tidy(target: Path, *, remove: bool) -> None:
    """Move the old folder back after a kill, and remove unfinished ones.

    Args:
        target: The folder that is to be replaced.
        remove: Whether no other process can be writing what looks unfinished.
    """
    backup = backup_path(target)
    if backup.is_dir() and not os.path.lexists(target):
        backup.rename(target)
    if remove:
        for entry in list(target.parent.iterdir()):
            if entry.name.startswith(_hidden(target, "new-")):
                shutil.rmtree(entry, ignore_errors=True)
