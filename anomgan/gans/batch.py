"""What the trainer hands to a GAN, and what a GAN hands to the trainer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from anomgan.gans.share import Share


@dataclass(frozen=True)
class Batch:
    """What a loss sees at one move.

    Attributes:
        real: Scaled training records, ``(M, B, *shape)``.
        latent: Fresh latent vectors, ``(M, B, code)``: draws from the prior N(0, 1), and after them
            the records' conditions where there are some.
        generator: Source of any further randomness; lives on the CPU, so that one seed draws the
            same numbers on every device.
        other: Scaled records of the second domain, ``(M, B, *shape)``, if one was given.
        progress: Which share of the stage is over, in [0, 1).
        share: Which members these are, if there are others that draw the same numbers elsewhere.
    """

    real: Tensor
    latent: Tensor
    generator: torch.Generator
    other: Tensor | None = None
    progress: float = 0.0
    share: Share | None = None

    def uniform(self, *shape: int) -> Tensor:
        """Draws from U(0, 1), ``(M, …)``."""
        return self._drawn(torch.rand, shape)

    def normal(self, *shape: int) -> Tensor:
        """Draws from N(0, 1), ``(M, …)``."""
        return self._drawn(torch.randn, shape)

    def _drawn(self, draw: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        if self.share is None or self.share.whole:
            return moved(draw(shape, generator=self.generator), self.real.device)
        drawn = draw((self.share.members, *shape[1:]), generator=self.generator)
        return moved(self.share(drawn), self.real.device)


def moved(drawn: Tensor, device: torch.device) -> Tensor:
    """Bring what was drawn on the CPU to a device; a GPU fetches it while the CPU goes on."""
    if device.type != "cuda":
        return drawn.to(device)
    return drawn.pin_memory().to(device, non_blocking=True)


@dataclass(frozen=True)
class Move:
    """One descent step: these networks move, every other one stays frozen.

    Attributes:
        name: What the loss is called in logs.
        networks: Attribute names of the networks that move.
        loss: Batch to losses per member, ``(M,)``.
        repeats: How often the move is made in one training step, each time on a fresh batch.
        rate: Factor of the learning rate.
    """

    name: str
    networks: tuple[str, ...]
    loss: Callable[[Batch], Tensor]
    repeats: int = 1
    rate: float = 1.0


@dataclass(frozen=True)
class Stage:
    """Moves that are made in turn for a share of the step budget; stages follow one another."""

    moves: tuple[Move, ...]
    share: float = 1.0
