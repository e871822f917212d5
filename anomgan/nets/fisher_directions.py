"""Directions in which corrupted rows spread beyond normal ones, found in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import scipy.linalg
import torch
from torch import Tensor, nn

from anomgan.nets.layers import row_stable_matmul
from anomgan.utils.covariance import shrink_covariance, sum_products

DIRECTIONS = 64
"""Directions that are kept."""


class FisherDirections(nn.Module):
    """Positions of vectors in their directions, ``(M, n, F) -> (M, n, DIRECTIONS)``.

    Generalised eigenvectors of the two covariances: Fisher's discriminant for two classes that
    differ in spread.  A direction with normal variance 1 and corrupted variance λ is weighted by
    √(1 − 1/λ): where corruptions don't show, distances don't count.

    Attributes:
        mean: Mean of the normal vectors, ``(M, 1, F)``.
        directions: Weighted directions, ``(M, F, DIRECTIONS)``, those with the largest λ first.
    """

    mean: Tensor
    directions: Tensor

    def __init__(self, members: int, size: int) -> None:
        """Start with zeros, for M members and vectors of that size, F."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(members, 1, size))
        self.register_buffer("directions", torch.zeros(members, size, DIRECTIONS))

    def fit(self, normal: Sequence[Tensor], corrupted: Sequence[Tensor]) -> None:
        """Fit to each member's normal and corrupted vectors, ``(n, F)``."""
        for m, (own, fakes) in enumerate(zip(normal, corrupted, strict=True)):
            mean = own.double().mean(0)
            centred, apart = ((each.double() - mean).cpu() for each in (own, fakes))
            if not (centred.isfinite().all() and apart.isfinite().all()):
                continue  # training diverged
            within = shrink_covariance(centred)
            within.diagonal().add_(1e-9 * within.trace() + 1e-12)
            root = torch.linalg.cholesky(within)
            half = torch.linalg.solve_triangular(root, sum_products(apart), upper=False)
            whole = torch.linalg.solve_triangular(root, half.mT, upper=False) / len(apart)
            size = len(within)
            count = min(DIRECTIONS, size)
            largest = size - count, size - 1  # of eigenvalues in ascending order
            ratio, vectors = (
                torch.from_numpy(part)
                for part in scipy.linalg.eigh(whole.numpy(), subset_by_index=largest, driver="evr")
            )
            vectors = torch.linalg.solve_triangular(root.mT, vectors, upper=True)
            weights = (1 - 1 / ratio.clamp(min=1e-9)).clamp(0, 1).sqrt()
            self.mean[m, 0] = mean.to(self.mean)
            self.directions[m].zero_()
            self.directions[m, :, :count] = (vectors * weights).flip(1).to(self.directions)

    def forward(self, *parts: Tensor) -> Tensor:
        """Positions of vectors that are given in parts; normal ones have mean 0, variance ≤ 1."""
        # Part by part, since copies of so wide a matrix take longer than the products.
        directions = self.directions.split([part.shape[-1] for part in parts], 1)
        position = -(self.mean @ self.directions)
        for part, rows in zip(parts, directions, strict=True):
            position = position + row_stable_matmul(part, rows)
        return position
