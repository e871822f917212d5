"""A discriminator of patches: classifies each place of a picture as normal or foreign.

It is trained on normal pictures into which foreign parts were mixed at known places: parts of other
pictures, of generated ones, of the picture itself but from elsewhere, and even grounds.
Discriminators of single pixels and CutMix are those of Schönfeld et al. ("A U-Net based
discriminator for generative adversarial networks", 2020); that synthetic defects teach to find real
ones was shown by Zavrtanik et al. ("DRAEM", 2021) and Schlüter et al. ("Natural synthetic
anomalies", 2022).

It has a small training loop of its own.  `anomgan.training` trains GANs: phases of adversarial
steps, moving averages, health checks, restarts, checkpoints.  A supervised network on labels made
on the fly needs none of these, and scoring doesn't import training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, interpolate

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets import builders
from anomgan.nets.adam import Adam

STEPS_PER_GAN_STEP, MAX_STEPS = 5, 500
"""Training steps for each of the GAN's, and at most: more take longer than the GAN's own."""

MAX_BATCH, MAX_BATCH_PIXELS, MIN_BATCH = 32, 2**15, 8
"""Pictures in a step: at most, at most of so many pixels together, and at least; the discriminators
of all folds share them."""

LEARNING_RATE, WARM_UP_STEPS = 2e-3, 20
"""Highest learning rate, and the steps until it is reached; then it falls linearly to 0."""

CHANNEL_FACTOR = 2
"""Channels of the finest map for each that the GAN's networks have there."""

MIN_VISIBLE_CHANGE = 0.1
"""Change of a pixel, as a share of the range of all, from which on it counts as foreign."""

FOREIGN_WEIGHT = 4.0
"""Weight of foreign places, of which there are few."""

PART_PROBABILITIES = (1.0, 0.7, 0.5)
"""Probabilities of a first, a second and a third foreign part."""

MIN_HALF_AXIS, MAX_HALF_AXIS = 0.03, 0.2
"""Half axes of the parts, as shares of the picture's shorter side."""

SHADING = 0.6
"""Largest change of a part that is the picture itself, as a share of the range of all."""

SOFT_EDGE_SHARE = 0.3
"""Share of the pictures in which foreign parts have soft edges."""


@dataclass(frozen=True)
class PartStyle:
    """What foreign parts are like.

    Attributes:
        smallest: Least half axis, as a share of the picture's shorter side.
        skew: Power of the uniform number that half axes grow with; a larger one makes them smaller.
        visible: Change of a pixel, as a share of the range of all, from which on it is foreign.
        shaded: Whether some parts are the picture itself, darker or lighter.
    """

    smallest: float = MIN_HALF_AXIS
    skew: float = 1.5
    visible: float = MIN_VISIBLE_CHANGE
    shaded: bool = False


USUAL_PARTS = PartStyle()
FINE_PARTS = PartStyle(smallest=0.004, skew=3.0, visible=0.06, shaded=True)
"""Parts for the discriminator of this module, and down to specks and cracks for large pictures."""

Grid = tuple[int, int, int]

Features = Callable[[Tensor], Tensor]
"""Computes a discriminator's input from pictures, ``(n, C, H, W) -> (n, d, h, w)``."""


def build_discriminators(shape: Grid, members: int, channels: int) -> nn.Module:
    """Untrained networks, ``(M, n, d·h·w)`` to the same; the mean over d are log odds.

    Args:
        shape: d, h and w of the input.
        members: Number of networks, M.
        channels: Those of the GAN's finest map.
    """
    spec = Spec.of([("shown", "pixel", math.prod(shape), "shown")], shape)
    return builders.build_translator(
        spec, replace(Config(), channels=CHANNEL_FACTOR * channels), members
    )


def load_discriminators(
    weights: Mapping[str, Tensor], shape: Grid, members: int, channels: int
) -> nn.Module:
    """Networks with these weights; other arguments as of :func:`build_discriminators`.

    Raises:
        ValueError: If the weights don't fit.
    """
    with torch.device("meta"):  # shapes without memory
        network = build_discriminators(shape, members, channels)
    try:
        network.load_state_dict(dict(weights), assign=True)
    except RuntimeError as error:
        raise ValueError(f"a patch discriminator of other pictures: {error}") from None
    return network.requires_grad_(False)


def predict_log_odds(network: nn.Module, features: Tensor) -> Tensor:
    """Log odds that places are foreign, ``(M, n, d, h, w) -> (M, n, h, w)``; larger is odder."""
    output: Tensor = network(features.flatten(2))
    return output.reshape(features.shape).mean(2)


def train_discriminators(
    pictures: list[Tensor], generated: list[Tensor], features: Sequence[Features], config: Config
) -> nn.Module:
    """Train one discriminator for each fold, from a fixed seed.

    Args:
        pictures: For each fold the normal pictures it may learn from, ``(n, C, H, W)`` float32.
        generated: For each fold generated pictures, likewise.
        features: For each fold what computes its discriminator's input.
        config: The settings that the GAN was trained with.
    """
    generator = torch.Generator().manual_seed(0)
    device, shape = pictures[0].device, features[0](pictures[0][:1]).shape[1:]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        members = len(pictures)
        network = build_discriminators((shape[0], shape[1], shape[2]), members, config.channels)
        network = network.to(device)
    steps = min(MAX_STEPS, STEPS_PER_GAN_STEP * config.steps)
    most = min(MAX_BATCH, MAX_BATCH_PIXELS // math.prod(pictures[0].shape[2:]))
    batch = max(MIN_BATCH, most // len(pictures))
    weights = list(network.parameters())
    optimizer = Adam(weights, betas=(0.9, 0.99))
    foreign_weight = torch.tensor(FOREIGN_WEIGHT, device=device)
    for step in range(steps):
        rate = LEARNING_RATE * min(1, (step + 1) / WARM_UP_STEPS) * (1 - step / steps)
        with torch.no_grad():
            batches = [
                mix_foreign_parts(*fold, batch, generator)
                for fold in zip(pictures, generated, strict=True)
            ]
            x = torch.stack(
                [compute(mix) for compute, (mix, _) in zip(features, batches, strict=True)]
            )
            labels = torch.stack([foreign for _, foreign in batches])
            labels = interpolate(labels.float(), x.shape[3:], mode="area")
        log_odds = predict_log_odds(network, x)
        loss = binary_cross_entropy_with_logits(log_odds, labels, pos_weight=foreign_weight)
        optimizer.step(torch.autograd.grad(loss, weights), rate)
    return network.requires_grad_(False)


def mix_foreign_parts(
    pictures: Tensor, generated: Tensor, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw pictures and mix foreign parts into them.

    Args:
        pictures: Normal pictures, ``(n, C, H, W)``.
        generated: Generated ones, likewise.
        count: How many to draw.
        generator: Source of randomness, on the CPU.

    Returns:
        The mixed pictures, ``(count, C, H, W)``; and where a part is visible, ``(count, H, W)``.
    """

    def sample(source: Tensor) -> Tensor:
        places = torch.randint(len(source), (count,), generator=generator)
        return source[places.to(pictures.device)]

    return mix_into(sample(pictures), pictures, generated, generator)


def mix_into(
    x: Tensor,
    pictures: Tensor,
    generated: Tensor,
    generator: torch.Generator,
    style: PartStyle = USUAL_PARTS,
) -> tuple[Tensor, Tensor]:
    """Mix foreign parts into pictures.

    Args:
        x: The pictures, ``(count, C, H, W)``.
        pictures: Normal pictures, ``(n, C, H, W)``.
        generated: Generated ones, likewise.
        generator: Source of randomness, on the CPU.
        style: What the parts are like.

    Returns:
        As :func:`mix_foreign_parts`.
    """
    count, (low, high) = len(x), pictures.aminmax()

    def sample(source: Tensor) -> Tensor:
        places = torch.randint(len(source), (count,), generator=generator)
        return source[places.to(pictures.device)]

    ground = low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator).to(pictures)
    fills = [
        shift_pictures(sample(pictures), generator),
        sample(generated),
        shift_pictures(x, generator),
        ground.expand_as(x),
    ]
    if style.shaded:
        depth = 2 * torch.rand(count, 1, 1, 1, generator=generator) - 1
        fills.append(x + SHADING * (high - low) * depth.to(pictures))
    kind = torch.randint(len(fills), (count,), generator=generator).to(pictures.device)
    fill = torch.stack(fills)[kind, torch.arange(count, device=pictures.device)]
    mask = draw_masks(count, x.shape[2], x.shape[3], generator, style)[:, None].float()
    soft = torch.rand(count, 1, 1, 1, generator=generator) < SOFT_EDGE_SHARE
    mask = torch.where(soft, avg_pool2d(mask, 3, 1, 1), mask).to(pictures)
    mix = torch.lerp(x, fill, mask)
    return mix, (mix - x).abs().amax(1) >= style.visible * (high - low)


def shift_pictures(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Shift each picture by up to a quarter of its sides, wrapping round the edge."""
    reach = torch.tensor(pictures.shape[2:]) // 4
    uniform = torch.rand(len(pictures), 2, generator=generator)
    shifts = ((2 * uniform - 1) * reach).round().int().tolist()
    return torch.stack([x.roll(shift, (1, 2)) for x, shift in zip(pictures, shifts, strict=True)])


def draw_masks(
    count: int,
    height: int,
    width: int,
    generator: torch.Generator,
    style: PartStyle = USUAL_PARTS,
) -> Tensor:
    """Masks of foreign parts: ragged ellipses from specks to strokes, ``(count, H, W)`` bool."""
    side, mask = min(height, width), torch.zeros(count, height, width, dtype=torch.bool)
    row, column = torch.arange(height)[:, None] + 0.5, torch.arange(width) + 0.5

    def uniform(*shape: int) -> Tensor:
        return torch.rand(count, *shape, 1, 1, generator=generator)

    for probability in PART_PROBABILITIES:
        down, across = row - height * uniform(), column - width * uniform()
        turn = math.pi * uniform()
        reach = MAX_HALF_AXIS - style.smallest
        axes = side * (style.smallest + reach * uniform(2) ** style.skew)
        along = (down * turn.cos() + across * turn.sin()) / axes[:, 0]
        beside = (across * turn.cos() - down * turn.sin()) / axes[:, 1]
        rough = torch.randn(count, 1, height // 4 + 2, width // 4 + 2, generator=generator)
        ragged = interpolate(rough, (height, width), mode="bilinear")[:, 0]
        part = along.square() + beside.square() + 0.6 * ragged < 1
        mask |= part & (uniform() < probability)
    return mask
