"""Multilayer perceptrons for tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from anomgan.nets.layers import MemberLinear

LEAKY_SLOPE = 0.2
"""Slope of the leaky rectifier below zero, DCGAN's (Radford et al., 2016)."""


class MLP(nn.Module):
    """M perceptrons with leaky rectifiers, ``(M, n, inputs) -> (M, n, outputs)``.

    The last ``conditions`` inputs are a one-hot condition.  It is enlarged until it moves the first
    layer as much as all other inputs together; as one entry among many it would go unheard.
    """

    __call__: Callable[..., Tensor]  # torch leaves it untyped

    def __init__(
        self,
        members: int,
        inputs: int,
        outputs: int,
        *,
        hidden: int,
        layers: int,
        conditions: int = 0,
    ) -> None:
        """Make ``layers`` hidden layers of ``hidden`` units (He et al., 2015) and a linear head."""
        super().__init__()
        self.plain, self.loudness = inputs - conditions, math.sqrt(max(1, inputs - conditions))
        widths = [inputs] + [hidden] * layers
        gain = math.sqrt(2 / (1 + LEAKY_SLOPE**2))
        self.layers = nn.ModuleList(MemberLinear(members, a, b, gain) for a, b in pairwise(widths))
        self.head = MemberLinear(members, hidden, outputs)

    def features(self, x: Tensor) -> Tensor:
        """Activations of the last hidden layer, ``(M, n, hidden)``."""
        if x.shape[-1] > self.plain:
            x = torch.cat([x[..., : self.plain], self.loudness * x[..., self.plain :]], -1)
        for layer in self.layers:
            x = leaky_relu(layer(x), LEAKY_SLOPE)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Output of the linear head, ``(M, n, outputs)``."""
        out: Tensor = self.head(self.features(x))
        return out
