"""Whitening: an affine map that gives vectors mean 0 and the identity as covariance."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from anomgan.nets.layers import row_stable_matmul
from anomgan.utils.covariance import shrink_covariance

MAX_COVARIANCE_SIZE = 2048
"""Upper bound on the dimensions whose full covariance is estimated; above, variances are."""


def fit_whitening(vectors: Tensor, rows: Sequence[Tensor]) -> dict[str, Tensor]:
    """Fit a whitening for each member to the vectors of its rows.

    Args:
        vectors: Those of each member, ``(M, n, S)``.
        rows: For each member, the indices of the rows to fit to.

    Returns:
        ``mean``, ``(M, 1, S)``; and ``map``, ``(M, S, S)``, or where there are many dimensions
        their scales, ``(M, 1, S)``.
    """
    samples = [
        member_vectors[member_rows].double().cpu()
        for member_vectors, member_rows in zip(vectors, rows, strict=True)
    ]
    mean = torch.stack([sample.mean(0, keepdim=True) for sample in samples])
    centred = [sample - centre for sample, centre in zip(samples, mean, strict=True)]
    if vectors.shape[-1] > MAX_COVARIANCE_SIZE:
        variance = torch.stack([each.square().mean(0, keepdim=True) for each in centred])
        scales = (variance + 1e-6).rsqrt()
        return {"mean": mean.to(vectors), "map": scales.to(vectors)}
    covariance = torch.stack([shrink_covariance(each) for each in centred])
    trace = covariance.diagonal(dim1=1, dim2=2).sum(-1).clamp(min=1e-9)
    identity = torch.eye(vectors.shape[-1], dtype=covariance.dtype)
    root = torch.linalg.cholesky(covariance + 1e-9 * trace[:, None, None] * identity)
    inverse_root = torch.linalg.solve_triangular(root, identity, upper=False).mT
    return {"mean": mean.to(vectors), "map": inverse_root.contiguous().to(vectors)}


def whiten(vectors: Tensor, state: dict[str, Tensor]) -> Tensor:
    """Apply what :func:`fit_whitening` returned, ``(M, n, S) -> (M, n, S)``."""
    centred = vectors - state["mean"].to(vectors)
    matrix = state["map"].to(vectors)
    return centred * matrix if matrix.shape[1] == 1 else row_stable_matmul(centred, matrix)
