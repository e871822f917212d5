"""Directions in which corrupted rows spread beyond normal ones, found in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.linalg
import torch
from torch import Tensor, nn

from anomgan.nets.layers import row_stable_matmul

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
        from sklearn.covariance import ledoit_wolf  # late: scoring does without

        for m, (own, fakes) in enumerate(zip(normal, corrupted, strict=True)):
            mean = own.double().mean(0)
            centred = (own.double() - mean).cpu().numpy()
            apart = (fakes.double() - mean).cpu().numpy()
            within = ledoit_wolf(centred, assume_centered=True)[0]
            within += (1e-9 * np.trace(within) + 1e-12) * np.eye(len(within))
            size, count = len(within), min(DIRECTIONS, len(within))
            ratio, vectors = scipy.linalg.eigh(
                apart.T @ apart / len(apart), within, subset_by_index=(size - count, size - 1)
            )
            weights = np.sqrt(np.clip(1 - 1 / np.maximum(ratio, 1e-9), 0, 1))
            chosen = torch.from_numpy((vectors * weights)[:, ::-1].copy())
            self.mean[m, 0] = mean.to(self.mean)
            self.directions[m].zero_()
            self.directions[m, :, :count] = chosen.to(self.directions)

    def forward(self, vectors: Tensor) -> Tensor:
        """Positions; those of normal vectors have mean 0 and at most variance 1."""
        return row_stable_matmul(vectors - self.mean, self.directions)
