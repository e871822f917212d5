"""Choose the length of windows from a series' own rhythm."""

from __future__ import annotations

import numpy as np

from anomgan.data.series.windows import Segments
from anomgan.utils.types import Floats

MIN_WINDOW = 96
"""Points that a chosen window has at least: whole periods of a faster rhythm, side by side."""

MAX_PERIOD = 300
"""Longest rhythm in points that a window is chosen to hold: a day in steps of five minutes fits."""

NO_RHYTHM_WINDOW = 125
"""Points of the window for a series without a rhythm, as in the TSB-AD benchmark."""

MIN_CORRELATION = 0.2
"""Autocorrelation at a period below which a series has no rhythm."""

NEARLY_HIGHEST = 0.9
"""Share of the highest peak of the autocorrelation from which on an earlier one counts."""

WINDOWS_IN_TRAINING = 4
"""Windows side by side that the training points must hold."""

_MIN_PERIOD = 8


def find_period(values: Floats, segments: Segments, longest: int) -> int:
    """The lag of the first high peak of the channels' mean autocorrelation; 0 without a rhythm.

    Args:
        values: Points, ``(points, C)``, without gaps.
        segments: Runs of points that belong together.
        longest: Longest lag.
    """
    products, counts = np.zeros(longest + 2), np.zeros(longest + 2)
    centred = values - np.median(values, axis=0)
    centred = np.clip(centred / np.maximum(centred.std(0), 1e-12), -4, 4)  # spikes have no say
    for start, stop in segments:
        part, length = centred[start:stop], stop - start
        size = 2 ** int(np.ceil(np.log2(2 * length)))
        power = np.abs(np.fft.rfft(part, size, axis=0)) ** 2
        lags = min(length, longest + 2)
        products[:lags] += np.fft.irfft(power, size, axis=0)[:lags].mean(1)
        counts[:lags] += length - np.arange(lags)
    correlation = products / np.maximum(counts, 1)
    inner = correlation[1:-1]
    peaks = np.flatnonzero((inner > correlation[:-2]) & (inner >= correlation[2:])) + 1
    peaks = peaks[peaks >= _MIN_PERIOD]
    if not len(peaks) or correlation[peaks].max() < MIN_CORRELATION * correlation[0]:
        return 0
    # Multiples of a period have peaks as high as its own but for chance.
    return int(peaks[correlation[peaks] >= NEARLY_HIGHEST * correlation[peaks].max()][0])


def choose_window(values: Floats, segments: Segments) -> tuple[int, int]:
    """Length of a window, and the period that it holds, 0 for none; both in points.

    Whole periods, at least `MIN_WINDOW` points; without a rhythm `NO_RHYTHM_WINDOW`.  At most one
    in `WINDOWS_IN_TRAINING` of the points, and half of the longest segment.

    Args:
        values: Points, ``(points, C)``, without gaps.
        segments: Runs of points that belong together.
    """
    longest_segment = max(stop - start for start, stop in segments)
    most = max(1, min(len(values) // WINDOWS_IN_TRAINING, longest_segment // 2))
    period = find_period(values, segments, max(_MIN_PERIOD, min(MAX_PERIOD, most)))
    wanted = period * -(-MIN_WINDOW // period) if period else NO_RHYTHM_WINDOW
    return min(wanted, most), period
