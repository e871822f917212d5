"""What is recorded while an ensemble trains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from anomgan.training.health import MEASURES, Health


@dataclass(frozen=True)
class Progress:
    """The position of a training; ``losses`` are means over members at this step."""

    step: int
    steps: int
    losses: dict[str, float]


Callback = Callable[[Progress], None]
"""Called after every training step."""


@dataclass
class TrainingHistory:
    """How an ensemble was trained: losses, health, restarts.

    Attributes:
        curve: Losses, means over the members.
        health: Measured at intervals, against rows that the members learnt from.
        held_out: Measured at the end, against rows that they never saw; decides nothing.
        restarted: Members that were trained anew, each as often as it was.
    """

    curve: list[Progress] = field(default_factory=list)
    health: list[Health] = field(default_factory=list)
    held_out: Health | None = None
    restarted: list[int] = field(default_factory=list)

    def check(self, members: int) -> None:
        """Validate a history read from a file against the number of members.

        Raises:
            ValueError: If not.
        """
        measured = [*self.health, *([] if self.held_out is None else [self.held_out])]
        for values in (part for health in measured for part in (health.measures, health.baseline)):
            if set(values) != set(MEASURES) or any(len(v) != members for v in values.values()):
                raise ValueError("its health measures are those of other members")
        if not all(0 <= member < members for member in self.restarted):
            raise ValueError("`restarted` lists members that do not exist")
