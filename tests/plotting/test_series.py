from __future__ import annotations

import numpy as np

from anomgan.plotting.series import MAX_BINS, series_plot, thin_out


def test_a_long_series_keeps_its_spikes() -> None:
    values = np.zeros(100_000)
    values[[31_415, 92_653]] = 5.0, -7.0
    values[:300] = np.nan
    rows, few = thin_out(values)
    assert len(rows) == 2 * MAX_BINS
    assert (np.diff(rows) >= 0).all()
    assert {31_415, 92_653} <= set(rows.astype(int))
    assert (np.nanmax(few), np.nanmin(few)) == (5.0, -7.0)


def test_events_are_shaded_and_the_zoom_shows_what_is_normal() -> None:
    columns = {"heat": np.arange(50.0), "load": np.ones(50)}
    expected = {"heat": np.zeros(10)}
    figure = series_plot(columns, [(5, 9), (30, 31)], zoom=(20, 30), expected=expected)
    whole, zoomed, *_ = figure.axes
    assert len(whole.patches) == 2
    assert [len(line.get_xdata()) for line in zoomed.lines] == [10, 10]
    assert len(figure.axes) == 4
