"""Encoded records to one score each: networks, fitted components, their scales and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.gans.base import GAN
from anomgan.gans.blockwise import apply_in_blocks, rows_per_block
from anomgan.scoring.components import Component
from anomgan.scoring.features import RecordFeatures
from anomgan.scoring.scaling import ComponentScaler
from anomgan.utils.serialization import below
from anomgan.utils.types import FloatArray, Floats, Folds

WEIGHTS: dict[str, dict[str, float]] = {
    "combined": {"deviation": 1.0, "neighbours": 1.0, "memory": 0.5, "latent": 0.25},
    "visual": {"feature_density": 1.0, "feature_distance": 0.25, "memory": 0.1},
    **{name: {name: 1.0} for name in Component.registry},
}
"""Name of a score -> the weights of its components.  ``combined`` was fixed over many tables
together.  ``visual`` is for pictures: features carry the shape, and a little of the distance to
remembered pixels keeps an eye on brightness and colour.  Each component alone is a score, too."""

SCORE_DECIMALS = 6
"""Scores are rounded to this many decimals: networks compute in float32, which knows no more."""

ALIGNMENT_QUANTILES = 0.5, 0.95
"""Quantiles of held-out scores at which :meth:`Scorer.align` makes two scorers agree: the middle,
and where decisions fall."""

MAX_ADAPTATION_ROWS = 256
"""Upper bound on the held-out records of each fold that components adapt to before scaling."""

MAX_FIT_VALUES = 2**28
"""Upper bound on the float64 values held while components are fitted: 2 GB."""

MIN_FIT_ROWS = 100
"""Records that components are fitted to even if :data:`MAX_FIT_VALUES` allows fewer."""


@dataclass
class Scorer:
    """A score: trained networks, fitted components, and how these are scaled and weighted.

    Attributes:
        name: Which score, a key of :data:`WEIGHTS`.
        gan: Trained networks.
        components: Fitted components, each once; perhaps more than this score needs.
        scaler: Brings the components to one scale.
        line: Intercept and slope of a final linear map of the score.
    """

    name: str
    gan: GAN
    components: Sequence[Component]
    scaler: ComponentScaler
    line: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def fit(
        cls,
        gan: GAN,
        values: Floats,
        rows: Sequence[Tensor],
        folds: Folds,
        *names: str,
        as_new: Floats | None = None,
    ) -> dict[str, tuple[Scorer, Floats]]:
        """Fit one or more scores that share their components.

        Args:
            gan: Trained networks.
            values: The encoded records they were trained on, ``(n, *shape)``.
            rows: For each member, the indices of the records it was trained on, in random order.
            folds: For each fold, the indices of the records that its members never saw.
            names: Which scores, keys of :data:`WEIGHTS`.
            as_new: The same records encoded as if each were new, if that makes a difference.

        Returns:
            Score name -> (fitted scorer, its out-of-fold scores), which come fold by fold.
        """
        data = torch.from_numpy(values).to(gan.views.loc.device)
        components = fit_components(gan, data, rows, *names)
        unseen = values if as_new is None else as_new
        _adapt(components, gan, torch.from_numpy(unseen).to(data.device), folds)
        held = np.unique(np.concatenate(folds))
        places = [np.searchsorted(held, fold) for fold in folds]
        raw = evaluate_components(gan, components, unseen[held])
        scaler = ComponentScaler.fit(raw, places)
        fitted = {}
        for name in names:
            scorer = cls(name, gan, components, scaler)
            # Each fold's members score the rows that they never saw.
            parts = [scorer.combine(raw[:, [k]][:, :, rows]) for k, rows in enumerate(places)]
            fitted[name] = scorer, np.concatenate(parts)
        return fitted

    def align(self, own: Floats, wanted: Floats) -> Scorer:
        """The same scorer on another one's scale.

        Args:
            own: Its scores of held-out records.
            wanted: The other one's.
        """
        low, high = np.quantile(own, ALIGNMENT_QUANTILES)
        to_low, to_high = np.quantile(wanted, ALIGNMENT_QUANTILES)
        slope = (to_high - to_low) / max(high - low, 1e-9)
        return replace(self, line=(float(to_low - slope * low), float(slope)))

    def score(self, values: Floats) -> Floats:
        """Scores of encoded records, ``(n, *shape) -> (n,)``; larger is more abnormal."""
        return self.combine(self.evaluate(values))

    def evaluate(self, values: Floats) -> Floats:
        """Unscaled components of encoded records, ``(n, *shape) -> (J, K, n)`` for K folds."""
        return evaluate_components(self.gan, self.components, values)

    def scaled_components(self, values: Floats) -> Floats:
        """Scaled components of encoded records, ``(n, *shape) -> (J, n)``, means over folds."""
        return np.asarray(self.scaler.transform(self.evaluate(values)).mean(1))

    def combine(self, components: Floats) -> Floats:
        """Weighted means of unscaled components over folds, ``(J, K, n) -> (n,)``."""
        weights = np.array([WEIGHTS[self.name].get(each.name, 0.0) for each in self.components])
        scaled = self.scaler.transform(components).mean(1)
        return self.apply_line(np.tensordot(weights / weights.sum(), scaled, 1))

    def apply_line(self, score: Floats) -> Floats:
        """Scores after the final linear map, ``(n,) -> (n,)``."""
        return np.asarray(np.round(self.line[0] + self.line[1] * score, SCORE_DECIMALS))

    def to(self, device: str) -> None:
        """Move the components to a device, in place."""
        for component in self.components:
            component.state = {key: value.to(device) for key, value in component.state.items()}

    def state(self) -> dict[str, FloatArray]:
        """Everything but the networks, by name; :meth:`from_state` rebuilds the scorer from it."""
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
    def from_state(cls, state: Mapping[str, FloatArray], gan: GAN) -> Scorer:
        """Rebuild from :meth:`state`.

        Raises:
            KeyError: If arrays are missing.
            ValueError: If they don't belong to these networks.
        """
        name = gan.config.score
        components = make_components(gan.config, name)
        for component in components:
            arrays = below(f"component.{component.name}.", state)
            component.state = {key: torch.tensor(value).float() for key, value in arrays.items()}
        centre, spread = (state[f"scaler.{key}"].astype(np.float64) for key in ("centre", "spread"))
        if not centre.shape == spread.shape == (len(components),):
            raise ValueError("scales of other components")
        if not (spread > 0).all():
            raise ValueError("a component's scale isn't positive")
        if state["line"].shape != (2,):
            raise ValueError("the score's final map isn't a line")
        intercept, slope = state["line"].astype(np.float64).tolist()
        if slope < 0:
            raise ValueError("the slope of the score's final map is negative")
        return cls(name, gan, components, ComponentScaler(centre, spread), (intercept, slope))


def make_components(config: Config, *names: str) -> list[Component]:
    """The components that make up one or more scores, each once and not yet fitted."""
    needed = dict.fromkeys(component for name in names for component in WEIGHTS[name])
    return [Component.registry[component](config) for component in needed]


def fit_components(
    gan: GAN, values: Tensor, rows: Sequence[Tensor], *names: str
) -> list[Component]:
    """Fit the components of one or more scores.

    Args:
        gan: Trained networks.
        values: Encoded training records, ``(n, *shape)``.
        rows: For each member, the indices of the records it was trained on, in random order.
        names: Which scores, keys of :data:`WEIGHTS`.
    """
    allowed = max(MIN_FIT_ROWS, MAX_FIT_VALUES // (gan.views.members * gan.views.spec.size))
    kept = [member_rows[: min(allowed, gan.config.memory_rows)] for member_rows in rows]
    used, places = torch.cat(kept).unique(return_inverse=True)
    features = RecordFeatures.encode(gan, values[used], rows_per_block(gan))
    components = make_components(gan.config, *names)
    for component in components:
        component.fit(features, places.split([len(member_rows) for member_rows in kept]))
    return components


def evaluate_components(gan: GAN, components: Sequence[Component], values: Floats) -> Floats:
    """Unscaled components of encoded records, ``(n, *shape) -> (J, K, n)`` for K folds, ≥ 0."""

    def evaluate(block: Tensor) -> Floats:
        features = RecordFeatures.encode(gan, block, len(block))
        distances = torch.stack([component(features) for component in components])
        return distances.double().cpu().numpy()

    data = torch.from_numpy(values).to(gan.views.loc.device)
    return np.concatenate(apply_in_blocks(gan, data, evaluate), -1)


def _adapt(components: Sequence[Component], gan: GAN, values: Tensor, folds: Folds) -> None:
    """Show components a sample of the records that each fold's members have never seen."""
    samples = [torch.from_numpy(fold[:: -(-len(fold) // MAX_ADAPTATION_ROWS)]) for fold in folds]
    used, places = torch.cat(samples).unique(return_inverse=True)
    features = RecordFeatures.encode(gan, values[used], rows_per_block(gan))
    of_fold = places.split([len(sample) for sample in samples])
    of_member = [unseen for unseen in of_fold for _ in range(gan.config.members)]
    for component in components:
        component.adapt(features, of_member)
