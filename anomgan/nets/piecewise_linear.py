"""Piecewise-linear encoding of numbers, which shows networks where in its range a number lies."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MAX_SEGMENTS = 20
"""Upper bound on the segments of a column."""

MAX_ENCODED_VALUES = 512
"""Upper bound on the segments of all columns together; each has at least one."""

MIN_STEP = 1e-4
"""Smallest distance of two edges, in standard deviations; equal quantiles become steps."""


class PiecewiseLinearEncoding(nn.Module):
    """Records, the segments of their numbers, and their conditions, side by side.

    Segments lie between quantiles of the training rows.  Each runs from -1 to 1 while a number
    crosses it, and is constant on both sides (Gorishniy et al., "On embeddings for numerical
    features in tabular deep learning", 2022).

    Attributes:
        size: Entries of an encoded record without its conditions.
        edges: Quantiles of the numeric entries, ``(M, E, segments + 1)``.
    """

    edges: Tensor

    def __init__(self, members: int, continuous: Tensor) -> None:
        """Start without segments, which :meth:`fit` places.

        Args:
            members: Number of members, M.
            continuous: Which entries of a record are numeric, ``(R,)`` bool.
        """
        super().__init__()
        self.record = len(continuous)
        self.numeric = torch.nonzero(continuous).flatten().tolist()
        segments = max(1, min(MAX_SEGMENTS, MAX_ENCODED_VALUES // max(1, len(self.numeric))))
        self.size = self.record + len(self.numeric) * segments
        self.register_buffer("edges", torch.zeros(members, len(self.numeric), segments + 1))

    def fit(self, x: Tensor) -> None:
        """Put the edges of segments at quantiles of training rows, ``(M, n, *shape)``."""
        if not self.numeric:
            return
        numeric = x[..., self.numeric].double()
        levels = torch.linspace(0, 1, self.edges.shape[-1], dtype=torch.float64)
        quantiles = torch.quantile(numeric, levels.to(numeric), dim=1).permute(1, 2, 0)
        step = MIN_STEP * numeric.std(1).clamp(min=1e-6)[..., None]
        self.edges.copy_(quantiles + step * torch.arange(self.edges.shape[-1]).to(numeric))

    def forward(self, x: Tensor) -> Tensor:
        """Encode records, ``(M, n, *shape) -> (M, n, size + conditions)``."""
        low, high = self.edges[:, None, :, :-1], self.edges[:, None, :, 1:]
        inside = x[..., self.numeric, None] - low
        inside = inside.mul_(2 / (high - low).clamp(min=1e-7)).sub_(1).clamp_(-1, 1)
        return torch.cat([x[..., : self.record], inside.flatten(2), x[..., self.record :]], -1)
