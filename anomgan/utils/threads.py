"""Threads: blocks of records side by side instead of every small product split in two.

Products of this size are over before a second thread has woken up, so torch's own threads win
nothing in scoring, nor in the training of ordinary tables; whole blocks in threads of their own
scale with the cores.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_lock = threading.Lock()
_users = 0
_before = 0


def one_thread() -> None:
    """Let torch compute with the calling thread alone."""
    torch.set_num_threads(1)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Hold torch to one thread per caller; when the last user leaves, what was before returns."""
    global _users, _before
    with _lock:
        if not _users:
            _before = torch.get_num_threads()
        _users += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                torch.set_num_threads(_before)
