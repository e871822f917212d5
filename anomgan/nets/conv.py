"""Convolutions with a leading member axis: M networks of an ensemble as one grouped convolution.

Inside a network images are ``(n, M·C, H, W)``, each member's channels together; :func:`to_images`
converts records ``(M, n, C·H·W)``, :func:`to_records` converts back.  No layer mixes records of a
batch, so that a record's output never depends on its neighbours.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, leaky_relu, pad

from anomgan.nets.layers import draw_weights
from anomgan.nets.mlp import LEAKY_SLOPE

LEAKY_GAIN = math.sqrt(2 / (1 + LEAKY_SLOPE**2))
"""Keeps the variance through a leaky rectifier (He et al., 2015)."""

MIN_HALVED_SIDE = 4
"""Halving a picture ends where its shorter side is this long."""

Size = tuple[int, int]


def halve_sizes(height: int, width: int) -> list[Size]:
    """Sizes from a picture's own down to the coarsest, each half of the one before, rounded up.

    There are two at least.

    >>> halve_sizes(28, 28)
    [(28, 28), (14, 14), (7, 7), (4, 4)]
    """
    found = [(height, width)]
    while min(found[-1]) > MIN_HALVED_SIDE or len(found) == 1:
        found.append((-(-found[-1][0] // 2), -(-found[-1][1] // 2)))
    return found


def to_images(x: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Records as pictures, ``(M, n, C·H·W) -> (n, M·C, H, W)``."""
    return x.reshape(*x.shape[:2], *grid).transpose(0, 1).flatten(1, 2)


def to_records(x: Tensor, members: int) -> Tensor:
    """Pictures as records, ``(n, M·C, H, W) -> (M, n, C·H·W)``."""
    return x.reshape(len(x), members, -1).transpose(0, 1)


def concat_channels(members: int, *parts: Tensor) -> Tensor:
    """Put channels side by side, each member's with its own: ``(n, M·Cᵢ, H, W)`` joined."""
    split = [x.reshape(len(x), members, -1, *x.shape[2:]) for x in parts]
    return torch.cat(split, 2).flatten(1, 2)


class MemberConv(nn.Module):
    """M convolutions side by side, ``(n, M·inputs, H, W) -> (n, M·outputs, H', W')``.

    On a CUDA device training uses bfloat16 here, and here alone, if ``mixed`` says so; scoring
    never does.
    """

    def __init__(
        self,
        members: int,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        up: bool = False,
        gain: float = LEAKY_GAIN,
        mixed: bool = False,
    ) -> None:
        """Draw normal weights of variance gain²/fan-in; biases start at zero.

        Args:
            members: Number of convolutions, M.
            inputs: Channels of each.
            outputs: Likewise.
            kernel: Width of the window.
            stride: Pixels from one window to the next; the size falls by as much, rounded up.
            up: Whether it is transposed, so that the size grows by ``stride``.
            gain: Scale of the weights.
            mixed: Whether bfloat16 may be used.
        """
        super().__init__()
        self.members, self.inputs, self.outputs = members, inputs, outputs
        self.kernel, self.stride, self.up, self.mixed = kernel, stride, up, mixed
        reach = kernel / stride if up else kernel
        scale = gain / math.sqrt(inputs * reach**2)
        ends = (inputs, outputs) if up else (outputs, inputs)
        self.weight = nn.Parameter(draw_weights(scale, members, *ends, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(members, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(n, M·inputs, H, W)`` to ``(n, M·outputs, H', W')``."""
        return self.convolve(x, self.weight)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """The same with other weights of the same shape."""
        bias: Tensor = self.bias
        dtype = x.dtype
        if self.mixed and self.training and x.is_cuda:
            x, weight, bias = x.bfloat16(), weight.bfloat16(), bias.bfloat16()
        margin = (self.kernel - self.stride) // 2
        short = [0 if self.up else side % self.stride for side in x.shape[2:]]
        x = pad(x, (0, short[1], 0, short[0])) if any(short) else x
        one = conv_transpose2d if self.up else conv2d
        if x.is_cuda:
            made = one(
                x,
                weight.flatten(0, 1),
                bias.flatten(),
                self.stride,
                margin,
                groups=self.members,
            )
            return made.to(dtype)
        # On a CPU a convolution for each member takes less time than a grouped one.
        parts = zip(x.chunk(self.members, 1), weight, bias, strict=True)
        return torch.cat([one(own, w, b, self.stride, margin) for own, w, b in parts], 1)


def pixel_norm(x: Tensor, members: int) -> Tensor:
    """Bring each pixel's channels to mean square 1 (Karras et al., 2018); knows no batch."""
    split = x.reshape(len(x), members, -1, *x.shape[2:])
    return (split * (split.square().mean(2, keepdim=True) + 1e-8).rsqrt()).flatten(1, 2)


class Attention(nn.Module):
    """Self-attention over all places of a picture (Zhang et al., "SAGAN", 2019).

    It starts as the identity and learns how much of what other places hold to add.
    """

    def __init__(self, members: int, channels: int, *, mixed: bool = False) -> None:
        """Make queries and keys of an eighth of the channels, values of half of them."""
        super().__init__()
        few, half = max(1, channels // 8), max(1, channels // 2)
        self.members = members
        self.queries, self.keys = (
            MemberConv(members, channels, few, 1, gain=1.0, mixed=mixed) for _ in range(2)
        )
        self.values = MemberConv(members, channels, half, 1, gain=1.0, mixed=mixed)
        self.out = MemberConv(members, half, channels, 1, gain=1.0, mixed=mixed)
        self.weight = nn.Parameter(torch.zeros(members, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Add what is attended to, ``(n, M·C, H, W)`` to the same."""
        q, k, v = (
            part(x).reshape(len(x) * self.members, -1, x.shape[2] * x.shape[3])
            for part in (self.queries, self.keys, self.values)
        )
        share = torch.softmax(q.mT @ k / math.sqrt(q.shape[1]), -1)
        seen = self.out((v @ share.mT).reshape(len(x), -1, *x.shape[2:]))
        strength = self.weight.repeat_interleave(self.out.outputs, 0)[..., None]
        attended: Tensor = x + strength * seen
        return attended


class Down(nn.Module):
    """Halve a picture by a strided convolution; with a way past it if ``residual`` (He, 2016)."""

    def __init__(
        self, members: int, inputs: int, outputs: int, *, residual: bool, mixed: bool
    ) -> None:
        """Make one convolution or, if residual, two and the way past them."""
        super().__init__()
        self.first = MemberConv(members, inputs, inputs, mixed=mixed) if residual else None
        self.main = MemberConv(members, inputs, outputs, 4, stride=2, mixed=mixed)
        self.past = (
            MemberConv(members, inputs, outputs, 1, gain=1.0, mixed=mixed) if residual else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(n, M·inputs, H, W) -> (n, M·outputs, ⌈H/2⌉, ⌈W/2⌉)``."""
        if self.first is None or self.past is None:
            return leaky_relu(self.main(x), LEAKY_SLOPE)
        made = leaky_relu(self.main(leaky_relu(self.first(x), LEAKY_SLOPE)), LEAKY_SLOPE)
        past: Tensor = self.past(avg_pool2d(x, 2, ceil_mode=True))
        return (made + past) / math.sqrt(2)


class Up(nn.Module):
    """Double a picture by a transposed convolution, cut to size; with a way past it if asked."""

    def __init__(
        self, members: int, inputs: int, outputs: int, *, residual: bool, mixed: bool
    ) -> None:
        """Make one convolution or, if residual, two and the way past them."""
        super().__init__()
        self.members = members
        self.main = MemberConv(members, inputs, outputs, 4, stride=2, up=True, mixed=mixed)
        self.second = MemberConv(members, outputs, outputs, mixed=mixed) if residual else None
        self.past = (
            MemberConv(members, inputs, outputs, 1, gain=1.0, mixed=mixed) if residual else None
        )

    def forward(self, x: Tensor, size: Size) -> Tensor:
        """``(n, M·inputs, h, w) -> (n, M·outputs, *size)``, sizes at most double."""
        made = leaky_relu(self.main(x)[..., : size[0], : size[1]], LEAKY_SLOPE)
        if self.second is not None and self.past is not None:
            made = leaky_relu(self.second(made), LEAKY_SLOPE)
            wide = self.past(x).repeat_interleave(2, 2).repeat_interleave(2, 3)
            made = (made + wide[..., : size[0], : size[1]]) / math.sqrt(2)
        return pixel_norm(made, self.members)
