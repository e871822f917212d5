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
"""Scale of weights that keeps the variance through a leaky ReLU (He et al., 2015)."""

MIN_HALVED_SIDE = 4
"""Images are halved until their shorter side is no longer than this."""

Size = tuple[int, int]


def halve_sizes(height: int, width: int) -> list[Size]:
    """Sizes of an image's maps, each half of the one before, rounded up; at least two.

    >>> halve_sizes(28, 28)
    [(28, 28), (14, 14), (7, 7), (4, 4)]
    """
    sizes = [(height, width)]
    while min(sizes[-1]) > MIN_HALVED_SIDE or len(sizes) == 1:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


def to_images(x: Tensor, grid: tuple[int, int, int]) -> Tensor:
    """Reshape records to images, ``(M, n, C·H·W) -> (n, M·C, H, W)``."""
    return x.reshape(*x.shape[:2], *grid).transpose(0, 1).flatten(1, 2)


def to_records(x: Tensor, members: int) -> Tensor:
    """Reshape images to records, ``(n, M·C, H, W) -> (M, n, C·H·W)``."""
    return x.reshape(x.shape[0], members, -1).transpose(0, 1)


def concat_channels(members: int, *parts: Tensor) -> Tensor:
    """Concatenate maps ``(n, M·Cᵢ, H, W)`` along each member's channels."""
    split = [x.reshape(x.shape[0], members, -1, *x.shape[2:]) for x in parts]
    return torch.cat(split, 2).flatten(1, 2)


class MemberConv(nn.Module):
    """M convolutions, ``(n, M·inputs, H, W) -> (n, M·outputs, H', W')``.

    With ``mixed``, training on a CUDA device computes them in bfloat16; scoring never does.
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
            inputs: Input channels of each.
            outputs: Output channels of each.
            kernel: Side of the kernel.
            stride: Factor by which the size falls, rounded up.
            up: Whether the convolution is transposed, so that the size grows by ``stride``.
            gain: Scale of the weights.
            mixed: Whether bfloat16 may be used.
        """
        super().__init__()
        self.members, self.inputs, self.outputs = members, inputs, outputs
        self.kernel, self.stride, self.up, self.mixed = kernel, stride, up, mixed
        window = kernel / stride if up else kernel  # side of the inputs that an output depends on
        scale = gain / math.sqrt(inputs * window**2)
        channels = (inputs, outputs) if up else (outputs, inputs)
        self.weight = nn.Parameter(draw_weights(scale, members, *channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(members, outputs))

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Map ``(n, M·inputs, H, W)`` to ``(n, M·outputs, H', W')``, by other weights if given."""
        weight = self.weight if weight is None else weight
        bias: Tensor = self.bias
        dtype = x.dtype
        if self.mixed and self.training and x.is_cuda:
            x, weight, bias = x.bfloat16(), weight.bfloat16(), bias.bfloat16()
        padding = (self.kernel - self.stride) // 2
        odd = [0 if self.up else side % self.stride for side in x.shape[2:]]
        x = pad(x, (0, odd[1], 0, odd[0])) if any(odd) else x
        conv = conv_transpose2d if self.up else conv2d
        if x.is_cuda:
            weight, bias = weight.flatten(0, 1), bias.flatten()
            return conv(x, weight, bias, self.stride, padding, groups=self.members).to(dtype)
        # On a CPU a convolution for each member takes less time than a grouped one.
        parts = zip(x.chunk(self.members, 1), weight, bias, strict=True)
        return torch.cat([conv(part, w, b, self.stride, padding) for part, w, b in parts], 1)


def pixel_norm(x: Tensor, members: int) -> Tensor:
    """Scale each pixel's channels to mean square 1 (Karras et al., 2018)."""
    split = x.reshape(x.shape[0], members, -1, *x.shape[2:])
    return (split * (split.square().mean(2, keepdim=True) + 1e-8).rsqrt()).flatten(1, 2)


class Attention(nn.Module):
    """Self-attention over all positions of a map (Zhang et al., "SAGAN", 2019).

    It starts as the identity; the weight of what is added is learnt.
    """

    def __init__(self, members: int, channels: int, *, mixed: bool = False) -> None:
        """Project to queries and keys of an eighth of the channels, values of half of them."""
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
        """Add the attention's output to the map, ``(n, M·C, H, W)``."""
        q, k, v = (
            part(x).reshape(x.shape[0] * self.members, -1, x.shape[2] * x.shape[3])
            for part in (self.queries, self.keys, self.values)
        )
        attention = torch.softmax(q.mT @ k / math.sqrt(q.shape[1]), -1)
        values = self.out((v @ attention.mT).reshape(x.shape[0], -1, *x.shape[2:]))
        weight = self.weight.repeat_interleave(self.out.outputs, 0)[..., None]
        out: Tensor = x + weight * values
        return out


class Down(nn.Module):
    """Halve a map by a strided convolution; if ``residual``, a residual block (He et al., 2016)."""

    def __init__(
        self, members: int, inputs: int, outputs: int, *, residual: bool, mixed: bool
    ) -> None:
        """Build one convolution or, if residual, two and a shortcut."""
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
        out = leaky_relu(self.main(leaky_relu(self.first(x), LEAKY_SLOPE)), LEAKY_SLOPE)
        shortcut: Tensor = self.past(avg_pool2d(x, 2, ceil_mode=True))
        return (out + shortcut) / math.sqrt(2)


class Up(nn.Module):
    """Double a map by a transposed convolution, cropped to size; residual if asked."""

    def __init__(
        self, members: int, inputs: int, outputs: int, *, residual: bool, mixed: bool
    ) -> None:
        """Build one convolution or, if residual, two and a shortcut."""
        super().__init__()
        self.members = members
        self.main = MemberConv(members, inputs, outputs, 4, stride=2, up=True, mixed=mixed)
        self.second = MemberConv(members, outputs, outputs, mixed=mixed) if residual else None
        self.past = (
            MemberConv(members, inputs, outputs, 1, gain=1.0, mixed=mixed) if residual else None
        )

    def forward(self, x: Tensor, size: Size) -> Tensor:
        """``(n, M·inputs, h, w) -> (n, M·outputs, *size)``, sizes at most double."""
        out = leaky_relu(self.main(x)[..., : size[0], : size[1]], LEAKY_SLOPE)
        if self.second is not None and self.past is not None:
            out = leaky_relu(self.second(out), LEAKY_SLOPE)
            shortcut = self.past(x).repeat_interleave(2, 2).repeat_interleave(2, 3)
            out = (out + shortcut[..., : size[0], : size[1]]) / math.sqrt(2)
        return pixel_norm(out, self.members)
