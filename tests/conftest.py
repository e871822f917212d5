from __future__ import annotations

import os

import pytest
import torch

# Tests that log say so; the others leave nothing behind, also where they start the command anew.
os.environ.setdefault("ANOMGAN_TRACK", "0")

# Test models are tiny: more threads would only wait for one another.  A fixed number also keeps
# sums in a fixed order, so that known answers don't depend on the machine.
torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked ``gpu`` where there is no CUDA device."""
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="no CUDA device")
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(skip)
