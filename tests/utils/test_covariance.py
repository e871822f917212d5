import pytest
import torch
from sklearn.covariance import ledoit_wolf

from anomgan.utils.covariance import shrink_covariance


@pytest.mark.parametrize(("rows", "size"), [(200, 5), (8, 30), (50, 1), (2, 3)])
def test_equals_ledoit_wolf(rows, size):
    source = torch.Generator().manual_seed(0)
    x = torch.randn(rows, size, generator=source, dtype=torch.float64)
    x[:, :1] *= 7
    x = x - x.mean(0)
    expected = torch.from_numpy(ledoit_wolf(x.numpy(), assume_centered=True)[0])
    torch.testing.assert_close(shrink_covariance(x), expected, rtol=1e-9, atol=1e-12)


def test_uncorrelated_columns_of_one_variance_are_left_alone():
    x = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    torch.testing.assert_close(shrink_covariance(x), torch.eye(2, dtype=torch.float64))
