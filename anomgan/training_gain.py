"""What training brought: held-out rows told from corrupted ones, beside the networks' random start.

Features of random networks, covariances and neighbours score well by themselves, so what a score
is worth says little about training.  The control is the same fit without a training step: the same
rows, scalings, components and random start.  No labels are needed, since corrupted copies of the
held-out rows stand in for anomalies; how well real ones are found is another question.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from anomgan.config import Config
from anomgan.data.series.windows import Windows
from anomgan.gans.batch import Batch
from anomgan.gans.corruptions import corrupt_rows, index_columns
from anomgan.gans.sampling import sample_records
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.ensemble import TrainedEnsemble
from anomgan.utils.types import Floats

MAX_CORRUPTED_ROWS = 1000
"""Upper bound on the held-out rows that are corrupted."""

MIN_CORRUPTED_ROWS = 10
"""Corrupted rows below which nothing is compared."""

MAX_QUANTILE_ROWS = 4000
"""Upper bound on the training rows whose ranges bound corrupted numbers."""

QUANTILES = 21
"""Quantiles of each number that corruptions are given."""

RESAMPLES = 200
"""Bootstrap resamples of the interval."""


@dataclass(frozen=True)
class TrainingGain:
    """How well held-out rows are parted from corrupted ones.

    Attributes:
        trained: AUROC of the trained networks' score; larger is better.
        untrained: That of the same networks without a training step.
        low: Lower end of the 95% interval of the difference.
        high: Upper end.
    """

    trained: float
    untrained: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def describe_training_gain(gain: dict[str, Any] | None) -> str:
    """What :meth:`TrainingGain.to_json` gave, in a sentence without full stop."""
    if gain is None:
        return "not compared with its random start"
    difference = gain["trained"] - gain["untrained"]
    interval = f"{difference:+.3f}, {gain['low']:+.3f} to {gain['high']:+.3f}"
    verdict = "brought nothing" if gain["high"] >= 0 else "did harm"
    verdict = "helped" if gain["low"] > 0 else verdict
    return (
        f"{verdict} ({interval}): held-out rows are parted from corrupted ones at AUROC "
        f"{gain['trained']:.3f}, by the same networks untrained at {gain['untrained']:.3f}"
    )


def measure_training_gain(
    trained: TrainedEnsemble,
    ensemble: FittedEnsemble,
    values: Floats,
    *,
    name: str,
    config: Config,
    seed: int,
    device: str,
    as_new: Floats,
    other: Floats | None = None,
    windows: Windows | None = None,
) -> TrainingGain | None:
    """Compare a fit of a table with its control.

    Args:
        trained: The trained networks.
        ensemble: What was fitted to score with them.
        values: The encoded training rows, ``(n, D)``.
        name: The method.
        config: The settings.
        seed: Seed of the fit.
        device: Where to compute.
        as_new: The training rows encoded as if each were new.
        other: Encoded rows of a second domain, if the fit had one.
        windows: The points that each record holds, if they are windows of series.

    Returns:
        None for pictures, without a training step, with too few rows, or where health isn't
        checked either.
    """
    if trained.gan.views.spec.grid is not None or not config.checks or not config.steps:
        return None
    corrupted = _corrupt_held_out(trained, values, as_new, seed)
    if len(corrupted) < MIN_CORRUPTED_ROWS:
        return None
    start = TrainedEnsemble.fit(
        values,
        trained.gan.views.spec,
        name=name,
        config=replace(config, steps=0, checks=0, restarts=0),
        seed=seed,
        device=device,
        other=other,
        windows=windows,
    )
    control = FittedEnsemble.fit(
        start.gan, values, start.rows, start.folds, as_new=as_new, windows=windows
    )
    scores = [(each.calibrator.scores, each.score(corrupted)) for each in (ensemble, control)]
    rng = np.random.default_rng(seed)
    differences = []
    for _ in range(RESAMPLES):
        rows = rng.integers(len(corrupted), size=len(corrupted))
        areas = [
            _auroc(np.sort(rng.choice(normal, len(normal))), abnormal[rows])
            for normal, abnormal in scores
        ]
        differences.append(areas[0] - areas[1])
    low, high = np.quantile(differences, [0.025, 0.975])
    with_training, without = (_auroc(*each) for each in scores)
    return TrainingGain(with_training, without, float(low), float(high))


def _corrupt_held_out(
    trained: TrainedEnsemble, values: Floats, as_new: Floats, seed: int
) -> Floats:
    """Corrupted copies of held-out rows, encoded, ``(m, D)``."""
    spec, rows = trained.gan.views.spec, np.unique(np.concatenate(trained.folds))
    step = -(-len(rows) // MAX_CORRUPTED_ROWS)
    real = torch.from_numpy(as_new[rows[::step]])[None]
    continuous = index_columns(spec)[1].nonzero().flatten().numpy()
    numeric = values[:MAX_QUANTILE_ROWS, continuous]
    edges = np.quantile(numeric, np.linspace(0, 1, QUANTILES), axis=0)
    generated = np.concatenate(list(sample_records(trained.gan, real.shape[1], seed)))
    batch = Batch(real, real[..., :0], torch.Generator().manual_seed(seed))
    made = corrupt_rows(
        spec, batch, torch.from_numpy(edges.T)[None], torch.from_numpy(generated)[None]
    )
    return np.asarray(made.rows[0][made.kinds[0] > 0].numpy())


def _auroc(normal: Floats, abnormal: Floats) -> float:
    """Chance that an abnormal row scores above a normal one; normal scores are ascending."""
    below = np.searchsorted(normal, abnormal, side="left")
    ties = np.searchsorted(normal, abnormal, side="right")
    return float((below + ties).mean() / 2 / len(normal))
