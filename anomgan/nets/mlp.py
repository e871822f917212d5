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
"""Negative slope of the leaky ReLU, as in DCGAN (Radford et al., 2016)."""


class HiddenLayers(nn.Module):
    """M perceptrons without head: hidden layers with leaky ReLUs.

    The last ``conditions`` inputs are a one-hot condition.  It is scaled up so that it contributes
    to the first layer as much as all other inputs together.
    """

    __call__: Callable[..., Tensor]  # torch leaves it untyped

    def __init__(
        self, members: int, inputs: int, *, hidden: int, layers: int, conditions: int = 0
    ) -> None:
        """Build ``layers`` hidden layers of ``hidden`` units."""
        super().__init__()
        self.plain = inputs - conditions
        self.condition_scale = math.sqrt(max(1, self.plain))
        widths = [inputs] + [hidden] * layers
        gain = math.sqrt(2 / (1 + LEAKY_SLOPE**2))
        self.layers = nn.ModuleList(MemberLinear(members, a, b, gain) for a, b in pairwise(widths))

    def features(self, x: Tensor) -> Tensor:
        """Activations of the last hidden layer, ``(M, n, hidden)``."""
        return self.activations(x)[-1]

    def activations(self, x: Tensor) -> list[Tensor]:
        """Activations of each hidden layer, ``(M, n, hidden)``."""
        if x.shape[-1] > self.plain:
            x = torch.cat([x[..., : self.plain], self.condition_scale * x[..., self.plain :]], -1)
        activations = []
        for layer in self.layers:
            x = leaky_relu(layer(x), LEAKY_SLOPE)
            activations.append(x)
        return activations


class MLP(HiddenLayers):
    """M perceptrons with leaky ReLUs, ``(M, n, inputs) -> (M, n, outputs)``."""

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
        """Build ``layers`` hidden layers of ``hidden`` units and a linear head."""
        super().__init__(members, inputs, hidden=hidden, layers=layers, conditions=conditions)
        self.head = MemberLinear(members, hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Apply all layers, ``(M, n, outputs)``."""
        out: Tensor = self.head(self.features(x))
        return out
