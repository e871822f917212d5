"""The most memory that this process held since a given moment."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path

RESET_PEAK = "5"
"""What makes Linux forget the peak, written to ``/proc/self/clear_refs``."""


def forget_peak() -> None:
    """Measure from here on, where the system can: on Linux."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text(RESET_PEAK)


def peak_mb() -> float:
    """Most memory held since :func:`forget_peak`, libraries and data included, in MB.

    Where the peak can't be forgotten, it is that of the process until now; NaN where it isn't told.
    """
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
        if found:
            return int(found[1]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)
