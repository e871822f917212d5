"""Spectral normalisation of layers with a member axis (Miyato et al., 2018).

``torch.nn.utils.parametrizations.spectral_norm`` has no member axis, and scores with its
last estimate of the norm instead of the exact one.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from anomgan.nets.conv import MemberConv
from anomgan.nets.layers import MemberLinear, draw_weights

Network = TypeVar("Network", bound=nn.Module)


class Spectral(nn.Module):
    """Mixin that divides a layer's weights by their largest singular value, σ.

    In training mode each forward pass makes one step of power iteration from the last estimate;
    weights change slowly enough for that.  Leaving training mode computes σ exactly, once, so that
    scores depend on the weights alone.

    A convolution's weights are taken as the matrix from all pixels of a window to the outputs, as
    in the paper.

    Attributes:
        left: Left singular vectors of the last power iteration, ``(M, 1, rows)``.
        sigma: Exact σ since training mode was left, ``(M, 1, 1)``.
    """

    weight: nn.Parameter
    left: Tensor
    sigma: Tensor

    def init_power_iteration(self) -> None:
        """Draw the start of the power iteration."""
        members, rows = self.weight.shape[:2]
        left = draw_weights(1.0, members, 1, rows)
        self.register_buffer("left", left if left.is_meta else normalize(left, dim=-1))
        self.register_buffer("sigma", torch.ones(members, 1, 1))

    def normalized_weight(self) -> Tensor:
        """The weights divided by σ."""
        sigma = self._estimate() if self.training else self.sigma
        return self.weight / sigma.reshape(-1, *[1] * (self.weight.dim() - 1))

    def train(self, mode: bool = True) -> Spectral:
        """Enter or leave training mode; leaving it computes σ exactly."""
        if not mode:
            with torch.no_grad():
                exact = torch.linalg.matrix_norm(self.weight.flatten(2), 2)[:, None, None]
                self.sigma.copy_(exact.clamp(min=1e-12))
        super().train(mode)
        return self

    def _estimate(self) -> Tensor:
        """σ after one more step of power iteration, ``(M, 1, 1)``; differentiable."""
        matrix = self.weight.flatten(2)
        with torch.no_grad():
            right = normalize(self.left @ matrix, dim=-1)
            self.left = normalize(right @ matrix.mT, dim=-1)
        return (self.left @ matrix @ right.mT).clamp(min=1e-12)


class SpectralLinear(Spectral, MemberLinear):
    """M affine maps whose weights are divided by their largest singular value."""

    def __init__(self, members: int, inputs: int, outputs: int, gain: float = 1.0) -> None:
        """Draw the weights and the start of the power iteration."""
        super().__init__(members, inputs, outputs, gain)
        self.init_power_iteration()

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Map ``(M, n, inputs)`` to ``(M, n, outputs)`` with a Lipschitz constant of at most 1."""
        return super().forward(x, self.normalized_weight() if weight is None else weight)


class SpectralConv(Spectral, MemberConv):
    """M convolutions whose weights are divided by their largest singular value."""

    def __init__(self, like: MemberConv) -> None:
        """Draw weights for a convolution like the given one, and start the power iteration."""
        super().__init__(
            like.members,
            like.inputs,
            like.outputs,
            like.kernel,
            stride=like.stride,
            up=like.up,
            mixed=like.mixed,
        )
        self.init_power_iteration()

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Map ``(n, M·inputs, H, W)`` to ``(n, M·outputs, H', W')``."""
        return super().forward(x, self.normalized_weight() if weight is None else weight)


def spectral_norm(network: Network) -> Network:
    """Replace all linear layers and convolutions by normalised ones, in place."""
    for name, child in network.named_children():
        if isinstance(child, MemberLinear):
            setattr(network, name, SpectralLinear(*child.weight.shape))
        elif isinstance(child, MemberConv):
            setattr(network, name, SpectralConv(child))
        else:
            spectral_norm(child)
    return network
