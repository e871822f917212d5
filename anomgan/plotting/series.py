"""Draw a series with its events, and the worst of them beside what is normal there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from anomgan.plotting.style import ABNORMAL, GREY, NEW, NORMAL, new_figure, styled
from anomgan.utils.types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_BINS = 500
"""Stretches of a long series, of each of which the smallest and the largest value are drawn."""

MAX_CHANNELS = 6
"""Columns that are drawn."""


@styled
def series_plot(
    columns: Mapping[str, Floats],
    events: Sequence[tuple[int, int]],
    *,
    zoom: tuple[int, int] | None = None,
    expected: Mapping[str, Floats] | None = None,
) -> Figure:
    """Columns of a series over its rows, with events marked.

    Args:
        columns: Name -> values, ``(n,)``; the first `MAX_CHANNELS` are drawn.
        events: First and last row of each event.
        zoom: First row, and one past the last, of a stretch that is drawn at the right.
        expected: Name -> what is normal in that stretch, ``(zoom[1] - zoom[0],)``.
    """
    names = list(columns)[:MAX_CHANNELS]
    figure, panels = new_figure(len(names), 1 if zoom is None else 2)
    for row, name in enumerate(names):
        whole = panels[row, 0]
        for first, last in events:
            whole.axvspan(first - 0.5, last + 0.5, color=ABNORMAL, alpha=0.25, linewidth=0)
        whole.plot(*thin_out(columns[name]), color=NORMAL, linewidth=0.8)
        whole.set_ylabel(name)
        if zoom is not None:
            _draw_zoom(panels[row, 1], columns[name], zoom, (expected or {}).get(name))
    for axis in panels[-1]:
        axis.set_xlabel("row")
    return figure


def _draw_zoom(axis: Any, values: Floats, zoom: tuple[int, int], expected: Floats | None) -> None:
    """A stretch of one column, beside what is normal there."""
    rows = np.arange(*zoom)
    if expected is not None:
        axis.plot(rows, expected, color=NEW, linewidth=1, label="nearest normal")
    axis.plot(rows, values[slice(*zoom)], color=ABNORMAL, linewidth=1, label="observed")
    axis.tick_params(colors=GREY)


def thin_out(values: Floats) -> tuple[Floats, Floats]:
    """Rows and values to draw of a long series: smallest and largest of neighbouring rows.

    >>> rows, few = thin_out(np.arange(100_000.0))
    >>> len(few), float(few[0]), float(few[-1])
    (1000, 0.0, 99999.0)
    """
    if len(values) <= 2 * MAX_BINS:
        return np.arange(len(values), dtype=np.float64), values
    edges = np.linspace(0, len(values), MAX_BINS + 1).astype(int)
    rows = [
        start + offset
        for start, stop in pairwise(edges)
        for offset in sorted(_find_extremes(values[start:stop]))
    ]
    return np.array(rows, dtype=np.float64), values[rows]


def _find_extremes(part: Floats) -> tuple[int, int]:
    """Places of the smallest and the largest value; the first one if there are only gaps."""
    if np.isnan(part).all():
        return 0, 0
    return int(np.nanargmin(part)), int(np.nanargmax(part))
