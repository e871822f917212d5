"""Watching members while they train, and exchanging those that failed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from anomgan.errors import DataWarning
from anomgan.gans import GAN
from anomgan.health import MEASURES, ROWS, Health, measure
from anomgan.train import Progress, Sampler, Slopes

GROWN = 100
"""Steps before which little variety means that training has only begun."""


@dataclass
class Training:
    """What is known of how an ensemble was trained.

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
        """See that what was read from a file could be of so many members.

        Raises:
            ValueError: If not.
        """
        measured = [*self.health, *([] if self.held_out is None else [self.held_out])]
        for values in (part for health in measured for part in (health.measures, health.baseline)):
            if set(values) != set(MEASURES) or any(len(v) != members for v in values.values()):
                raise ValueError("its health is that of other members")
        if not all(0 <= member < members for member in self.restarted):
            raise ValueError("it speaks of members that it doesn't have")


class Watch:
    """Measures the members' health with randomness of its own, so that watching changes nothing.

    Real records are a sample of the rows that each member may learn from.  Rows that calibrate stay
    out of it: a decision to train anew must not depend on them.
    """

    def __init__(self, sampler: Sampler) -> None:
        """Watch the GAN that a sampler feeds."""
        self.log: list[Health] = []
        self.sampler = sampler.fork(torch.Generator().manual_seed(0))
        self.real = sampler.known(2 * ROWS)

    def __call__(self, step: int, slopes: Slopes) -> None:
        """Take a measurement, if there are enough rows for one."""
        self.log += against(self.real, self.sampler, step, slopes)


def against(
    real: Tensor, sampler: Sampler, step: int, slopes: Slopes | None = None
) -> list[Health]:
    """Compare what a GAN generates with real records, ``(M, n, *shape)``; empty for under 4."""
    half, at = real.shape[1] // 2, sampler.gan.views.spec.record
    if half < 2:
        return []
    with torch.no_grad():
        made = sampler.gan.made(sampler(size=half))[..., :at]
    return [measure(step, real[..., :at], made, slopes or {})]


def failed(gan: GAN, health: Sequence[Health]) -> list[int]:
    """Members that diverged or collapsed."""
    sound = torch.ones(gan.views.members, dtype=torch.bool)
    for weight in gan.parameters():
        sound &= weight.detach().isfinite().flatten(1).all(1).cpu()
    grown = health and gan.config.steps >= GROWN
    collapsed = health[-1].collapsed() if grown else []
    return sorted({*collapsed, *torch.nonzero(~sound).flatten().tolist()})


def adopt(gan: GAN, other: GAN, members: dict[int, int]) -> None:
    """Put members of another GAN into the places of some of ours.

    Args:
        gan: Changed in place.
        other: The same networks with fewer members.
        members: Our number -> the other's.
    """
    theirs = other.state_dict()
    with torch.no_grad():
        for key, tensor in gan.state_dict().items():
            if not key.startswith("views."):
                for own, their in members.items():
                    tensor[own] = theirs[key][their]


def tell(training: Training, members: int, ill: Sequence[int]) -> None:
    """Say what happened to members.

    Warns:
        DataWarning: If some were trained anew, or stay collapsed.
    """
    if training.restarted:
        count = len(set(training.restarted))
        warnings.warn(
            f"{count} of {members} members collapsed or diverged and were trained anew",
            DataWarning,
            stacklevel=4,
        )
    if ill:
        warnings.warn(
            f"{len(ill)} of {members} members generate nearly the same record again and again "
            f"(mode collapse); scores still rest on the discriminators' features; "
            f"settings against it: minibatch_statistics=on, mode_seeking=0.1, spectral_norm=on",
            DataWarning,
            stacklevel=4,
        )
