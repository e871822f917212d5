"""What a report says of series: the events, and the plot of the columns with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from anomgan.data.encoders.series import SeriesEncoder
from anomgan.data.series.events import Event, find_events
from anomgan.plotting.series import series_plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anomgan.estimator import GANDetector
    from anomgan.reporting.scored_rows import ScoredRows


def find_series_events(detector: GANDetector, scored: ScoredRows) -> list[Event]:
    """The events among scored rows, the most severe first; none if the model isn't of series."""
    encoder = detector.encoder_
    if not isinstance(encoder, SeriesEncoder):
        return []
    groups, points = encoder.locate_rows(scored.frame, source=scored.source)
    length = encoder.layout.length
    events = find_events(scored.flagged, scored.score, points, groups, length)
    return sorted(events, key=lambda event: -float(scored.score[event.peak]))


def draw_series(detector: GANDetector, scored: ScoredRows, events: list[Event]) -> Figure:
    """The columns with all events, and the worst event beside the nearest window of training."""
    encoder = detector.encoder_
    names = list(dict.fromkeys(encoder.layout.columns))  # type: ignore[attr-defined]
    columns = {
        name: pd.to_numeric(scored.frame[name], errors="coerce").to_numpy(np.float64)
        for name in names
    }
    spans = [(event.first, event.last) for event in events]
    if not events:
        return series_plot(columns, spans)
    length = encoder.dependent_rows // 2
    peak = events[0].peak
    rows = np.arange(max(0, peak - length), min(len(scored.frame), peak + length))
    rows = rows[np.isfinite(scored.score[rows])]
    lines = detector.explain_frame(scored.frame, rows=rows, source=scored.source).frame
    normal = lines.pivot(index="row", columns="column", values="expected")
    zoom = int(normal.index[0]), int(normal.index[-1]) + 1
    normal = normal.reindex(range(*zoom)).apply(pd.to_numeric, errors="coerce")
    expected = {name: normal[name].to_numpy(np.float64) for name in names}
    return series_plot(columns, spans, zoom=zoom, expected=expected)
