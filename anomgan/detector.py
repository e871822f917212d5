"""Encoded records in, scores out: views, GAN, inversion, components, calibration in one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from anomgan.calibrate import Calibrator, Floats, Folds, Scaler, split
from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.data.views import Views
from anomgan.gans import GAN, method
from anomgan.score import WEIGHTS, Scorer
from anomgan.train import Callback, Progress, Sampler, train

DECIMALS = 9
"""Scores are rounded to this many decimals: below lie the rounding errors of matrix products,
which depend on the rows that are scored together."""

@dataclass
class Detector:
    """A fitted ensemble and what its scores mean.

    Attributes:
        scorer: Trained networks and fitted components.
        scaler: Brings components to one scale.
        calibrator: Turns scores into p-values.
        curve: Losses while training.
    """

    scorer: Scorer
    scaler: Scaler
    calibrator: Calibrator
    curve: list[Progress]

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
    ) -> Detector:
        """Train on encoded normal records and calibrate.

        Deterministic given the seed; the global random state is left alone.

        Args:
            values: ``(n, *shape)``, finite.
            spec: The layout of a record.
            name: A registered method.
            config: Settings.
            seed: Seed of everything random.
            device: Where to train and score, as torch names it.
            callback: Told of every training step.
        """
        rng = np.random.default_rng(seed)
        folds = _folds(len(values), config, rng)
        rows = _member_rows(len(values), folds, config.members, rng)
        views = Views(spec, [view for _ in folds for view in config.dealt_views])
        views.fit(values[torch.cat(rows).unique().numpy()])
        gan = _build(name, views, config, int(rng.integers(2**31))).to(device)
        data = torch.from_numpy(values).to(device)
        draws = torch.Generator().manual_seed(int(rng.integers(2**31)))
        curve = train(gan, Sampler(gan, data, rows, draws), callback)
        gan.double().eval().requires_grad_(False)

        scorer = Scorer.fit(gan, data, rows)
        held = np.unique(np.concatenate(folds))
        own = [np.searchsorted(held, fold) for fold in folds]
        raw = scorer(values[held])
        scaler = Scaler.fit(raw, own, config.members)
        scaled = scaler(raw)
        groups = [slice(k * config.members, (k + 1) * config.members) for k in range(len(folds))]
        scores = [_combine(scorer, scaled[:, group, fold]) for group, fold in zip(groups, own, strict=True)]
        return cls(scorer, scaler, Calibrator.fit(np.concatenate(scores)), curve)

    def components(self, values: Floats) -> dict[str, Floats]:
        """Scaled components of encoded records, each ``(n,)``, mean of all members.

        0 is the median of normal rows, 1 an interquartile range more abnormal.
        """
        scaled = self.scaler(self.scorer(values)).mean(1)
        names = [component.name for component in self.scorer.components]
        return dict(zip(names, scaled, strict=True))

    def score(self, values: Floats) -> Floats:
        """Scores of encoded records, ``(n, *shape) -> (n,)``; larger is more abnormal."""
        return _combine(self.scorer, self.scaler(self.scorer(values)))

    @property
    def gan(self) -> GAN:
        """The trained networks."""
        return self.scorer.gan


def _combine(scorer: Scorer, scaled: Floats) -> Floats:
    """Weighted mean of components, averaged over members, ``(J, M, n) -> (n,)``."""
    weights = np.array(list(WEIGHTS[scorer.gan.config.score].values()))
    mean = np.tensordot(weights / weights.sum(), scaled.mean(1), 1)
    return np.asarray(np.round(mean, DECIMALS))


def _folds(rows: int, config: Config, rng: np.random.Generator) -> Folds:
    """Cross-fit few rows; hold a part of many out."""
    if rows < config.cross_fit_below:
        return split(rows, min(config.folds, rows), 0, rng)
    return split(rows, 1, min(config.held_out_rows, round(config.held_out * rows)), rng)


def _member_rows(
    rows: int, folds: Folds, members: int, rng: np.random.Generator
) -> Sequence[Tensor]:
    """The rows that each member may see, in random order: all but its fold's."""
    return [
        torch.from_numpy(rng.permutation(np.setdiff1d(np.arange(rows), fold)))
        for fold in folds
        for _ in range(members)
    ]


def _build(name: str, views: Views, config: Config, seed: int) -> GAN:
    """Draw the initial weights from the seed without touching the global random state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return method(name)(views, config)
