"""Plain data between trainer and GAN: batches, optimiser steps, phases."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

MIN_STEPS = 15
"""Steps in which networks are updated however few the training rows, if a phase has as many."""


@dataclass(frozen=True)
class MemberSlice:
    """Consecutive members out of all that are trained together.

    Random numbers are drawn for all members and then cut down, so that each member gets the same
    numbers whatever the number of processes.

    Attributes:
        start: The first member.
        stop: One past the last.
        total: Number of members in all processes.
    """

    start: int
    stop: int
    total: int

    @classmethod
    def of(cls, members: int, rank: int = 0, processes: int = 1) -> MemberSlice:
        """The members of one process; processes differ by one member at most."""
        return cls(rank * members // processes, (rank + 1) * members // processes, members)

    @property
    def is_all(self) -> bool:
        """Whether the slice holds all members."""
        return self.stop - self.start == self.total

    @property
    def indices(self) -> range:
        """Indices of the members."""
        return range(self.start, self.stop)

    def take(self, x: Tensor) -> Tensor:
        """Return these members' part of a tensor of all, ``(total, …)``."""
        return x[self.start : self.stop]


@dataclass(frozen=True)
class Batch:
    """What a loss is computed from in one optimiser step.

    Attributes:
        real: Scaled training records, ``(M, B, *shape)``.
        latent: Latent vectors, ``(M, B, code)``: draws from the prior N(0, 1), followed by the
            records' conditions if there are any.
        generator: Source of further randomness; lives on the CPU, so that one seed draws the same
            numbers on every device.
        other: Scaled records of the second domain, ``(M, B, *shape)``, if one was given.
        progress: Fraction of the phase that is done, in [0, 1).
        steps: Steps of the phase.
        members: Which members these are, if other processes train more.
    """

    real: Tensor
    latent: Tensor
    generator: torch.Generator
    other: Tensor | None = None
    progress: float = 0.0
    steps: int = 1
    members: MemberSlice | None = None

    def uniform(self, *shape: int) -> Tensor:
        """Draw from U(0, 1), ``(M, …)``."""
        return self._draw(torch.rand, shape)

    def normal(self, *shape: int) -> Tensor:
        """Draw from N(0, 1), ``(M, …)``."""
        return self._draw(torch.randn, shape)

    def _draw(self, draw: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        if self.members is None or self.members.is_all:
            return move_to_device(draw(shape, generator=self.generator), self.real.device)
        x = draw((self.members.total, *shape[1:]), generator=self.generator)
        return move_to_device(self.members.take(x), self.real.device)


def move_to_device(x: Tensor, device: torch.device) -> Tensor:
    """Copy a CPU tensor to a device; to a GPU asynchronously, from pinned memory."""
    if device.type != "cuda":
        return x.to(device)
    return x.pin_memory().to(device, non_blocking=True)


@dataclass(frozen=True)
class OptimizerStep:
    """One descent step: the named networks are updated, all others stay frozen.

    Attributes:
        name: Name of the loss in logs.
        networks: Attribute names of the networks that are updated.
        loss: Batch to losses per member, ``(M,)``.
        repeats: Times the step is taken in one training step, each time on a fresh batch.
        rate: Factor of the learning rate.
        share: Part of the phase's steps in which the networks are updated: the first ones.
        max_passes: Most times that the training rows are gone through; ends the updates earlier.
    """

    name: str
    networks: tuple[str, ...]
    loss: Callable[[Batch], Tensor]
    repeats: int = 1
    rate: float = 1.0
    share: float = 1.0
    max_passes: float = math.inf

    def limit_steps(self, steps: int, steps_per_pass: float, passes: float) -> int:
        """How many of a phase's steps the update is taken in.

        Args:
            steps: Steps of the phase.
            steps_per_pass: Batches in a member's training rows.
            passes: Most times that these are gone through, whatever the update.
        """
        most = min(self.max_passes, passes) * steps_per_pass / self.repeats
        return min(steps, max(MIN_STEPS, round(min(self.share * steps, most))))


@dataclass(frozen=True)
class Phase:
    """Updates taken in turn for a share of the training steps; phases follow one another."""

    updates: tuple[OptimizerStep, ...]
    share: float = 1.0
