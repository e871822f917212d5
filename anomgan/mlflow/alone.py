"""One process at a time, while a fresh database gets its tables."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 60.0
"""Seconds to wait for another process; then both go on, and one may fail."""


@contextlib.contextmanager
def alone_in(uri: str) -> Iterator[None]:
    """Keep other processes of this user from the same sqlite store; others are left alone.

    MLflow makes the tables in some fifty steps, and a second process that comes in between takes
    them for broken.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    if not uri.startswith("sqlite:"):
        yield
        return
    key = hashlib.sha256(f"{os.getuid()} {uri}".encode()).hexdigest()[:16]
    with Path(tempfile.gettempdir(), f"anomgan-{key}.lock").open("w") as file:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.05)
            except OSError:  # a file system without locks
                break
        yield
