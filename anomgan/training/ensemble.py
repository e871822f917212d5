"""Encoded records in, trained networks out: folds, views, members and their training."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.errors import InputError
from anomgan.gans import GAN, get_method
from anomgan.gans.batch import MemberSlice
from anomgan.training import distributed
from anomgan.training.checkpoint import Checkpoint, fingerprint
from anomgan.training.health import ROWS, Health
from anomgan.training.history import Callback, TrainingHistory
from anomgan.training.monitor import SnapshotCallback, Watch, adopt, against, failed, tell
from anomgan.training.trainer import Sampler, train
from anomgan.training.trimming import trimmed
from anomgan.utils.threads import one_thread_each
from anomgan.utils.types import Floats, Folds

SMALL = 2**25
"""Multiplications in a product of matrices that are over before a second thread has woken up."""


@dataclass(frozen=True)
class TrainedEnsemble:
    """Trained networks and who saw what; members come fold by fold.

    Attributes:
        gan: The networks, frozen.
        folds: The rows that each fold's members never saw; they calibrate.
        rows: For each member, the rows it learnt from, in random order.
        training: How it went.
    """

    gan: GAN
    folds: Folds
    rows: list[Tensor]
    training: TrainingHistory

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
    ) -> TrainedEnsemble:
        """Train on encoded normal records.

        Members that diverge or collapse are trained anew from another seed, a bounded number of
        times.  Deterministic given the seed; the global random state is left alone.

        Args:
            values: ``(n, *shape)``, finite.
            spec: The layout of a record.
            name: A registered method.
            config: Settings.
            seed: Seed of everything random.
            device: Where to train, as torch names it.
            callback: Told of every training step.
            other: Encoded records of a second domain, for methods that learn from one.
            snapshot_callback: Shown ``config.checks`` times what the GAN makes; changes nothing.
            checkpoint: Keeps the state, and may know one to go on from.

        Raises:
            InputError: If training diverges, or the checkpoint is another fit's.

        Warns:
            DataWarning: If members were trained anew, or some stay collapsed, or there are more
                processes than members.
        """
        mark = fingerprint(values, other, {"method": name, **config.to_json()})
        seed = distributed.agreed(seed, mark)
        if checkpoint is not None:
            checkpoint.begin(f"{mark} {seed} {distributed.processes()}")
        rng = np.random.default_rng(seed)
        folds = _folds(len(values) // spec.tiles, config, rng)
        folds = [_records(fold, spec.tiles) for fold in folds]
        rows = _member_rows(len(values), folds, config.members, rng)
        rows = trimmed(values, spec, rows, config.trim)
        distributed.tell(len(rows))
        views = EnsembleScaler(spec, [view for _ in folds for view in config.member_scalings])
        views.fit(values[torch.cat(rows).unique().numpy()])
        data = torch.from_numpy(values).to(device)
        second = None if other is None else torch.from_numpy(other).to(device)
        team = _Team(
            name, views, config, data, second, rows, rng, callback, snapshot_callback, checkpoint
        )
        gan, training = team.trained(range(len(rows)))
        ill = team.healed(gan, training)
        if not all(weight.isfinite().all() for weight in gan.parameters()):
            raise InputError("training diverged; try again with a lower learning_rate")
        tell(training, len(rows), ill)
        unseen = [torch.from_numpy(rng.permutation(fold)) for fold in folds]
        training.held_out = team.measured(gan, [f for f in unseen for _ in range(config.members)])
        gan.eval().requires_grad_(False)
        return cls(gan, folds, rows, training)


@dataclass
class _Team:
    """What it takes to train members: data, the rows that each may see, and randomness."""

    name: str
    views: EnsembleScaler
    config: Config
    data: Tensor
    other: Tensor | None
    rows: list[Tensor]
    rng: np.random.Generator
    callback: Callback | None
    snapshot_callback: SnapshotCallback | None
    checkpoint: Checkpoint | None

    def trained(self, members: Sequence[int]) -> tuple[GAN, TrainingHistory]:
        """Train some of the members from a new seed."""
        gan = _build(self.name, self.views.select_members(members), self.config, self._seed())
        share, rows = distributed.share(len(members)), [self.rows[m] for m in members]
        own, draws = self._part(gan.to(self.data.device), members, share), self._draws()
        kept, training = self.checkpoint, TrainingHistory()
        if kept is not None and distributed.everywhere(kept.is_over()):
            return gan, kept.result(gan)
        if own is not None:
            sampler = Sampler(own, self.data, rows, draws, self.other, share)
            watch = Watch(sampler, self.snapshot_callback)
            keeper = kept.keeper(own, sampler, watch) if kept is not None else None
            with one_thread_each() if _small(own, sampler) else nullcontext():
                training = TrainingHistory(
                    train(own, sampler, self.callback, watch, keeper), watch.log
                )
        training = distributed.gathered(gan, own, training, share)
        if kept is not None:
            kept.end(gan, training)
        return gan, training

    def _part(self, gan: GAN, members: Sequence[int], share: MemberSlice) -> GAN | None:
        """Those of the members that this process trains; None if it has none."""
        if share.whole or not share.numbers:
            return gan if share.whole else None
        views = self.views.select_members([members[number] for number in share.numbers])
        own = _build(self.name, views, self.config, 0).to(self.data.device)
        adopt(own, gan, dict(enumerate(share.numbers)))
        return own

    def healed(self, gan: GAN, training: TrainingHistory) -> list[int]:
        """Train failed members anew, a bounded number of times; gives those that stay ill.

        Args:
            gan: Changed in place.
            training: Changed in place.
        """
        ill = failed(gan, training.health)
        for _ in range(self.config.restarts):
            # Where all failed it may be the data: one of them finds out for the others.
            tried = ill[:1] if len(ill) == len(self.rows) else ill
            if not tried:
                break
            again, anew = self.trained(tried)
            still = failed(again, anew.health)
            healed = {m: place for place, m in enumerate(tried) if place not in still}
            training.restarted += tried
            adopt(gan, again, healed)
            if training.health and anew.health:
                training.health[-1] = training.health[-1].with_members(anew.health[-1], healed)
            if not healed:
                break
            ill = [m for m in ill if m not in healed]
        return ill

    def measured(self, gan: GAN, rows: list[Tensor]) -> Health | None:
        """The members' health against the rows of each, if these are enough."""
        if not self.config.checks:
            return None
        real = self._sampler(gan, rows).known(2 * ROWS)
        found = against(real, self._sampler(gan, self.rows), self.config.steps)
        return found[0] if found else None

    def _sampler(self, gan: GAN, rows: list[Tensor]) -> Sampler:
        return Sampler(gan, self.data, rows, self._draws(), self.other)

    def _draws(self) -> torch.Generator:
        return torch.Generator().manual_seed(self._seed())

    def _seed(self) -> int:
        return int(self.rng.integers(2**31))


def _folds(rows: int, config: Config, rng: np.random.Generator) -> Folds:
    """Cross-fit few rows; hold a part of many out."""
    if rows < config.cross_fit_below:
        return split_rows(rows, min(config.folds, rows), 0, rng)
    return split_rows(rows, 1, min(config.held_out_rows, round(config.held_out * rows)), rng)


def split_rows(rows: int, folds: int, held_out: int, rng: np.random.Generator) -> Folds:
    """Choose the rows that calibrate: one part held out, or every row once in cross-fitting.

    Args:
        rows: Number of training rows.
        folds: 1 holds ``held_out`` rows out of the fit; more make each row calibrate the members
            that were fitted without its fold.
        held_out: Size of the part held out when there is one fold.
        rng: Source of randomness.

    Returns:
        Sorted row indices of each fold.
    """
    order = rng.permutation(rows)
    parts = [order[:held_out]] if folds == 1 else np.array_split(order, folds)
    return [np.sort(part).astype(np.int64) for part in parts]


def _records(pictures: NDArray[np.int64], tiles: int) -> NDArray[np.int64]:
    """The records of pictures: all tiles of one go to the same fold."""
    return (pictures[:, None] * tiles + np.arange(tiles)).ravel()


def _member_rows(rows: int, folds: Folds, members: int, rng: np.random.Generator) -> list[Tensor]:
    """The rows that each member may see, in random order: all but its fold's."""
    seen = [torch.from_numpy(rng.permutation(np.setdiff1d(np.arange(rows), f))) for f in folds]
    return [own for own in seen for _ in range(members)]


def _small(gan: GAN, sampler: Sampler) -> bool:
    """Whether one thread trains a table's networks as fast as several would."""
    spec, hidden = gan.views.spec, gan.config.hidden
    products = gan.views.members * sampler.size * max(2 * spec.size, hidden) * hidden
    return spec.grid is None and products <= SMALL


def _build(name: str, views: EnsembleScaler, config: Config, seed: int) -> GAN:
    """Draw the initial weights from the seed without touching the global random state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_method(name)(views, config)
