"""Train an ensemble on encoded records: folds, member rows, scalings, restarts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.series.windows import Windows
from anomgan.data.spec import Spec
from anomgan.errors import InputError
from anomgan.gans import GAN, get_method
from anomgan.gans.batch import MemberSlice
from anomgan.plugins.records import describe_plugins
from anomgan.training import distributed
from anomgan.training.checkpoint import Checkpoint, fingerprint
from anomgan.training.folds import split_records
from anomgan.training.health import MAX_COMPARED_ROWS, Health
from anomgan.training.history import Callback, TrainingHistory
from anomgan.training.monitor import (
    HealthMonitor,
    SnapshotCallback,
    compare_with_generated,
    copy_members,
    find_failed,
    warn_failed,
)
from anomgan.training.sampler import Sampler
from anomgan.training.trainer import train
from anomgan.training.trimming import trim_rows
from anomgan.utils.threads import one_thread_each
from anomgan.utils.types import Floats, Folds

MAX_SINGLE_THREAD_PRODUCTS = 2**25
"""Multiplications in a matrix product that one thread has done before a second one has started."""


MAX_EDGE_ROWS = 4000
"""Most rows to whose quantiles the encoding of discriminators of corrupted rows is fitted."""

DIRECTION_ROWS = 2000
"""Rows, real and corrupted, to which their directions are fitted."""


@dataclass(frozen=True)
class TrainedEnsemble:
    """Trained networks, and which rows each was trained on; members are ordered by fold.

    Attributes:
        gan: The networks, frozen.
        folds: For each fold the rows its members were not trained on; they calibrate.
        rows: For each member the rows it was trained on, in random order.
        history: Losses, health and restarts.
    """

    gan: GAN
    folds: Folds
    rows: list[Tensor]
    history: TrainingHistory

    @classmethod
    def fit(
        cls,
        values: Floats,
        spec: Spec,
        *,
        name: str,
        config: Config,
        seed: int,
        device: str,
        callback: Callback | None = None,
        other: Floats | None = None,
        snapshot_callback: SnapshotCallback | None = None,
        checkpoint: Checkpoint | None = None,
        windows: Windows | None = None,
    ) -> TrainedEnsemble:
        """Train on encoded normal records.

        Members that diverge or collapse are retrained from another seed, a bounded number of times.
        Deterministic given the seed; the global random state is left alone.

        Args:
            values: Records, ``(n, *shape)``, finite.
            spec: The layout of a record.
            name: A registered method.
            config: Settings.
            seed: Seed of everything random.
            device: Where to train, as torch names it.
            callback: Called after every training step.
            other: Encoded records of a second domain, for methods that learn from one.
            snapshot_callback: Called ``config.checks`` times with generated and reconstructed
                records.
            checkpoint: Saves the state, and may hold one to resume from.
            windows: The points that each record holds, if they are windows of series.

        Raises:
            InputError: If training diverges, or the checkpoint belongs to another fit.

        Warns:
            DataWarning: If members were retrained, or some stay collapsed, or there are more
                processes than members.
        """
        settings = {"method": name, **config.to_json()}
        if plugins := describe_plugins(name, components=()):
            settings["plugins"] = plugins
        mark = fingerprint(values, other, settings)
        seed = distributed.broadcast_seed(seed, mark)
        if checkpoint is not None:
            checkpoint.begin(f"{mark} {seed} {distributed.get_rank_and_size()}")
        rng = np.random.default_rng(seed)
        folds, rows = split_records(len(values), spec.tiles, config, rng, windows)
        rows = trim_rows(values, spec, rows, config.trim)
        distributed.warn_idle(len(rows))
        scaler = EnsembleScaler(spec, [each for _ in folds for each in config.member_scalings])
        scaler.fit(values[torch.cat(rows).unique().numpy()])
        data = torch.from_numpy(values).to(device)
        second = None if other is None else torch.from_numpy(other).to(device)
        trainer = EnsembleTrainer(
            name, scaler, config, data, second, rows, rng, callback, snapshot_callback, checkpoint
        )
        gan, history = trainer.train_members(range(len(rows)))
        failed = trainer.retrain_failed(gan, history)
        if not all(weight.isfinite().all() for weight in gan.parameters()):
            raise InputError("training diverged; try again with a lower learning_rate")
        trainer.fit_directions(gan)
        warn_failed(history, len(rows), failed)
        held_out = [torch.from_numpy(rng.permutation(fold)) for fold in folds]
        history.held_out = trainer.evaluate_health(
            gan, [fold for fold in held_out for _ in range(config.members)]
        )
        gan.eval().requires_grad_(False)
        return cls(gan, folds, rows, history)


@dataclass
class EnsembleTrainer:
    """Trains members of one ensemble, each from a fresh seed of ``rng``.

    Attributes:
        name: A registered method.
        scaler: Scalings of all members.
        config: Settings.
        data: Encoded records, ``(n, *shape)``, on the device that trains.
        other: Those of a second domain, or None.
        rows: For each member the rows it is trained on.
        rng: Source of seeds.
        callback: Called after every training step.
        snapshot_callback: Called ``config.checks`` times with a :class:`.monitor.Snapshot`.
        checkpoint: Saves the state of the fit.
    """

    name: str
    scaler: EnsembleScaler
    config: Config
    data: Tensor
    other: Tensor | None
    rows: list[Tensor]
    rng: np.random.Generator
    callback: Callback | None
    snapshot_callback: SnapshotCallback | None
    checkpoint: Checkpoint | None

    def train_members(self, members: Sequence[int]) -> tuple[GAN, TrainingHistory]:
        """Train some of the members from a new seed."""
        gan = _build_gan(
            self.name, self.scaler.select_members(members), self.config, self._draw_seed()
        )
        part, rows = distributed.slice_members(len(members)), [self.rows[m] for m in members]
        own = self._own_members(gan.to(self.data.device), members, part)
        generator = self._new_generator()
        checkpoint, history = self.checkpoint, TrainingHistory()
        if checkpoint and distributed.is_true_everywhere(checkpoint.is_done()):
            return gan, checkpoint.load_result(gan)
        if own is not None:
            sampler = Sampler(own, self.data, rows, generator, self.other, part)
            own.prepare_contrast(sampler.first_records(MAX_EDGE_ROWS), sampler(size=DIRECTION_ROWS))
            monitor = HealthMonitor(sampler, self.snapshot_callback)
            current = checkpoint.next_training(own, sampler, monitor) if checkpoint else None
            with one_thread_each() if _is_small(own, sampler) else nullcontext():
                curve = train(own, sampler, self.callback, monitor, current)
            history = TrainingHistory(curve, monitor.log)
        history = distributed.gather_members(gan, own, history, part)
        if checkpoint is not None:
            checkpoint.save_result(gan, history)
        return gan, history

    def _own_members(self, gan: GAN, members: Sequence[int], part: MemberSlice) -> GAN | None:
        """The members that this process trains; None if it has none."""
        if part.is_all or not part.indices:
            return gan if part.is_all else None
        scaler = self.scaler.select_members([members[index] for index in part.indices])
        own = _build_gan(self.name, scaler, self.config, 0).to(self.data.device)
        copy_members(own, gan, dict(enumerate(part.indices)))
        return own

    def retrain_failed(self, gan: GAN, history: TrainingHistory) -> list[int]:
        """Retrain failed members, a bounded number of times.

        Args:
            gan: Changed in place.
            history: Changed in place.

        Returns:
            The members that still fail.
        """
        failed = find_failed(gan, history.health)
        for _ in range(self.config.restarts):
            # If all failed it may be due to the data: try one of them first.
            retried = failed[:1] if len(failed) == len(self.rows) else failed
            if not retried:
                break
            new_gan, new_history = self.train_members(retried)
            failed_again = find_failed(new_gan, new_history.health)
            recovered = {m: i for i, m in enumerate(retried) if i not in failed_again}
            history.restarted += retried
            copy_members(gan, new_gan, recovered)
            if history.health and new_history.health:
                history.health[-1] = history.health[-1].with_members(
                    new_history.health[-1], recovered
                )
            if not recovered:
                break
            failed = [m for m in failed if m not in recovered]
        return failed

    def fit_directions(self, gan: GAN) -> None:
        """Fit what the discriminators of corrupted rows need after training, if there are any."""
        sampler = self._sampler(gan, self.rows)
        if gan.contrast is not None:
            rows = sampler.first_records(DIRECTION_ROWS)
            gan.finish_contrast(rows, sampler(size=DIRECTION_ROWS))

    def evaluate_health(self, gan: GAN, rows: list[Tensor]) -> Health | None:
        """Measure the members' health against the given rows of each; None if they are too few."""
        if not self.config.checks:
            return None
        real = self._sampler(gan, rows).first_records(2 * MAX_COMPARED_ROWS)
        health = compare_with_generated(real, self._sampler(gan, self.rows), self.config.steps)
        return health[0] if health else None

    def _sampler(self, gan: GAN, rows: list[Tensor]) -> Sampler:
        return Sampler(gan, self.data, rows, self._new_generator(), self.other)

    def _new_generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self._draw_seed())

    def _draw_seed(self) -> int:
        return int(self.rng.integers(2**31))


def _is_small(gan: GAN, sampler: Sampler) -> bool:
    """Whether one thread trains a table's networks as fast as several would."""
    spec, hidden = gan.views.spec, gan.config.hidden
    products = gan.views.members * sampler.size * max(2 * spec.size, hidden) * hidden
    return spec.grid is None and products <= MAX_SINGLE_THREAD_PRODUCTS


def _build_gan(name: str, scaler: EnsembleScaler, config: Config, seed: int) -> GAN:
    """Draw the initial weights from the seed without touching the global random state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_method(name)(scaler, config)
