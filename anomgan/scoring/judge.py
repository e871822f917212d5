"""Raw components to one score: what is usual, learnt from rows that no member was fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomgan.calibration.conformal import Floats, Folds, Scaler
from anomgan.gans import GAN
from anomgan.scoring.features import Evidence
from anomgan.scoring.scorer import WEIGHTS, Scorer, components_of, rows_at_once
from anomgan.training.ensemble import Ensemble
from anomgan.utils.serialization import below

DECIMALS = 6
"""Scores are rounded to this many decimals: networks compute in float32, which knows no more."""

ALIGNED = 0.5, 0.95
"""Quantiles of held-out scores that :meth:`Judge.aligned` brings to where another judge has them:
the middle, and where decisions fall."""

SETTLED = 256
"""Most held-out records of each fold that components are shown before they are scaled."""

FloatArray = NDArray[np.floating[Any]]


@dataclass
class Judge:
    """Fitted components and their scale.

    Attributes:
        kind: Which score it gives, a key of :data:`anomgan.scoring.scorer.WEIGHTS`.
        scorer: Trained networks and fitted components, perhaps more than this score needs.
        scaler: Brings components to one scale.
        line: Intercept and slope of a last linear map of the score.
    """

    kind: str
    scorer: Scorer
    scaler: Scaler
    line: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def fit(
        cls, ensemble: Ensemble, values: Floats, *kinds: str, as_new: Floats | None = None
    ) -> dict[str, tuple[Judge, Floats]]:
        """Learn what usual components are, for one or more scores that share them.

        Args:
            ensemble: Trained networks.
            values: The encoded records they were trained on, ``(n, *shape)``.
            kinds: Which scores.
            as_new: The same records encoded as if each were new, if that makes a difference.

        Returns:
            For each its judge, and what it says of each held-out record, by members that never saw
            it.
        """
        gan, folds = ensemble.gan, ensemble.folds
        data = torch.from_numpy(values).to(gan.views.loc.device)
        scorer = Scorer.fit(gan, data, ensemble.rows, *kinds)
        _settle(scorer, data if as_new is None else torch.from_numpy(as_new).to(data.device), folds)
        held = np.unique(np.concatenate(folds))
        own = [np.searchsorted(held, fold) for fold in folds]
        raw = scorer((values if as_new is None else as_new)[held])
        scaler = Scaler.fit(raw, own)
        judges = {}
        for kind in kinds:
            judge = cls(kind, scorer, scaler)
            parts = [judge.combine(raw[:, [k]][:, :, rows]) for k, rows in enumerate(own)]
            judges[kind] = judge, np.concatenate(parts)
        return judges

    def aligned(self, own: Floats, wanted: Floats) -> Judge:
        """The same judge on another one's scale.

        Args:
            own: Its scores of held-out records.
            wanted: The other one's.
        """
        (low, high), (to_low, to_high) = (np.quantile(s, ALIGNED) for s in (own, wanted))
        slope = (to_high - to_low) / max(high - low, 1e-9)
        return replace(self, line=(float(to_low - slope * low), float(slope)))

    def components(self, values: Floats) -> Floats:
        """Scaled components of encoded records, ``(n, *shape) -> (J, n)``, means over folds."""
        return np.asarray(self.scaler(self.scorer(values)).mean(1))

    def score(self, values: Floats) -> Floats:
        """Scores of encoded records, ``(n, *shape) -> (n,)``; larger is more abnormal."""
        return self.combine(self.scorer(values))

    def combine(self, raw: Floats) -> Floats:
        """Scores from raw components: their weighted mean over folds, ``(J, K, n) -> (n,)``."""
        own = WEIGHTS[self.kind]
        weights = np.array([own.get(component.name, 0.0) for component in self.scorer.components])
        mean = np.tensordot(weights / weights.sum(), self.scaler(raw).mean(1), 1)
        return self.mapped(np.asarray(mean))

    def mapped(self, score: Floats) -> Floats:
        """Scores after the last linear map, ``(n,) -> (n,)``."""
        return np.asarray(np.round(self.line[0] + self.line[1] * score, DECIMALS))

    def to(self, device: str) -> None:
        """Move the components to a device, in place."""
        for component in self.scorer.components:
            component.state = {key: value.to(device) for key, value in component.state.items()}

    def state(self) -> dict[str, FloatArray]:
        """Everything but the networks, by name."""
        fitted: dict[str, FloatArray] = {
            f"component.{component.name}.{key}": value.cpu().numpy()
            for component in self.scorer.components
            for key, value in component.state.items()
        }
        scales = {"scaler.centre": self.scaler.centre, "scaler.spread": self.scaler.spread}
        return fitted | scales | {"line": np.array(self.line)}

    @classmethod
    def from_state(cls, state: Mapping[str, FloatArray], gan: GAN) -> Judge:
        """Rebuild from :meth:`state`.

        Raises:
            ValueError: If the arrays don't belong to these networks.
        """
        config = gan.config
        components = components_of(config, config.score)
        for component in components:
            own = below(f"component.{component.name}.", state)
            component.state = {key: torch.tensor(value).float() for key, value in own.items()}
        centre, spread = (state[f"scaler.{key}"].astype(np.float64) for key in ("centre", "spread"))
        if not centre.shape == spread.shape == (len(components),):
            raise ValueError("scales of other components")
        if not (spread > 0).all():
            raise ValueError("a component's scale isn't positive")
        if state["line"].shape != (2,):
            raise ValueError("the score's last map isn't a line")
        first, slope = state["line"].astype(np.float64).tolist()
        if slope < 0:
            raise ValueError("the score's last map turns it upside down")
        scorer, scaler = Scorer(gan, components), Scaler(centre, spread)
        return cls(config.score, scorer, scaler, (first, slope))


def _settle(scorer: Scorer, values: Tensor, folds: Folds) -> None:
    """Show components some of the records that each member has never seen."""
    few = [torch.from_numpy(fold[:: -(-len(fold) // SETTLED)]) for fold in folds]
    shown, places = torch.cat(few).unique(return_inverse=True)
    rows = places.split([len(own) for own in few])
    evidence = Evidence.gather(scorer.gan, values[shown], rows_at_once(scorer.gan))
    each = [own for own in rows for _ in range(scorer.gan.config.members)]
    for component in scorer.components:
        component.settle(evidence, each)
