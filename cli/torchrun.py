"""torchrun support: only rank 0 prints and saves."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def join_process_group() -> Iterator[bool]:
    """Join the process group if ``torchrun`` has started this process as one of several.

    Standard error of all ranks but 0 is discarded.  Of errors the first is printed, whatever rank
    it occurs on.

    Yields:
        Whether this process is to save and print results: a single process, or rank 0.
    """
    from anomgan.training import distributed

    if not distributed.is_torchrun():
        yield True
        return
    stderr = sys.stderr
    devnull = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    group = distributed.ProcessGroup()
    sys.stderr = stderr if group.is_first else devnull
    try:
        yield group.is_first
    except Exception:  # printed by the command line, which only one of the processes may do
        sys.stderr = stderr if group.report_failure() else devnull
        raise
    except BaseException:
        # torchrun terminates the other processes when one has failed.
        if group.has_failed():
            sys.stderr = devnull
        raise
    group.leave()
