from __future__ import annotations

import re
from pathlib import Path

import pytest

from anomgan.utils.memory import forget_peak, peak_mb


def kernel_forgets_peaks():
    """Tried without our own code, so that a defect of that isn't taken for the kernel's."""

    def peak():
        found = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
        return int(found[1]) if found else 0

    try:
        block = bytearray(100_000_000)
        high = peak()
        del block
        Path("/proc/self/clear_refs").write_text("5")
        return 0 < peak() < high
    except OSError:
        return False


def test_peaks_are_forgotten():
    if not kernel_forgets_peaks():
        pytest.skip("this system doesn't forget peaks")
    before = peak_mb()
    block = bytearray(300_000_000)
    high = peak_mb()
    del block
    assert high > before - 1
    forget_peak()
    assert peak_mb() < high - 200
