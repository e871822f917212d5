"""Windows of a series: their length, cutting them out, and bringing their scores back to points."""

from __future__ import annotations

import numpy as np

from anomgan.utils.types import Floats

MOST_WINDOW = 250
"""Longest period that is looked for, in points."""

LEAST_PERIOD = 8
"""Shortest period, in points."""

LEAST_WINDOW = 64
"""Shorter periods are repeated until the window has so many points."""

FALLBACK_WINDOW = 125
"""Length for series without a rhythm, in points, as in the TSB-AD benchmark."""

WINDOWS_PER_STRETCH = 4
"""A window is at most this part of the stretch to fit on."""

MIN_RISE = 0.2
"""A peak of the autocorrelation stands so much above the lowest value before it."""


def choose_window(values: Floats) -> int:
    """Choose the length of windows: whole periods, of the highest peak of the autocorrelation.

    Args:
        values: ``(n, d)``, the points to fit on, standardised; columns count alike.

    Returns:
        The length, in points.
    """
    most = max(1, len(values) // WINDOWS_PER_STRETCH)
    correlation = _autocorrelate(values, min(MOST_WINDOW, most))
    lags = np.arange(1, len(correlation) - 1)
    here = correlation[lags]
    is_peak = (here > correlation[lags - 1]) & (here >= correlation[lags + 1])
    is_high = here - np.minimum.accumulate(correlation)[lags] >= MIN_RISE
    periods = lags[is_peak & is_high & (lags >= LEAST_PERIOD)]
    if not len(periods):
        return min(FALLBACK_WINDOW, most)
    period = int(periods[np.argmax(correlation[periods])])
    return min(period * -(-LEAST_WINDOW // period), most)


def cut_windows(values: Floats, window: int) -> Floats:
    """Cut ``(n, d)`` into all n − window + 1 windows, each a row of window · d numbers."""
    windows = np.lib.stride_tricks.sliding_window_view(values, window, axis=0)
    return windows.transpose(0, 2, 1).reshape(len(windows), -1)


def pool_scores(scores: Floats, window: int) -> Floats:
    """Highest score of the windows that hold each point: ``(n - window + 1,)`` to ``(n,)``."""
    padded = np.pad(scores, window - 1, constant_values=-np.inf)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, window).max(1))


def _autocorrelate(values: Floats, most: int) -> Floats:
    """Mean autocorrelation of the columns at lags 0 to ``most`` + 1."""
    size = 2 * len(values)
    power = np.square(np.abs(np.fft.rfft(values - values.mean(0), size, axis=0)))
    covariance = np.fft.irfft(power, size, axis=0)[: most + 2].mean(1)
    pairs = len(values) - np.arange(len(covariance))
    return np.asarray(covariance / pairs * len(values) / max(covariance[0], 1e-12))
