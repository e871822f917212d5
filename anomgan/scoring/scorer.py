"""A score of encoded records: trained networks, fitted components, their scales and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.gans.base import GAN
from anomgan.gans.blockwise import apply_in_blocks, rows_per_block
from anomgan.plugins.lookup import find
from anomgan.score_weights import parse_score
from anomgan.scoring.components import DISTANCE_OFFSET, Component
from anomgan.scoring.features import RecordFeatures
from anomgan.scoring.patches.patch_model import PatchModel
from anomgan.utils.serialization import below
from anomgan.utils.types import FloatArray, Floats, Folds

SCORE_DECIMALS = 6
"""Scores are rounded to this many decimals: networks compute in float32, which has no more."""

ALIGNMENT_QUANTILES = 0.5, 0.95
"""Quantiles of held-out scores at which :meth:`Scorer.align` makes two scorers agree: the middle,
and where thresholds lie."""

MIN_SPREAD = 0.1
"""Lower bound on the spread of a component's logarithms.  Where most rows equal remembered ones
there is none at all, and the first new row would have a score of thousands."""

MAX_ADAPTATION_ROWS = 256
"""Upper bound on the held-out records of each fold that components adapt to before scaling."""

MAX_FIT_VALUES = 2**28
"""Upper bound on the float64 values held while components are fitted: 2 GB."""

MIN_FIT_ROWS = 100
"""Records that components are fitted to even if :data:`MAX_FIT_VALUES` allows fewer."""


@dataclass(frozen=True)
class ComponentScaler:
    """Centres and scales the logarithms of components robustly.

    Attributes:
        centre: Median logarithm of each component on held-out normal rows, ``(J,)``.
        spread: Interquartile range likewise, ``(J,)``.
    """

    centre: Floats
    spread: Floats

    @classmethod
    def fit(cls, components: Floats, folds: Folds) -> ComponentScaler:
        """Fit centre and spread.

        Args:
            components: ``(J, K, n)``, by the members of each of K folds.
            folds: The rows held out from each fold's members.  All folds share one scale, since a
                single one may be a handful of rows.
        """
        logs = np.log(components + DISTANCE_OFFSET)
        held_out = np.concatenate([logs[:, k, rows] for k, rows in enumerate(folds)], -1)
        low, middle, high = np.quantile(held_out, [0.25, 0.5, 0.75], axis=-1)
        return cls(middle, np.maximum(high - low, MIN_SPREAD))

    def transform(self, components: Floats) -> Floats:
        """Scaled components, mean over folds, ``(J, K, n) -> (J, n)``; 0 is a normal median."""
        logs = np.log(components + DISTANCE_OFFSET)
        scaled = (logs - self.centre[:, None, None]) / self.spread[:, None, None]
        return np.asarray(scaled.mean(1))


@dataclass
class Scorer:
    """A score: trained networks, fitted components, and how these are scaled and weighted.

    Attributes:
        name: Which score, as :func:`anomgan.score_weights.parse_score` reads it.
        gan: Trained networks.
        components: Fitted components, each once; perhaps more than this score needs.
        scaler: Brings the components to one scale.
        line: Intercept and slope of a final linear map of the score.
        patches: Scores the places of pictures in a backbone's features, if there is one.
    """

    name: str
    gan: GAN
    components: Sequence[Component]
    scaler: ComponentScaler
    line: tuple[float, float] = (0.0, 1.0)
    patches: PatchModel | None = None

    @classmethod
    def fit(
        cls,
        gan: GAN,
        values: Floats,
        rows: Sequence[Tensor],
        folds: Folds,
        *names: str,
        as_new: Floats | None = None,
        patches: PatchModel | None = None,
    ) -> dict[str, tuple[Scorer, Floats]]:
        """Fit one or more scores that share their components.

        Args:
            gan: Trained networks.
            values: The encoded records they were trained on, ``(n, *shape)``.
            rows: For each member, the indices of the records it was trained on, in random order.
            folds: For each fold, the indices of the records that its members never saw.
            names: Which scores, as of :func:`anomgan.score_weights.parse_score`.
            as_new: The same records encoded as if each were new, if that makes a difference.
            patches: Scores the places of pictures in a backbone's features, if there is one.

        Returns:
            Score name -> (fitted scorer, its out-of-fold scores), which come fold by fold.
        """
        device = gan.views.loc.device
        components = fit_components(gan, torch.from_numpy(values).to(device), rows, *names)
        new_values = values if as_new is None else as_new
        _adapt_components(components, gan, torch.from_numpy(new_values).to(device), folds)
        held_out = np.unique(np.concatenate(folds))
        fold_places = [np.searchsorted(held_out, fold) for fold in folds]
        distances = evaluate_components(gan, components, new_values[held_out], patches)
        scaler = ComponentScaler.fit(distances, fold_places)
        fitted = {}
        for name in names:
            scorer = cls(name, gan, components, scaler, patches=patches)
            # Each fold's members score the rows that they never saw.
            scores = [
                scorer.combine(scaler.transform(distances[:, [k]][:, :, places]))
                for k, places in enumerate(fold_places)
            ]
            fitted[name] = scorer, np.concatenate(scores)
        return fitted

    def align(self, scores: Floats, target: Floats) -> Scorer:
        """The same scorer on another one's scale.

        Args:
            scores: Its scores of held-out records.
            target: The other one's.
        """
        low, high = np.quantile(scores, ALIGNMENT_QUANTILES)
        target_low, target_high = np.quantile(target, ALIGNMENT_QUANTILES)
        slope = (target_high - target_low) / max(high - low, 1e-9)
        return replace(self, line=(float(target_low - slope * low), float(slope)))

    def score(self, values: Floats) -> Floats:
        """Scores of encoded records, ``(n, *shape) -> (n,)``; larger is more abnormal."""
        return self.combine(self.scaled_components(values))

    def scaled_components(self, values: Floats) -> Floats:
        """Scaled components of encoded records, ``(n, *shape) -> (J, n)``, means over folds."""
        distances = evaluate_components(self.gan, self.components, values, self.patches)
        return self.scaler.transform(distances)

    def combine(self, scaled: Floats) -> Floats:
        """Scores from scaled components, ``(J, n) -> (n,)``: weighted means on the final scale."""
        weight_of = parse_score(self.name)
        weights = np.array([weight_of.get(each.name, 0.0) for each in self.components])
        return self.apply_line(np.tensordot(weights / weights.sum(), scaled, 1))

    def apply_line(self, score: Floats) -> Floats:
        """Scores after the final linear map, ``(n,) -> (n,)``."""
        return np.asarray(np.round(self.line[0] + self.line[1] * score, SCORE_DECIMALS))

    def to(self, device: str) -> None:
        """Move the components to a device, in place."""
        for component in self.components:
            component.state = {key: value.to(device) for key, value in component.state.items()}

    def to_arrays(self) -> dict[str, FloatArray]:
        """Everything but the networks, by name; :meth:`from_arrays` rebuilds the scorer."""
        return {
            **{
                f"component.{component.name}.{key}": value.cpu().numpy()
                for component in self.components
                for key, value in component.state.items()
            },
            "scaler.centre": self.scaler.centre,
            "scaler.spread": self.scaler.spread,
            "line": np.array(self.line),
        }

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, FloatArray], gan: GAN, patches: PatchModel | None = None
    ) -> Scorer:
        """Rebuild from :meth:`to_arrays`.

        Raises:
            KeyError: If arrays are missing.
            ValueError: If they don't belong to these networks.
        """
        name = gan.config.score
        components = make_components(gan.config, name)
        for component in components:
            state = below(f"component.{component.name}.", arrays)
            component.state = {key: torch.tensor(value).float() for key, value in state.items()}
        centre, spread = (
            arrays[f"scaler.{key}"].astype(np.float64) for key in ("centre", "spread")
        )
        if not centre.shape == spread.shape == (len(components),):
            raise ValueError("scales of other components")
        if not (spread > 0).all():
            raise ValueError("a component's scale isn't positive")
        if arrays["line"].shape != (2,):
            raise ValueError("the score's final map isn't a line")
        intercept, slope = arrays["line"].astype(np.float64).tolist()
        if slope < 0:
            raise ValueError("the slope of the score's final map is negative")
        return cls(
            name, gan, components, ComponentScaler(centre, spread), (intercept, slope), patches
        )


def make_components(config: Config, *names: str) -> list[Component]:
    """Unfitted components of one or more scores, each once.

    Raises:
        InputError: If a component's plug-in is missing or can't be loaded.
    """
    unique = dict.fromkeys(component for name in names for component in parse_score(name))
    return [find(Component.registry, component)(config) for component in unique]


def fit_components(
    gan: GAN, values: Tensor, rows: Sequence[Tensor], *names: str
) -> list[Component]:
    """Fit the components of one or more scores.

    Args:
        gan: Trained networks.
        values: Encoded training records, ``(n, *shape)``.
        rows: For each member, the indices of the records it was trained on, in random order.
        names: Which scores, as of :func:`anomgan.score_weights.parse_score`.
    """
    limit = max(MIN_FIT_ROWS, MAX_FIT_VALUES // (gan.views.members * gan.views.spec.size))
    fit_rows = [member_rows[: min(limit, gan.config.memory_rows)] for member_rows in rows]
    used, places = torch.cat(fit_rows).unique(return_inverse=True)
    features = RecordFeatures.from_encoded(gan, values[used], rows_per_block(gan))
    components = make_components(gan.config, *names)
    for component in components:
        component.fit(features, places.split([len(member_rows) for member_rows in fit_rows]))
    return components


def evaluate_components(
    gan: GAN,
    components: Sequence[Component],
    values: Floats,
    patches: PatchModel | None = None,
) -> Floats:
    """Unscaled components of encoded records, ``(n, *shape) -> (J, K, n)`` for K folds, ≥ 0."""

    def evaluate(block: Tensor) -> Floats:
        features = RecordFeatures.from_encoded(gan, block, len(block), patches)
        distances = torch.stack([component(features) for component in components])
        return distances.double().cpu().numpy()

    data = torch.from_numpy(values).to(gan.views.loc.device)
    return np.concatenate(apply_in_blocks(gan, data, evaluate), -1)


def _adapt_components(
    components: Sequence[Component], gan: GAN, values: Tensor, folds: Folds
) -> None:
    """Let components adapt to a sample of the records held out from each fold's members."""
    samples = [torch.from_numpy(fold[:: -(-len(fold) // MAX_ADAPTATION_ROWS)]) for fold in folds]
    used, places = torch.cat(samples).unique(return_inverse=True)
    features = RecordFeatures.from_encoded(gan, values[used], rows_per_block(gan))
    fold_places = places.split([len(sample) for sample in samples])
    member_places = [part for part in fold_places for _ in range(gan.config.members)]
    for component in components:
        component.adapt(features, member_places)
