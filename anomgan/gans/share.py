"""Which members of an ensemble one of several processes trains."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Share:
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
    def of(cls, members: int, rank: int = 0, processes: int = 1) -> Share:
        """The share of one process; shares differ by one member at most."""
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
