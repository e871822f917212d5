"""Lock an SQLite tracking store while MLflow creates its schema."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from anomgan.utils.locks import hold_lock

LOCK_TIMEOUT_S = 60.0
"""Seconds to wait for another process; then both go on, and one may fail."""


@contextlib.contextmanager
def lock_store(uri: str) -> Iterator[None]:
    """Keep other processes of this user from the same SQLite store; other stores need no lock.

    MLflow makes the tables in some fifty steps, and a second process that comes in between takes
    them for broken.
    """
    if not uri.startswith("sqlite:"):
        yield
        return
    user = getattr(os, "getuid", int)()
    key = hashlib.sha256(f"{user} {uri}".encode()).hexdigest()[:16]
    with hold_lock(Path(tempfile.gettempdir(), f"anomgan-{key}.lock"), LOCK_TIMEOUT_S):
        yield
