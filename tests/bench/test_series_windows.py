from __future__ import annotations

import numpy as np

from anomgan.bench.series_windows import cut_windows, pool_scores


def test_windows_and_back():
    points = np.arange(8.0).reshape(4, 2)
    assert cut_windows(points, 3).tolist() == [[0, 1, 2, 3, 4, 5], [2, 3, 4, 5, 6, 7]]
    assert pool_scores(np.array([1.0, 3, 2]), 3).tolist() == [1, 3, 3, 3, 2]
