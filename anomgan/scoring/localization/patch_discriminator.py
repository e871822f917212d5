"""A critic that says of each place of a picture whether it belongs there.

It learns from normal pictures into which foreign matter was mixed, at places that are known: parts
of other pictures, of generated ones, of the picture itself but from elsewhere, and even grounds.
Per-pixel critics and CutMix are those of Schönfeld et al. ("A U-Net based discriminator for
generative adversarial networks", 2020); that spoilt normal pictures teach to find defects was shown
by Zavrtanik et al. ("DRAEM", 2021) and Schlüter et al. ("Natural synthetic anomalies", 2022).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, interpolate

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets import builders
from anomgan.nets.adam import Adam

STEPS, MOST_STEPS = 5, 500
"""Steps for each of the GAN's, and at most: beyond, they take longer than the GAN's own."""

BATCH, ROOM, FEWEST = 32, 2**15, 8
"""Pictures in a step: at most, as many as have so many places, and at least; critics share them."""

LEARNING_RATE = 2e-3
"""At its height; it rises quickly and falls evenly."""

WIDER = 2
"""Channels of the finest map for each that the GAN's networks have there."""

SEEN = 0.1
"""Change of a pixel, as a share of the range of all, from which on it is foreign."""

RARE = 4.0
"""Weight of foreign places, of which there are few."""

PARTS = (1.0, 0.7, 0.5)
"""Chances of a first, a second and a third foreign part."""

SMALL, LARGE = 0.03, 0.2
"""Half axes of the parts, as shares of the picture's shorter side."""

SOFT = 0.3
"""Share of the pictures in which foreign parts have soft edges."""

Grid = tuple[int, int, int]

See = Callable[[Tensor], Tensor]
"""What a critic is shown of pictures, ``(n, C, H, W) -> (n, d, h, w)``."""


def critic(shown: Grid, members: int, channels: int) -> nn.Module:
    """Critics ``(M, n, d·h·w)`` to the same; the mean over d are log odds, larger for foreign.

    Args:
        shown: d, h and w.
        members: How many, M.
        channels: Those of the GAN's finest map.
    """
    spec = Spec.of([("shown", "pixel", math.prod(shown), "shown")], shown)
    return builders.build_translator(spec, replace(Config(), channels=WIDER * channels), members)


def opinions(network: nn.Module, shown: Tensor) -> Tensor:
    """Log odds that places are foreign, ``(M, n, d, h, w) -> (M, n, h, w)``."""
    made: Tensor = network(shown.flatten(2))
    return made.reshape(shown.shape).mean(2)


def trained(own: list[Tensor], made: list[Tensor], see: Sequence[See], config: Config) -> nn.Module:
    """Train critics, the same each time.

    Args:
        own: For each the normal pictures that it may see, ``(n, C, H, W)`` of float32.
        made: For each generated pictures, likewise.
        see: For each what it is shown of them.
        config: How the GAN was trained.
    """
    draws = torch.Generator().manual_seed(0)
    device, shown = own[0].device, see[0](own[0][:1]).shape[1:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = critic((shown[0], shown[1], shown[2]), len(own), config.channels).to(device)
    steps = min(MOST_STEPS, STEPS * config.steps)
    batch = max(FEWEST, min(BATCH, ROOM // math.prod(own[0].shape[2:])) // len(own))
    weights = list(network.parameters())
    optimiser = Adam(weights, betas=(0.9, 0.99))
    rare = torch.tensor(RARE, device=device)
    for step in range(steps):
        rate = LEARNING_RATE * min(1, (step + 1) / 20) * (1 - step / steps)
        with torch.no_grad():
            drawn = [mixed(*pictures, batch, draws) for pictures in zip(own, made, strict=True)]
            x = torch.stack([sight(mix) for sight, (mix, _) in zip(see, drawn, strict=True)])
            foreign = torch.stack([where for _, where in drawn])
            foreign = interpolate(foreign.float(), x.shape[3:], mode="area")
        loss = binary_cross_entropy_with_logits(opinions(network, x), foreign, pos_weight=rare)
        optimiser.step(torch.autograd.grad(loss, weights), rate)
    return network.requires_grad_(False)


def mixed(own: Tensor, made: Tensor, count: int, draws: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures with foreign parts, and where these can be seen.

    Args:
        own: Normal pictures, ``(n, C, H, W)``.
        made: Generated ones, likewise.
        count: How many to draw.
        draws: Source of randomness, on the CPU.

    Returns:
        ``(count, C, H, W)`` and ``(count, H, W)``.
    """

    def some(pictures: Tensor) -> Tensor:
        return pictures[torch.randint(len(pictures), (count,), generator=draws).to(own.device)]

    x, (low, high) = some(own), own.aminmax()
    ground = low + (high - low) * torch.rand(count, 1, 1, 1, generator=draws).to(own)
    fills = [moved(some(own), draws), some(made), moved(x, draws), ground.expand_as(x)]
    kind = torch.randint(len(fills), (count,), generator=draws).to(own.device)
    fill = torch.stack(fills)[kind, torch.arange(count, device=own.device)]
    share = shapes(count, x.shape[2], x.shape[3], draws)[:, None].float()
    soft = torch.rand(count, 1, 1, 1, generator=draws) < SOFT
    share = torch.where(soft, avg_pool2d(share, 3, 1, 1), share).to(own)
    mix = torch.lerp(x, fill, share)
    return mix, (mix - x).abs().amax(1) >= SEEN * (high - low)


def moved(pictures: Tensor, draws: torch.Generator) -> Tensor:
    """Each picture shifted by up to a quarter of its sides, round the edge."""
    reach = torch.tensor(pictures.shape[2:]) // 4
    by = ((2 * torch.rand(len(pictures), 2, generator=draws) - 1) * reach).round().int().tolist()
    return torch.stack([own.roll(at, (1, 2)) for own, at in zip(pictures, by, strict=True)])


def shapes(count: int, height: int, width: int, draws: torch.Generator) -> Tensor:
    """Masks of parts: ragged ellipses from specks to strokes, ``(count, height, width)``."""
    side, found = min(height, width), torch.zeros(count, height, width, dtype=torch.bool)
    row, column = torch.arange(height)[:, None] + 0.5, torch.arange(width) + 0.5

    def uniform(*shape: int) -> Tensor:
        return torch.rand(count, *shape, 1, 1, generator=draws)

    for chance in PARTS:
        down, across = row - height * uniform(), column - width * uniform()
        turn = math.pi * uniform()
        axes = side * (SMALL + (LARGE - SMALL) * uniform(2) ** 1.5)
        along = (down * turn.cos() + across * turn.sin()) / axes[:, 0]
        beside = (across * turn.cos() - down * turn.sin()) / axes[:, 1]
        rough = torch.randn(count, 1, height // 4 + 2, width // 4 + 2, generator=draws)
        ragged = interpolate(rough, (height, width), mode="bilinear")[:, 0]
        part = along.square() + beside.square() + 0.6 * ragged < 1
        found |= part & (uniform() < chance)
    return found


def rebuilt(weights: Mapping[str, Tensor], shown: Grid, members: int, channels: int) -> nn.Module:
    """Critics from their weights; other arguments as of :func:`critic`.

    Raises:
        ValueError: If the weights are those of others.
    """
    with torch.device("meta"):  # shapes without memory
        network = critic(shown, members, channels)
    try:
        network.load_state_dict(dict(weights), assign=True)
    except RuntimeError as error:
        raise ValueError(f"a critic of other pictures: {error}") from None
    return network.requires_grad_(False)
