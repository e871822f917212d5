"""Covariances that stay invertible when rows are fewer than columns."""

from __future__ import annotations

import torch
from torch import Tensor


def sum_products(rows: Tensor) -> Tensor:
    """Products of all pairs of columns, summed over rows, ``(n, S) -> (S, S)``, on the CPU.

    By NumPy, which sees that the result is symmetric and computes half of it.
    """
    array = rows.numpy()
    return torch.from_numpy(array.T @ array)


def shrink_covariance(centred: Tensor) -> Tensor:
    """Covariance of rows of mean 0, shrunk towards a multiple of the identity.

    By the formula of Ledoit and Wolf, "A well-conditioned estimator for large-dimensional
    covariance matrices", 2004.  scikit-learn's ``ledoit_wolf`` gives the same from three products
    of matrices: here sums over all pairs of columns are squares of sums.

    Args:
        centred: Rows, ``(n, S)`` float64, on the CPU.

    Returns:
        The covariance, ``(S, S)``.
    """
    rows, size = centred.shape
    covariance = sum_products(centred) / rows
    mean, total = covariance.diagonal().mean(), covariance.square().sum()
    noise = centred.square().sum(1).square().mean() - total
    spread = float(total - size * mean**2)
    share = min(max(float(noise) / rows / spread, 0.0), 1.0) if spread > 0 else 0.0
    shrunk = (1 - share) * covariance
    shrunk.diagonal().add_(share * mean)
    return shrunk
