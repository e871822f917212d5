import pytest
import torch

from anomgan.nets.hog import compute_gradients, pool_cells


def test_gradients_of_a_slope_are_known():
    column = torch.arange(8.0).expand(1, 1, 8, 8)
    found = compute_gradients(column, 4)[0, :, 4, 4]  # right, down, left, up
    assert found.tolist() == pytest.approx([1, 0, 0, 0], abs=1e-6)
    assert compute_gradients(column.mT, 4)[0, :, 4, 4].tolist() == pytest.approx(
        [0, 1, 0, 0], abs=1e-6
    )


def test_cells_are_means_that_overlap():
    x = torch.zeros(1, 1, 6, 6)
    x[..., 2, 2] = 36.0
    # Three strips a side, two cells of two strips each: the pixel lies in the middle strip.
    assert pool_cells(x, 2).tolist() == [[2.25, 2.25, 2.25, 2.25]]
    assert pool_cells(x, 1).tolist() == [[1.0]]
