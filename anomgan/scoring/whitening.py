"""Whitening: vectors brought to mean 0 and covariance 1, so that every direction weighs alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from anomgan.nets.layers import row_stable_matmul

FULL_COVARIANCE = 2048
"""Most dimensions whose full covariance is estimated; above, only variances are."""


def whitening(vectors: Tensor, rows: Sequence[Tensor]) -> dict[str, Tensor]:
    """Mean and whitening matrix (or, for many dimensions, scales) of each member's own rows."""
    from sklearn.covariance import ledoit_wolf  # late: scoring does without

    samples = [
        all_of[own].double().cpu().numpy() for all_of, own in zip(vectors, rows, strict=True)
    ]
    mean = torch.stack([torch.from_numpy(sample.mean(0, keepdims=True)) for sample in samples])
    if vectors.shape[-1] > FULL_COVARIANCE:
        variance = np.stack([sample.var(0, keepdims=True) for sample in samples])
        return {
            "mean": mean.to(vectors),
            "map": torch.from_numpy(variance + 1e-6).rsqrt().to(vectors),
        }
    # Shrinkage keeps covariances invertible when rows are fewer than dimensions.
    covariance = torch.from_numpy(np.stack([ledoit_wolf(sample)[0] for sample in samples]))
    trace = covariance.diagonal(dim1=1, dim2=2).sum(-1).clamp(min=1e-9)
    same = torch.eye(vectors.shape[-1], dtype=covariance.dtype)
    root = torch.linalg.cholesky(covariance + 1e-9 * trace[:, None, None] * same)
    white = torch.linalg.solve_triangular(root, same, upper=False).mT
    return {"mean": mean.to(vectors), "map": white.contiguous().to(vectors)}


def whiten(vectors: Tensor, state: dict[str, Tensor]) -> Tensor:
    """Apply what :func:`whitening` learnt, ``(M, n, S) -> (M, n, S)``."""
    centred = vectors - state["mean"].to(vectors)
    white = state["map"].to(vectors)
    return centred * white if white.shape[1] == 1 else row_stable_matmul(centred, white)
