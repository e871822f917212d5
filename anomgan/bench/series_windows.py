"""Windows of a series for peers: cutting them out, and bringing their scores back to points."""

from __future__ import annotations

import numpy as np

from anomgan.utils.types import Floats


def cut_windows(values: Floats, window: int) -> Floats:
    """Cut ``(n, d)`` into all n − window + 1 windows, each a row of window · d numbers."""
    windows = np.lib.stride_tricks.sliding_window_view(values, window, axis=0)
    return windows.transpose(0, 2, 1).reshape(len(windows), -1)


def pool_scores(scores: Floats, window: int) -> Floats:
    """Highest score of the windows that hold each point: ``(n - window + 1,)`` to ``(n,)``."""
    padded = np.pad(scores, window - 1, constant_values=-np.inf)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, window).max(1))
