"""What the trainer hands to a GAN, and what a GAN hands to the trainer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class MemberSlice:
    """Neighbouring members out of all that are trained together.

    Randomness is drawn for all members and then cut down, so that each member meets the same
    numbers however many processes there are.

    Attributes:
        start: The first.
        stop: Where the next process's begin.
        members: How many there are in all.
    """

    start: int
    stop: int
    members: int

    @classmethod
    def of(cls, members: int, rank: int = 0, processes: int = 1) -> MemberSlice:
        """The members of one process; processes differ by one member at most."""
        return cls(rank * members // processes, (rank + 1) * members // processes, members)

    @property
    def whole(self) -> bool:
        """Whether these are all."""
        return self.stop - self.start == self.members

    @property
    def numbers(self) -> range:
        """Which these are, counted in all."""
        return range(self.start, self.stop)

    def __call__(self, drawn: Tensor) -> Tensor:
        """These members' part of what was drawn for all, ``(members, …)``."""
        return drawn[self.start : self.stop]


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
    share: MemberSlice | None = None

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
class OptimizerStep:
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
class Phase:
    """Updates made in turn for a share of the step budget; phases follow one another."""

    updates: tuple[OptimizerStep, ...]
    share: float = 1.0
