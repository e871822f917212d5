"""Layers with a leading member axis: M networks of an ensemble as one batched product.

Data are ``(M, n, features)``: member m sees ``x[m]`` and never another member's.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class MemberLinear(nn.Module):
    """M affine maps side by side, ``(M, n, inputs) -> (M, n, outputs)``."""

    def __init__(self, members: int, inputs: int, outputs: int, gain: float = 1.0) -> None:
        """Draw normal weights of variance gain²/inputs; biases start at zero."""
        super().__init__()
        weight = torch.randn(members, inputs, outputs)
        if not weight.is_meta:  # where shapes are enough; sums on them import torch._dynamo
            weight *= gain / math.sqrt(inputs)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(M, n, inputs)`` to ``(M, n, outputs)``."""
        return torch.baddbmm(self.bias, x, self.weight)
