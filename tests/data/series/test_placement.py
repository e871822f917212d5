from __future__ import annotations

import numpy as np

from anomgan.data.series.placement import average_rows, interpolate, place_rows

ONE = np.zeros(6, dtype=np.int64)


def test_rows_are_put_in_order_and_gaps_are_counted() -> None:
    times = np.array([60.0, 0.0, 120.0, 240.0, 6000.0, 6060.0])
    placed = place_rows(times, ONE, 60.0)
    assert placed.rows.tolist() == [1, 0, 2, 4, 5, 6]  # point 3 has no row
    assert placed.segments == ((0, 5), (5, 7))
    assert (placed.moved, placed.filled, placed.gaps) == (1, 1, 1)


def test_a_clock_that_is_a_little_fast_skips_nothing() -> None:
    times = np.arange(200) * 60.4
    placed = place_rows(times, np.zeros(200, dtype=np.int64), 60.0)
    assert placed.rows.tolist() == list(range(200))


def test_equal_times_share_a_point_which_is_their_mean() -> None:
    placed = place_rows(np.array([0.0, 60, 60, 120, np.nan, 180]), ONE, 60.0)
    assert placed.rows.tolist() == [0, 1, 1, 2, -1, 3]
    assert placed.shared.tolist() == [False, False, True, False, False, False]
    averaged = average_rows(np.array([[1.0], [2], [4], [np.nan], [9], [7]]), placed)
    assert averaged[:2, 0].tolist() == [1, 3]
    assert np.isnan(averaged[2, 0])
    assert interpolate(averaged, placed.segments)[:, 0].tolist() == [1, 3, 5, 7]


def test_groups_are_segments_of_their_own() -> None:
    groups = np.array([0, 1, 0, 1, 0, 1])
    placed = place_rows(None, groups, None)
    assert placed.rows.tolist() == [0, 3, 1, 4, 2, 5]
    assert placed.segments == ((0, 3), (3, 6))
    assert placed.groups.tolist() == [0, 1]
    assert placed.gaps == placed.moved == 0


def test_a_series_of_crumbs_is_torn_and_short_series_arent() -> None:
    crumbs = np.arange(400) + np.arange(400) // 20 * 100.0
    assert place_rows(crumbs, np.zeros(400, dtype=np.int64), 1.0).is_torn
    assert not place_rows(np.arange(400.0), np.arange(400) // 20, 1.0).is_torn
    assert not place_rows(crumbs, np.arange(400) // 20, 1.0).is_torn
