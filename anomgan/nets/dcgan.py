"""Generators, encoders and translators of pictures by strided convolutions.

Radford et al., "Unsupervised representation learning with deep convolutional GANs", 2016, in any
size: the coarsest map has a side of about four pixels, and each doubling halves the channels.
Instead of over the batch, which would let records depend on one another, the generator normalises
each pixel over its channels (Karras et al., 2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets.conv import (
    LEAKY_GAIN,
    Attention,
    Down,
    MemberConv,
    Size,
    Up,
    concat_channels,
    halve_sizes,
    to_images,
    to_records,
)
from anomgan.nets.layers import MemberLinear
from anomgan.nets.mlp import LEAKY_SLOPE
from anomgan.nets.progressive_growing import (
    Growing,
    count_levels,
    downsample,
    match_channels,
    upsample,
)

MAX_ATTENTION_SIDE = 32
"""Longest side of a map that self-attention looks at; it compares all places with all others."""

MAX_CHANNEL_FACTOR = 8
"""Most that the channels grow by from the finest map to the coarsest."""

AddInputs = Callable[[Tensor], Tensor]


def image_grid(spec: Spec) -> tuple[int, int, int]:
    """Channels, height and width of a record that is a picture."""
    if spec.grid is None:
        raise ValueError("the record is no picture")
    return spec.grid


def channel_widths(config: Config, levels: int) -> list[int]:
    """Channels after each halving."""
    return [config.channels * min(MAX_CHANNEL_FACTOR, 2**level) for level in range(levels)]


class Trunk(Growing):
    """A picture's maps, each half the size of the one before: what critics and encoders share.

    While it grows the first halving is shown a smaller picture, and as many of the next ones as it
    takes to make that picture are left out.
    """

    __call__: Callable[..., list[Tensor]]

    def __init__(self, spec: Spec, config: Config, members: int, inputs: int) -> None:
        """Make the halvings.

        Args:
            spec: The layout of a record.
            config: Sizes of the network.
            members: Number of networks, M.
            inputs: Channels that they are given.
        """
        super().__init__()
        _, *side = image_grid(spec)
        self.members, self.levels = members, count_levels(config, (side[0], side[1]))
        self.sizes = halve_sizes(side[0], side[1])[1:]
        self.channels = channel_widths(config, len(self.sizes))
        mixed = config.mixed_precision == "auto"
        self.halvings = nn.ModuleList(
            Down(members, a, b, residual=config.residual == "on" and bool(level), mixed=mixed)
            for level, (a, b) in enumerate(pairwise([inputs, *self.channels]))
        )
        self.attention = build_attention(config, members, self.sizes, self.channels)
        self.told = (
            MemberLinear(members, spec.condition_size, self.channels[0])
            if (spec.condition_size)
            else None
        )

    @property
    def flat(self) -> int:
        """Numbers in the coarsest map."""
        return self.channels[-1] * math.prod(self.sizes[-1])

    def forward(self, x: Tensor, told: Tensor, shown: AddInputs | None = None) -> list[Tensor]:
        """Maps ``(n, M·C, h, w)``, finest first; the first has as many channels at every size.

        Args:
            x: Pictures, ``(n, M·C, H, W)``.
            told: Their conditions, ``(M, n, K)``; K may be 0.
            shown: What the first halving is given of pictures, ``(n, M·inputs, H, W)``; by default
                the pictures.
        """
        first, share = self.gap
        maps = []
        made = self._entered(x, told, shown, first)
        for level in range(first, len(self.halvings)):
            if level > first:
                made = self.halvings[level](made)
            elif level:
                maps.append(made)
                made = match_channels(made, self.members, self.channels[level])
            if share and level == first + 1:
                coarser = self._entered(x, told, shown, level)
                coarser = match_channels(coarser, self.members, self.channels[level])
                made = torch.lerp(made, coarser, share)
            if str(level) in self.attention:
                made = self.attention[str(level)](made)
            maps.append(made)
        return maps

    def _entered(self, x: Tensor, told: Tensor, shown: AddInputs | None, level: int) -> Tensor:
        """What the first halving makes of pictures that have the size of those before a level."""
        small = downsample(x, self.sizes[level - 1]) if level else x
        made: Tensor = self.halvings[0](small if shown is None else shown(small))
        if self.told is None:
            return made
        direction: Tensor = self.told(told).transpose(0, 1).flatten(1)
        return made + direction[..., None, None]


class ConvEncoder(nn.Module):
    """Records to vectors, ``(M, n, *shape) -> (M, n, outputs)``."""

    __call__: Callable[..., Tensor]

    def __init__(self, spec: Spec, config: Config, members: int, outputs: int) -> None:
        """Make a trunk and a linear head."""
        super().__init__()
        self.grid, self.record = image_grid(spec), spec.record_size
        self.trunk = Trunk(spec, config, members, self.grid[0])
        self.head = MemberLinear(members, self.trunk.flat, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Encode, ``(M, n, outputs)``."""
        maps = self.trunk(to_images(x[..., : self.record], self.grid), x[..., self.record :])
        made: Tensor = self.head(to_records(maps[-1], len(x)))
        return made


class ConvGenerator(Growing):
    """Latent vectors to records, ``(M, n, code) -> (M, n, record)``, before rendering.

    While it grows the last doublings are left out.
    """

    __call__: Callable[..., Tensor]

    def __init__(self, spec: Spec, config: Config, members: int) -> None:
        """Make a linear stem and as many doublings as lead to the picture's size."""
        super().__init__()
        channels, *side = image_grid(spec)
        self.sizes, self.levels = (
            halve_sizes(side[0], side[1]),
            count_levels(config, (side[0], side[1])),
        )
        self.widths = [max(8, config.channels // 2), *channel_widths(config, len(self.sizes) - 1)]
        mixed, self.members = config.mixed_precision == "auto", members
        self.latent, self.loudness = config.latent, math.sqrt(config.latent)
        coarsest = self.widths[-1] * math.prod(self.sizes[-1])
        self.stem = MemberLinear(members, config.latent + spec.condition_size, coarsest, LEAKY_GAIN)
        self.doublings = nn.ModuleList(
            Up(members, a, b, residual=config.residual == "on", mixed=mixed)
            for b, a in reversed(list(pairwise(self.widths)))
        )
        self.attention = build_attention(config, members, self.sizes, self.widths)
        self.head = MemberConv(members, self.widths[0], channels, gain=1.0, mixed=mixed)

    def forward(self, z: Tensor) -> Tensor:
        """Generate."""
        z = torch.cat([z[..., : self.latent], self.loudness * z[..., self.latent :]], -1)
        x = leaky_relu(self.stem(z), LEAKY_SLOPE).transpose(0, 1)
        x = x.reshape(len(x), -1, *self.sizes[-1])
        last, share = self.gap
        coarser = x
        for level, double in zip(reversed(range(len(self.sizes) - 1)), self.doublings, strict=True):
            if level < last:
                break
            coarser, x = x, double(x, self.sizes[level])
            if str(level) in self.attention:
                x = self.attention[str(level)](x)
        made = self._shown(x)
        if share:
            made = torch.lerp(made, upsample(self._shown(coarser), self.sizes[last]), share)
        return to_records(upsample(made, self.sizes[0]), self.members)

    def _shown(self, x: Tensor) -> Tensor:
        """Maps as pictures, ``(n, M·C, h, w)``."""
        made: Tensor = self.head(match_channels(x, self.members, self.widths[0]))
        return made


class UNet(nn.Module):
    """Records to records of the same kind, past a bottleneck and through it.

    Ronneberger et al., "U-Net", 2015: each map on the way up is given the one of its size on the
    way down, so that what needs no change passes.
    """

    __call__: Callable[..., Tensor]

    def __init__(self, spec: Spec, config: Config, members: int) -> None:
        """Make a trunk down and doublings up."""
        super().__init__()
        self.grid, self.record, self.members = image_grid(spec), spec.record_size, members
        self.trunk = Trunk(spec, config, members, self.grid[0])
        self.sizes = [(self.grid[1], self.grid[2]), *self.trunk.sizes]
        down, mixed = self.trunk.channels, config.mixed_precision == "auto"
        up = [max(8, config.channels // 2), *down[:-1]]
        given = [*(2 * width for width in down[:-1]), down[-1]]
        self.doublings = nn.ModuleList(
            Up(members, a, b, residual=config.residual == "on", mixed=mixed)
            for a, b in reversed(list(zip(given, up, strict=True)))
        )
        self.head = MemberConv(members, up[0] + self.grid[0], self.grid[0], gain=1.0, mixed=mixed)

    def forward(self, x: Tensor) -> Tensor:
        """Translate."""
        seen = to_images(x[..., : self.record], self.grid)
        maps = [seen, *self.trunk(seen, x[..., self.record :])]
        made = maps.pop()
        for size, double in zip(reversed(self.sizes[:-1]), self.doublings, strict=True):
            made = concat_channels(self.members, double(made, size), maps.pop())
        return to_records(self.head(made), self.members)


def build_attention(
    config: Config, members: int, at: list[Size], channels: list[int]
) -> nn.ModuleDict:
    """Self-attention at the finest level that isn't too large for it, if it is asked for."""
    fit = [
        level
        for level, size in enumerate(at)
        if max(size) <= MAX_ATTENTION_SIDE and level < len(at) - 1
    ]
    chosen = fit[:1] if config.attention == "on" else []
    mixed = config.mixed_precision == "auto"
    return nn.ModuleDict(
        {str(level): Attention(members, channels[level], mixed=mixed) for level in chosen}
    )
