"""Record of a training: losses, health, retrained members."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from anomgan.training.health import MEASURES, Health


@dataclass(frozen=True)
class Progress:
    """A step of a training, the total of steps, and its losses as means over members."""

    step: int
    steps: int
    losses: dict[str, float]


Callback = Callable[[Progress], None]
"""Called after every training step."""

GradientNorms = dict[str, list[float]]
"""Norm of the last gradient of each optimiser step, by its name, one value per member."""

HealthCallback = Callable[[int, GradientNorms], None]
"""Called with the training step and the norms of the last gradients."""


@dataclass(frozen=True)
class TrainerState:
    """Where a training stands, apart from the networks and the random generators.

    Attributes:
        phase: Index of the phase.
        steps: Steps of this phase that are done.
        curve: The losses so far.
        tensors: Optimiser moments and averaged weights of the phase, by name.
    """

    phase: int
    steps: int
    curve: list[Progress]
    tensors: dict[str, Tensor]


@dataclass
class TrainingHistory:
    """How an ensemble was trained: losses, health, restarts.

    Attributes:
        curve: Losses, means over the members.
        health: Measured at intervals, against rows that the members were trained on.
        held_out: Measured at the end, against held-out rows; no decision depends on it.
        restarted: Members that were retrained, once for each time.
    """

    curve: list[Progress] = field(default_factory=list)
    health: list[Health] = field(default_factory=list)
    held_out: Health | None = None
    restarted: list[int] = field(default_factory=list)

    def check(self, members: int) -> None:
        """Validate a history read from a file against the number of members.

        Raises:
            ValueError: If measures or members don't fit.
        """
        checks = [*self.health, *([] if self.held_out is None else [self.held_out])]
        for values in (part for health in checks for part in (health.measures, health.baseline)):
            if set(values) != set(MEASURES) or any(len(v) != members for v in values.values()):
                raise ValueError("its health measures are those of other members")
        if not all(0 <= member < members for member in self.restarted):
            raise ValueError("`restarted` lists members that do not exist")
