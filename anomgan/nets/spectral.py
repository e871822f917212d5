"""Spectral normalisation of layers with a member axis (Miyato et al., 2018)."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from anomgan.nets.layers import MemberLinear

Network = TypeVar("Network", bound=nn.Module)


class SpectralLinear(MemberLinear):
    """M affine maps whose weights are divided by their largest singular value, σ.

    While training, each forward pass makes one step of power iteration from where the last one
    ended; weights move slowly enough for it to keep up.  Leaving training mode computes σ exactly,
    once: from then on the layer is an ordinary affine map that depends on nothing but its weights.
    """

    left: Tensor
    sigma: Tensor

    def __init__(self, members: int, inputs: int, outputs: int, gain: float = 1.0) -> None:
        """Draw weights as :class:`MemberLinear` does, and the start of the power iteration."""
        super().__init__(members, inputs, outputs, gain)
        self.register_buffer("left", normalize(torch.randn(members, 1, inputs), dim=-1))
        self.register_buffer("sigma", torch.ones(members, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(M, n, inputs)`` to ``(M, n, outputs)``, no further apart than they were."""
        sigma = self._estimate() if self.training else self.sigma
        return torch.baddbmm(self.bias, x, self.weight / sigma)

    def train(self, mode: bool = True) -> SpectralLinear:
        """Enter or leave training mode; leaving it settles σ."""
        if not mode:
            with torch.no_grad():
                exact = torch.linalg.matrix_norm(self.weight, 2)[:, None, None]
                self.sigma.copy_(exact.clamp(min=1e-12))
        super().train(mode)
        return self

    def _estimate(self) -> Tensor:
        """σ after one more step of power iteration, ``(M, 1, 1)``; its gradient is the weights'."""
        with torch.no_grad():
            right = normalize(self.left @ self.weight, dim=-1)
            self.left = normalize(right @ self.weight.mT, dim=-1)
        return (self.left @ self.weight @ right.mT).clamp(min=1e-12)


def spectral_norm(network: Network) -> Network:
    """Exchange every affine layer of a network for a spectrally normalised one, in place."""
    for name, child in network.named_children():
        if isinstance(child, MemberLinear):
            setattr(network, name, SpectralLinear(*child.weight.shape))
        else:
            spectral_norm(child)
    return network
