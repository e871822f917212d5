import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from anomgan.scoring.knn import SQUARE_FLOOR, KNNIndex


def wanted(rows, points, near):
    """Mean over the nearest few of the root of the square and the floor, by scikit-learn."""
    own, at = rows.double().numpy(), points.double().numpy()
    near = min(near, len(own))
    apart = NearestNeighbors(n_neighbors=near, algorithm="brute").fit(own).kneighbors(at)[0]
    return np.sqrt(apart**2 + SQUARE_FLOOR).mean(1)


@pytest.mark.parametrize(("count", "width"), [(1, 3), (7, 2), (8, 40), (250, 5), (1003, 30)])
@pytest.mark.parametrize("near", [1, 3, 20])
def test_distances_are_scikit_learns(count, width, near):
    source = torch.Generator().manual_seed(count)
    rows = torch.randn(2, count, width, generator=source)
    points = torch.randn(2, 64, width, generator=source)
    got = KNNIndex(rows).distances(points, near)
    for k in range(2):
        assert got[k].numpy() == pytest.approx(wanted(rows[k], points[k], near), rel=1e-5)


def test_a_remembered_row_is_found_among_long_ones():
    rows = 1e3 * torch.randn(1, 500, 200, generator=torch.Generator().manual_seed(0))
    got = KNNIndex(rows).distances(rows[:, :64], 1)
    assert got.numpy() == pytest.approx(np.full((1, 64), SQUARE_FLOOR**0.5), rel=1e-5)


def test_ties_and_equal_rows_are_counted_one_by_one():
    rows = torch.tensor([[[0.0], [0.0], [5.0], [9.0]]])
    got = KNNIndex(rows).distances(torch.tensor([[[1.0]]]), 3)
    assert got.item() == pytest.approx((1 + 1 + 4) / 3, rel=1e-5)
