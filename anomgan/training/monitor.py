"""Monitor members while they train, and replace those that failed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anomgan.errors import DataWarning
from anomgan.gans import GAN
from anomgan.training.health import MAX_COMPARED_ROWS, Health, measure_health
from anomgan.training.history import GradientNorms, TrainingHistory
from anomgan.training.sampler import Sampler
from anomgan.utils.types import Floats

MAX_SNAPSHOT_ROWS = 32
"""Most records of a kind in a :class:`Snapshot`."""

MIN_COLLAPSE_STEPS = 100
"""Training steps below which little variety only means that training has just begun."""


@dataclass(frozen=True)
class Snapshot:
    """What the first member of a GAN generates at one step of training, as encoded records.

    Attributes:
        step: The training step.
        generated: Records generated from draws of the prior, the same every time, ``(k, D)``.
        real: Training records, the same every time, ``(k, D)``.
        reconstructed: These after encoding and generation, ``(k, D)``; None while no encoder has
            been trained.
    """

    step: int
    generated: Floats
    real: Floats
    reconstructed: Floats | None


SnapshotCallback = Callable[[Snapshot], None]


class HealthMonitor:
    """Measures the members' health, with randomness of its own so that training is unaffected.

    Real records are a sample of the rows that each member is trained on.  Calibration rows stay out
    of it: a decision to retrain must not depend on them.

    Attributes:
        log: The measurements so far.
    """

    def __init__(self, sampler: Sampler, snapshot_callback: SnapshotCallback | None = None) -> None:
        """Monitor the sampler's GAN; ``snapshot_callback`` is called after each measurement."""
        self.log: list[Health] = []
        self.snapshot_callback = snapshot_callback
        self.sampler = sampler.fork(torch.Generator().manual_seed(0))
        self.real = sampler.first_records(2 * MAX_COMPARED_ROWS)

    def __call__(self, step: int, gradient_norms: GradientNorms) -> None:
        """Measure the health, unless there are too few rows."""
        self.log += compare_with_generated(self.real, self.sampler, step, gradient_norms)
        if self.snapshot_callback is not None:
            self.snapshot_callback(self._take_snapshot(step, encoded="encoder" in gradient_norms))

    def _take_snapshot(self, step: int, *, encoded: bool) -> Snapshot:
        gan, count = self.sampler.gan, min(MAX_SNAPSHOT_ROWS, self.real.shape[1])
        with torch.no_grad():
            z = gan.sample_prior(count, torch.Generator().manual_seed(0)).to(self.real)
            generated, real = self._first_member(gan.generate(z)), self.real[:, :count]
            reconstructed = None
            if encoded or gan.inversion in ("encoder", "none"):
                reconstructed = self._first_member(gan.generate(gan.encode(real)))
            return Snapshot(step, generated, self._first_member(real), reconstructed)

    def _first_member(self, x: Tensor) -> Floats:
        """The first member's records, unscaled, ``(M, k, *shape) -> (k, D)``."""
        records: Floats = self.sampler.gan.views.inverse(x)[0].cpu().numpy()
        return records


def compare_with_generated(
    real: Tensor, sampler: Sampler, step: int, gradient_norms: GradientNorms | None = None
) -> list[Health]:
    """Compare generated with real records, ``(M, n, *shape)``; empty for n < 4."""
    half, at = real.shape[1] // 2, sampler.gan.views.spec.record_size
    if half < 2:
        return []
    with torch.no_grad():
        generated = sampler.gan.generate_fakes(sampler(size=half))[..., :at]
    return [measure_health(step, real[..., :at], generated, gradient_norms or {})]


def find_failed(gan: GAN, health: Sequence[Health]) -> list[int]:
    """Members that diverged or, by the last measurement, collapsed."""
    finite = torch.ones(gan.views.members, dtype=torch.bool)
    for weight in gan.parameters():
        finite &= weight.detach().isfinite().flatten(1).all(1).cpu()
    measured = health and gan.config.steps >= MIN_COLLAPSE_STEPS
    collapsed = health[-1].collapsed() if measured else []
    return sorted({*collapsed, *torch.nonzero(~finite).flatten().tolist()})


def copy_members(gan: GAN, other: GAN, members: dict[int, int]) -> None:
    """Overwrite some members with those of another GAN.

    Args:
        gan: Changed in place.
        other: The same networks with fewer members.
        members: Index in ``gan`` -> index in ``other``.
    """
    source = other.state_dict()
    with torch.no_grad():
        for key, tensor in gan.state_dict().items():
            if not key.startswith("views."):
                for target, index in members.items():
                    tensor[target] = source[key][index]


def warn_failed(history: TrainingHistory, members: int, failed: Sequence[int]) -> None:
    """Warn of members that were retrained or stay collapsed.

    Warns:
        DataWarning: If there are any.
    """
    if history.restarted:
        count = len(set(history.restarted))
        warnings.warn(
            f"{count} of {members} members collapsed or diverged and were trained anew",
            DataWarning,
            stacklevel=4,
        )
    if failed:
        warnings.warn(
            f"{len(failed)} of {members} members generate nearly the same record again and again "
            f"(mode collapse); scores still rest on the discriminators' features; "
            f"settings against it: minibatch_statistics=on, mode_seeking=0.1, spectral_norm=on",
            DataWarning,
            stacklevel=4,
        )
