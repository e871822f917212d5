"""Locks between processes."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

LOCK_FILE = ".lock-anomgan"
"""Name of the lock file in a folder that one process at a time may write to."""


@contextlib.contextmanager
def hold_lock(path: Path, timeout: float = 0.0) -> Iterator[bool | None]:
    """Lock a file while the block runs; it is made as needed and removed in the end.

    The system releases the lock of a killed process, so a file that stays behind keeps nobody out.

    Args:
        path: The lock file.
        timeout: Seconds to wait for another process.

    Yields:
        True if the lock is held, False if another process still holds it, None if the folder or
        its file system has no locks.
    """
    from filelock import FileLock  # 40 ms; most commands need no lock

    lock = FileLock(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a file system without locks
            lock.acquire(timeout)
    except TimeoutError:
        yield False
    except (OSError, NotImplementedError):  # no locks here: callers go on without, as documented
        yield None
    else:
        try:
            yield True
        finally:
            # Removed while it is held: filelock discards a lock whose file has lost its name.
            with contextlib.suppress(OSError):  # Windows can't remove an open file
                path.unlink()
            lock.release()
