"""Convolutional generators, encoders and U-Nets for images of any size.

Radford et al., "Unsupervised representation learning with deep convolutional GANs", 2016: the
coarsest map has a side of about four pixels, and each doubling halves the channels.  In place of
batch normalisation, which makes records depend on one another, generators normalise each pixel over
its channels (Karras et al., 2018).
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
"""Longest side of a map for self-attention, whose cost is quadratic in the positions."""

MAX_CHANNEL_FACTOR = 8
"""Upper bound on the ratio of channels in the coarsest map to those in the finest."""

Transform = Callable[[Tensor], Tensor]


def image_grid(spec: Spec) -> tuple[int, int, int]:
    """Channels, height and width of the images.

    Raises:
        ValueError: If the records are no images.
    """
    if spec.grid is None:
        raise ValueError("the records are no images")
    return spec.grid


def channel_widths(config: Config, levels: int) -> list[int]:
    """Channels after each halving."""
    return [config.channels * min(MAX_CHANNEL_FACTOR, 2**level) for level in range(levels)]


class Trunk(Growing):
    """Feature maps of images, each half the size of the one before, for encoder or discriminator.

    While it grows the first halving takes a smaller image, and the halvings that lead to its size
    are skipped.
    """

    __call__: Callable[..., list[Tensor]]

    def __init__(self, spec: Spec, config: Config, members: int, inputs: int) -> None:
        """Build the halvings.

        Args:
            spec: The layout of a record.
            config: Sizes of the network.
            members: Number of networks, M.
            inputs: Channels of the first halving's input.
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
        # The layer of conditions; weight files hold its name.
        self.told = (
            MemberLinear(members, spec.condition_size, self.channels[0])
            if spec.condition_size
            else None
        )

    @property
    def flat(self) -> int:
        """Number of values in the coarsest map."""
        return self.channels[-1] * math.prod(self.sizes[-1])

    def forward(
        self, x: Tensor, conditions: Tensor, transform: Transform | None = None
    ) -> list[Tensor]:
        """Compute the maps, ``(n, M·C, h, w)``, finest first.

        Args:
            x: Images, ``(n, M·C, H, W)``.
            conditions: Their conditions, ``(M, n, K)``; K may be 0.
            transform: Maps images to the first halving's input, ``(n, M·inputs, H, W)``; by
                default the identity.
        """
        first, weight = self.gap
        maps = []
        y = self._halve_first(x, conditions, transform, first)
        for level in range(first, len(self.halvings)):
            if level > first:
                y = self.halvings[level](y)
            elif level:
                maps.append(y)  # features need the first halving's map at every size
                y = match_channels(y, self.members, self.channels[level])
            if weight and level == first + 1:  # fade the level in that is skipped no longer
                coarser = self._halve_first(x, conditions, transform, level)
                coarser = match_channels(coarser, self.members, self.channels[level])
                y = torch.lerp(y, coarser, weight)
            if str(level) in self.attention:
                y = self.attention[str(level)](y)
            maps.append(y)
        return maps

    def _halve_first(
        self, x: Tensor, conditions: Tensor, transform: Transform | None, level: int
    ) -> Tensor:
        """Apply the first halving to images averaged to the size of a level's input."""
        small = downsample(x, self.sizes[level - 1]) if level else x
        y: Tensor = self.halvings[0](small if transform is None else transform(small))
        if self.told is None:
            return y
        bias: Tensor = self.told(conditions).transpose(0, 1).flatten(1)
        return y + bias[..., None, None]


class ConvEncoder(nn.Module):
    """Records to vectors, ``(M, n, *shape) -> (M, n, outputs)``."""

    __call__: Callable[..., Tensor]

    def __init__(self, spec: Spec, config: Config, members: int, outputs: int) -> None:
        """Build a trunk and a linear head."""
        super().__init__()
        self.grid, self.record = image_grid(spec), spec.record_size
        self.trunk = Trunk(spec, config, members, self.grid[0])
        self.head = MemberLinear(members, self.trunk.flat, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Encode records, ``(M, n, outputs)``."""
        maps = self.trunk(to_images(x[..., : self.record], self.grid), x[..., self.record :])
        out: Tensor = self.head(to_records(maps[-1], len(x)))
        return out


class ConvGenerator(Growing):
    """Latent vectors to records, ``(M, n, code) -> (M, n, record)``, before rendering.

    While it grows the last doublings are skipped.
    """

    __call__: Callable[..., Tensor]

    def __init__(self, spec: Spec, config: Config, members: int) -> None:
        """Build a linear stem and the doublings that lead to the size of the images."""
        super().__init__()
        channels, *side = image_grid(spec)
        self.sizes = halve_sizes(side[0], side[1])
        self.levels = count_levels(config, (side[0], side[1]))
        self.widths = [max(8, config.channels // 2), *channel_widths(config, len(self.sizes) - 1)]
        mixed, self.members = config.mixed_precision == "auto", members
        # Conditions are scaled up to contribute as much as the latent vector.
        self.latent, self.condition_scale = config.latent, math.sqrt(config.latent)
        coarsest = self.widths[-1] * math.prod(self.sizes[-1])
        self.stem = MemberLinear(members, config.latent + spec.condition_size, coarsest, LEAKY_GAIN)
        self.doublings = nn.ModuleList(
            Up(members, a, b, residual=config.residual == "on", mixed=mixed)
            for b, a in reversed(list(pairwise(self.widths)))
        )
        self.attention = build_attention(config, members, self.sizes, self.widths)
        self.head = MemberConv(members, self.widths[0], channels, gain=1.0, mixed=mixed)

    def forward(self, z: Tensor) -> Tensor:
        """Generate records, ``(M, n, record)``."""
        z = torch.cat([z[..., : self.latent], self.condition_scale * z[..., self.latent :]], -1)
        x = leaky_relu(self.stem(z), LEAKY_SLOPE).transpose(0, 1)
        x = x.reshape(x.shape[0], -1, *self.sizes[-1])
        last, weight = self.gap
        coarser = x
        for level, double in zip(reversed(range(len(self.sizes) - 1)), self.doublings, strict=True):
            if level < last:
                break
            coarser, x = x, double(x, self.sizes[level])
            if str(level) in self.attention:
                x = self.attention[str(level)](x)
        images = self._to_channels(x)
        if weight:
            images = torch.lerp(
                images, upsample(self._to_channels(coarser), self.sizes[last]), weight
            )
        return to_records(upsample(images, self.sizes[0]), self.members)

    def _to_channels(self, x: Tensor) -> Tensor:
        """Convert maps to images of the same size, ``(n, M·C, h, w)``."""
        images: Tensor = self.head(match_channels(x, self.members, self.widths[0]))
        return images


class UNet(nn.Module):
    """U-Net (Ronneberger et al., 2015), ``(M, n, *shape) -> (M, n, record)``, before rendering.

    Each map on the way up is concatenated with the one of its size on the way down, so that what
    needs no change passes.
    """

    __call__: Callable[..., Tensor]

    def __init__(self, spec: Spec, config: Config, members: int) -> None:
        """Build a trunk and the doublings back to the size of the images."""
        super().__init__()
        self.grid, self.record, self.members = image_grid(spec), spec.record_size, members
        self.trunk = Trunk(spec, config, members, self.grid[0])
        self.sizes = [(self.grid[1], self.grid[2]), *self.trunk.sizes]
        down, mixed = self.trunk.channels, config.mixed_precision == "auto"
        outputs = [max(8, config.channels // 2), *down[:-1]]
        inputs = [*(2 * width for width in down[:-1]), down[-1]]
        self.doublings = nn.ModuleList(
            Up(members, a, b, residual=config.residual == "on", mixed=mixed)
            for a, b in reversed(list(zip(inputs, outputs, strict=True)))
        )
        channels = self.grid[0]
        self.head = MemberConv(members, outputs[0] + channels, channels, gain=1.0, mixed=mixed)

    def forward(self, x: Tensor) -> Tensor:
        """Translate records, ``(M, n, record)``."""
        images = to_images(x[..., : self.record], self.grid)
        maps = [images, *self.trunk(images, x[..., self.record :])]
        y = maps.pop()
        for size, double in zip(reversed(self.sizes[:-1]), self.doublings, strict=True):
            y = concat_channels(self.members, double(y, size), maps.pop())
        return to_records(self.head(y), self.members)


def build_attention(
    config: Config, members: int, sizes: list[Size], channels: list[int]
) -> nn.ModuleDict:
    """Self-attention at the finest level that is small enough for it, if the setting is on."""
    levels = [i for i, size in enumerate(sizes[:-1]) if max(size) <= MAX_ATTENTION_SIDE]
    chosen = levels[:1] if config.attention == "on" else []
    mixed = config.mixed_precision == "auto"
    return nn.ModuleDict(
        {str(level): Attention(members, channels[level], mixed=mixed) for level in chosen}
    )
