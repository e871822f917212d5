"""1-D convolutions over the windows of series, with a leading member axis.

A convolution is an affine map of all the segments of a window that its kernel sees, so M of them
are one batched matrix product, as dense layers are.  Strides of four, in place of DCGAN's two, are
those of Donahue et al., "Adversarial audio synthesis", 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pad

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets.conv import LEAKY_GAIN
from anomgan.nets.layers import MemberLinear
from anomgan.nets.mlp import LEAKY_SLOPE, MLP

STRIDE = 4
"""Factor by which a layer changes the length."""

MAX_COARSEST_LENGTH = 8
"""Lengths are reduced until they are no longer than this."""

MAX_CHANNEL_FACTOR = 2
"""Upper bound on the ratio of feature maps in the coarsest layer to those in the finest."""


def window_shape(spec: Spec) -> tuple[int, int]:
    """Channels and points of the windows.

    Raises:
        ValueError: If the records are no windows.
    """
    if spec.window is None:
        raise ValueError("the records are no windows")
    return spec.window


def reduce_length(length: int) -> list[int]:
    """Lengths of a window's maps, each a quarter of the one before, rounded up; at least two.

    >>> reduce_length(125)
    [125, 32, 8]
    """
    lengths = [length]
    while lengths[-1] > MAX_COARSEST_LENGTH or len(lengths) == 1:
        lengths.append(-(-lengths[-1] // STRIDE))
    return lengths


def map_counts(config: Config, layers: int) -> list[int]:
    """Feature maps after each layer."""
    return [config.channels * min(MAX_CHANNEL_FACTOR, 2**layer) for layer in range(layers)]


class Shorten(nn.Module):
    """M strided convolutions, ``(M, n, inputs, L) -> (M, n, outputs, ⌈L/4⌉)``."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        """Build kernels of twice the stride."""
        super().__init__()
        self.affine = MemberLinear(members, 2 * STRIDE * inputs, outputs, LEAKY_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, and apply a leaky ReLU."""
        margin = STRIDE // 2
        x = pad(x, (margin, margin + -x.shape[-1] % STRIDE))
        return leaky_relu(_map_segments(self.affine, x, 2 * STRIDE, STRIDE), LEAKY_SLOPE)


class Lengthen(nn.Module):
    """M transposed convolutions, ``(M, n, inputs, l) -> (M, n, outputs, 4·l)``."""

    def __init__(self, members: int, inputs: int, outputs: int, gain: float = LEAKY_GAIN) -> None:
        """Build kernels that see three points of the input."""
        super().__init__()
        self.affine = MemberLinear(members, 3 * inputs, STRIDE * outputs, gain)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve; no ReLU."""
        y = _map_segments(self.affine, pad(x, (1, 1)), 3, 1)
        out: Tensor = y.unflatten(2, (-1, STRIDE)).mT.flatten(3)
        return out


def _map_segments(affine: MemberLinear, x: Tensor, width: int, stride: int) -> Tensor:
    """Map each segment of that width, ``(M, n, C, L) -> (M, n, outputs, segments)``."""
    count = (x.shape[-1] - width) // stride + 1
    last = stride * (count - 1) + 1
    segments = torch.cat([x[..., at : at + last : stride] for at in range(width)], 2)
    flat = affine(segments.mT.flatten(1, 2))
    out: Tensor = flat.unflatten(1, (x.shape[1], count)).mT
    return out


class WindowTrunk(nn.Module):
    """Feature maps of windows, and the record's other entries as they are.

    As :class:`.table_discriminator.TableDiscriminator` does, it takes log(1 + x²) beside each entry
    x.

    Attributes:
        outputs: Number of values that it makes of a record.
    """

    __call__: Callable[..., Tensor]

    def __init__(self, spec: Spec, config: Config, members: int) -> None:
        """Build a layer for each reduction of the length."""
        super().__init__()
        self.window = window_shape(spec)
        lengths = reduce_length(self.window[1])
        counts = map_counts(config, len(lengths) - 1)
        self.layers = nn.ModuleList(
            Shorten(members, a, b) for a, b in pairwise([2 * self.window[0], *counts])
        )
        self.entries = self.window[0] * self.window[1]
        self.outputs = counts[-1] * lengths[-1] + 2 * (spec.record_size - self.entries)

    def forward(self, record: Tensor) -> Tensor:
        """Map records without conditions, ``(M, n, record) -> (M, n, outputs)``."""
        parts = [record, torch.log1p(record * record)]
        x = torch.cat([part[..., : self.entries].unflatten(-1, self.window) for part in parts], 2)
        for layer in self.layers:
            x = layer(x)
        return torch.cat([x.flatten(2), *(part[..., self.entries :] for part in parts)], -1)


class WindowEncoder(nn.Module):
    """Windows to vectors, ``(M, n, *shape) -> (M, n, outputs)``."""

    __call__: Callable[..., Tensor]

    def __init__(self, spec: Spec, config: Config, members: int, outputs: int) -> None:
        """Build a trunk, and a perceptron of what it makes of a window and of the conditions."""
        super().__init__()
        self.record, conditions = spec.record_size, spec.condition_size
        self.trunk = WindowTrunk(spec, config, members)
        inputs, sizes = self.trunk.outputs + conditions, {"hidden": config.hidden, "layers": 1}
        self.net = MLP(members, inputs, outputs, **sizes, conditions=conditions)

    def forward(self, x: Tensor) -> Tensor:
        """Encode records, ``(M, n, outputs)``."""
        maps = self.trunk(x[..., : self.record])
        return self.net(torch.cat([maps, x[..., self.record :]], -1))


class WindowGenerator(nn.Module):
    """Vectors to windows, ``(M, n, code) -> (M, n, record)``, before rendering."""

    __call__: Callable[..., Tensor]

    def __init__(self, spec: Spec, config: Config, members: int, code: int) -> None:
        """Build a perceptron that makes the coarsest maps, and a layer for each lengthening.

        Args:
            spec: The layout of a record.
            config: Sizes of the network.
            members: Number of generators, M.
            code: Length of the vectors, without their conditions.
        """
        super().__init__()
        channels, length = window_shape(spec)
        self.lengths = reduce_length(length)
        counts = [channels, *map_counts(config, len(self.lengths) - 1)]
        self.coarsest, conditions = (counts[-1], self.lengths[-1]), spec.condition_size
        self.rest = spec.record_size - channels * length
        sizes = {"hidden": config.hidden, "layers": 1, "conditions": conditions}
        outputs = self.coarsest[0] * self.coarsest[1] + self.rest
        self.net = MLP(members, code + conditions, outputs, **sizes)
        self.layers = nn.ModuleList(
            Lengthen(members, a, b, LEAKY_GAIN if level else 1.0)
            for level, (b, a) in reversed(list(enumerate(pairwise(counts))))
        )

    def forward(self, z: Tensor) -> Tensor:
        """Generate records, ``(M, n, record)``."""
        out = self.net(z)
        at = out.shape[-1] - self.rest
        x = out[..., :at].unflatten(-1, self.coarsest)
        for layer, length in zip(self.layers, reversed(self.lengths[:-1]), strict=True):
            x = layer(leaky_relu(x, LEAKY_SLOPE))[..., :length]
        return torch.cat([x.flatten(2), out[..., at:]], -1)


class WindowTranslator(nn.Module):
    """Windows to windows, ``(M, n, *shape) -> (M, n, record)``, before rendering."""

    __call__: Callable[..., Tensor]

    def __init__(self, spec: Spec, config: Config, members: int) -> None:
        """Build an encoder, and a generator that takes its output in place of a latent vector."""
        super().__init__()
        self.record = spec.record_size
        self.encoder = WindowEncoder(spec, config, members, config.hidden)
        self.generator = WindowGenerator(spec, config, members, config.hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Translate records, ``(M, n, record)``."""
        return self.generator(torch.cat([self.encoder(x), x[..., self.record :]], -1))
