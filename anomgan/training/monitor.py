"""Watching members while they train, and exchanging those that failed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anomgan.errors import DataWarning
from anomgan.gans import GAN
from anomgan.training.health import ROWS, Health, measure
from anomgan.training.history import TrainingHistory
from anomgan.training.trainer import Sampler, Slopes
from anomgan.utils.types import Floats

SHOWN = 32
"""Most records of a kind that a :class:`Snapshot` holds."""

GROWN = 100
"""Steps before which little variety means that training has only begun."""


@dataclass(frozen=True)
class Snapshot:
    """What a GAN makes while it trains, as encoded records, each member's first.

    Attributes:
        step: When.
        drawn: Records from the prior, ``(k, D)``; the same latent vectors every time.
        known: Training records, ``(k, D)``; the same every time.
        again: These after encoding and generation, ``(k, D)``; None while no encoder has learnt.
    """

    step: int
    drawn: Floats
    known: Floats
    again: Floats | None


SnapshotCallback = Callable[[Snapshot], None]


class Watch:
    """Measures the members' health with randomness of its own, so that watching changes nothing.

    Real records are a sample of the rows that each member may learn from.  Rows that calibrate stay
    out of it: a decision to train anew must not depend on them.
    """

    def __init__(self, sampler: Sampler, snapshot_callback: SnapshotCallback | None = None) -> None:
        """Watch the GAN that a sampler feeds; ``snapshot_callback`` is shown what it makes."""
        self.log: list[Health] = []
        self.snapshot_callback = snapshot_callback
        self.sampler = sampler.fork(torch.Generator().manual_seed(0))
        self.real = sampler.known(2 * ROWS)

    def __call__(self, step: int, slopes: Slopes) -> None:
        """Take a measurement, if there are enough rows for one."""
        self.log += against(self.real, self.sampler, step, slopes)
        if self.snapshot_callback is not None:
            self.snapshot_callback(self._look(step, encoded="encoder" in slopes))

    def _look(self, step: int, *, encoded: bool) -> Snapshot:
        gan, few = self.sampler.gan, min(SHOWN, self.real.shape[1])
        learnt = encoded or gan.inversion in ("own", "none")
        with torch.no_grad():
            z = gan.sample_prior(few, torch.Generator().manual_seed(0)).to(self.real)
            known = self.real[:, :few]
            again = gan.generate(gan.encode(known)) if learnt else None
            drawn, shown = self._first(gan.generate(z)), self._first(known)
            return Snapshot(step, drawn, shown, None if again is None else self._first(again))

    def _first(self, made: Tensor) -> Floats:
        """The first member's records, encoded."""
        plain: Floats = self.sampler.gan.views.inverse(made)[0].cpu().numpy()
        return plain


def against(
    real: Tensor, sampler: Sampler, step: int, slopes: Slopes | None = None
) -> list[Health]:
    """Compare what a GAN generates with real records, ``(M, n, *shape)``; empty for under 4."""
    half, at = real.shape[1] // 2, sampler.gan.views.spec.record_size
    if half < 2:
        return []
    with torch.no_grad():
        made = sampler.gan.generate_fakes(sampler(size=half))[..., :at]
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


def tell(training: TrainingHistory, members: int, ill: Sequence[int]) -> None:
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
