"""Encoded records in, scores out: views, GAN, inversion, components, calibration in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomgan.calibrate import Calibrator, Floats, Scaler
from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.data.views import Views
from anomgan.ensemble import Ensemble
from anomgan.gans import GAN, method
from anomgan.score import WEIGHTS, Scorer, components_of
from anomgan.train import Callback, Progress

DECIMALS = 9
"""Scores are rounded to this many decimals: below lie the rounding errors of matrix products,
which depend on the rows that are scored together."""

SAMPLED = 10_000
"""Records drawn from the generators at once."""

FloatArray = NDArray[np.floating[Any]]


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

        Raises:
            InputError: If training diverges.
        """
        ensemble = Ensemble.fit(
            values, spec, name=name, config=config, seed=seed, device=device, callback=callback
        )
        return cls.calibrate(ensemble, values, config.score)

    @classmethod
    def calibrate(cls, ensemble: Ensemble, values: Floats, kind: str) -> Detector:
        """Learn what usual scores are.

        Args:
            ensemble: Trained networks.
            values: The encoded records they were trained on, ``(n, *shape)``.
            kind: Which score, a key of :data:`anomgan.score.WEIGHTS`.
        """
        gan, folds = ensemble.gan, ensemble.folds
        config = gan.config
        data = torch.from_numpy(values).to(gan.views.loc.device)
        scorer = Scorer.fit(gan, data, ensemble.rows, kind)
        held = np.unique(np.concatenate(folds))
        own = [np.searchsorted(held, fold) for fold in folds]
        raw = scorer(values[held])
        scaler = Scaler.fit(raw, own, config.members)
        scaled = scaler(raw)
        groups = [slice(k * config.members, (k + 1) * config.members) for k in range(len(folds))]
        scores = [
            _combine(scorer, scaled[:, group, fold])
            for group, fold in zip(groups, own, strict=True)
        ]
        return cls(scorer, scaler, Calibrator.fit(np.concatenate(scores)), ensemble.curve)

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

    def sample(self, rows: int, seed: int) -> Floats:
        """Draw encoded records from the generators, each member's in turn, ``(rows, *shape)``."""
        views, draws = self.gan.views, torch.Generator().manual_seed(seed)
        parts = []
        for start in range(0, rows, SAMPLED):
            each = -(-min(SAMPLED, rows - start) // views.members)
            z = torch.randn(
                views.members, each, self.gan.config.latent, generator=draws, dtype=torch.float64
            )
            with torch.no_grad():
                parts.append(views.inverse(self.gan.generate(z.to(views.loc.device))).cpu())
        mixed = torch.cat(parts, 1).transpose(0, 1).flatten(0, 1)
        return mixed[torch.randperm(len(mixed), generator=draws)[:rows]].numpy()

    def to(self, device: str) -> Detector:
        """Move to a device, in place."""
        self.gan.to(device)
        for component in self.scorer.components:
            component.state = {key: value.to(device) for key, value in component.state.items()}
        return self

    def state(self) -> dict[str, FloatArray]:
        """Everything that was fitted, by name; :meth:`from_state` rebuilds the detector from it.

        Weights are float32, in which they were trained; whatever needs float64 keeps it.  Scores
        after the round trip are equal to those before.
        """
        tensors = {f"gan.{key}": _narrow(value) for key, value in self.gan.state_dict().items()}
        for component in self.scorer.components:
            for key, value in component.state.items():
                tensors[f"component.{component.name}.{key}"] = value
        arrays = {
            "scaler.centre": self.scaler.centre,
            "scaler.spread": self.scaler.spread,
            "calibrator.scores": self.calibrator.scores,
        }
        return arrays | {key: value.cpu().numpy() for key, value in tensors.items()}

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, FloatArray],
        spec: Spec,
        *,
        name: str,
        config: Config,
        curve: list[Progress],
    ) -> Detector:
        """Rebuild from :meth:`state`, on the CPU.

        What the settings ask for is compared with what is there before memory is taken for it.

        Args:
            state: Finite arrays.
            spec: The layout of a record.
            name: A registered method.
            config: The settings of the fit.
            curve: Losses while training.

        Raises:
            ValueError: If the arrays don't belong to this layout, method and settings.
        """
        members = len(state["gan.views.loc"])
        if not members or members % config.members or config.layers > len(state):
            raise ValueError(f"settings of another model: {members} members are there")
        if state["gan.views.loc"].shape != (members, 1, spec.size):
            raise ValueError("scales of another table")
        views = Views(spec, config.dealt_views * (members // config.members))
        with torch.device("meta"):  # shapes without memory
            gan = method(name)(views, config)
        components = components_of(config.score, config)
        tensors = {key: torch.tensor(value) for key, value in state.items()}
        weights = _below("gan.", tensors)
        _match(gan.state_dict(), weights)
        gan.load_state_dict({k: v.double() for k, v in weights.items()}, assign=True)
        gan.eval().requires_grad_(False)
        for component in components:
            component.state = _below(f"component.{component.name}.", tensors)
        scaler = Scaler(
            state["scaler.centre"].astype(np.float64), state["scaler.spread"].astype(np.float64)
        )
        calibrator = Calibrator(state["calibrator.scores"].astype(np.float64))
        if not scaler.centre.shape == scaler.spread.shape == (len(components), members):
            raise ValueError("scales of other components")
        if calibrator.scores.ndim != 1 or not len(calibrator.scores):
            raise ValueError("no calibration scores")
        if np.any(np.diff(calibrator.scores) < 0):
            raise ValueError("calibration scores aren't sorted")
        detector = cls(Scorer(gan, config.score, components), scaler, calibrator, curve)
        try:
            score = detector.score(np.zeros((1, *spec.shape)))
        except (KeyError, RuntimeError) as error:
            raise ValueError(f"the parts don't fit together: {error}") from error
        if score.shape != (1,) or not np.isfinite(score).all():
            raise ValueError("a record's score isn't a number")
        return detector

    @property
    def gan(self) -> GAN:
        """The trained networks."""
        return self.scorer.gan


def _narrow(weight: Tensor) -> Tensor:
    """The same numbers in float32 if that loses nothing."""
    narrow = weight.float()
    return narrow if torch.equal(narrow.to(weight.dtype), weight) else weight


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Those whose name begins so, without it."""
    return {
        key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)
    }


def _match(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Compare names and shapes.

    Raises:
        ValueError: Names the first that differs.
    """
    for key in sorted(wanted.keys() | found.keys()):
        shapes = [tuple(group[key].shape) if key in group else None for group in (wanted, found)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{key} has shape {shapes[1]}, the settings ask for {shapes[0]}")


def _combine(scorer: Scorer, scaled: Floats) -> Floats:
    """Weighted mean of components, averaged over members, ``(J, M, n) -> (n,)``."""
    weights = np.array(list(WEIGHTS[scorer.kind].values()))
    mean = np.tensordot(weights / weights.sum(), scaled.mean(1), 1)
    return np.asarray(np.round(mean, DECIMALS))
