"""Linear layers with a leading member axis: M networks as one batched matrix product.

Data are ``(M, n, features)``: member m processes ``x[m]`` only.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

MIN_MATMUL_SIDE = 16
"""Side to which :func:`row_stable_matmul` pads smaller matrices with zeros."""


class MemberLinear(nn.Module):
    """M affine maps, ``(M, n, inputs) -> (M, n, outputs)``."""

    def __init__(self, members: int, inputs: int, outputs: int, gain: float = 1.0) -> None:
        """Draw normal weights of variance gain²/inputs; biases start at zero."""
        super().__init__()
        self.weight = nn.Parameter(draw_weights(gain / math.sqrt(inputs), members, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Map ``(M, n, inputs)`` to ``(M, n, outputs)``, by other weights if given."""
        weight = self.weight if weight is None else weight
        if self.training or min(weight.shape[-2:]) >= MIN_MATMUL_SIDE:
            return torch.baddbmm(self.bias, x, weight)
        return self.bias + row_stable_matmul(x, weight)


def draw_weights(scale: float, *shape: int) -> Tensor:
    """Draw normal weights of that standard deviation."""
    weight = torch.empty(shape)
    # Loading a model needs shapes alone; on meta tensors other operations import half a compiler.
    return weight if weight.is_meta else weight.normal_() * scale


def row_stable_matmul(x: Tensor, weight: Tensor) -> Tensor:
    """``(M, n, k) @ (M, k, p)``; a row's rounding doesn't depend on its position.

    For short sides torch uses kernels that round odd and even rows differently, in the gradients,
    too; padding with zeros avoids them.
    """
    inputs, outputs = weight.shape[-2:]
    right, below = max(0, MIN_MATMUL_SIDE - outputs), max(0, MIN_MATMUL_SIDE - inputs)
    if not right and not below:
        return x @ weight
    return (pad(x, (0, below)) @ pad(weight, (0, right, 0, below)))[..., :outputs]
