"""Several processes behind one command: one of them speaks."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def together() -> Iterator[bool]:
    """Join the other processes that ``torchrun`` has started, if it has.

    All but one of them are silent; of errors, the first is told, whoever meets it.

    Yields:
        Whether this process is to write results.
    """
    from anomgan.training import distributed

    if not distributed.is_torchrun():
        yield True
        return
    voice = sys.stderr
    silence = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    group = distributed.ProcessGroup()
    sys.stderr = voice if group.is_first else silence
    try:
        yield group.is_first
    except Exception:  # goes on to the command line, where only one of the processes tells it
        sys.stderr = voice if group.report_failure() else silence
        raise
    except BaseException:
        # torchrun ends the others when one has failed.
        if group.has_failed():
            sys.stderr = silence
        raise
    group.leave()
