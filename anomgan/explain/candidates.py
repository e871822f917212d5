"""Generated records that are normal, and how far a record is from them in each column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from anomgan.data.encoders.table import TableEncoder
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.utils.types import Floats

DRAWN = 4000
"""Records generated for each condition, to find normal ones among them."""

FEWEST = 100
"""So many of them are kept at least, even if fewer are normal: the best."""

TYPICAL = 0.5
"""Quantile of calibration scores up to which a generated record is kept."""


@dataclass(frozen=True)
class Pool:
    """Normal records under one condition.

    Attributes:
        values: Encoded, ``(P, D)``.
        scaled: As the members of one fold see them, ``(M, P, D)``.
        usual: Mean squared distances of neighbours in each column, ``(C,)``.
    """

    values: Floats
    scaled: Floats
    usual: Floats


class Pools:
    """A pool of normal records for each condition, generated when first needed from fixed seeds.

    Attributes:
        owner: The number of the column that each judged entry of a record belongs to.
    """

    def __init__(self, encoder: TableEncoder, ensemble: FittedEnsemble) -> None:
        """Keep encoder and ensemble."""
        self.encoder, self.ensemble = encoder, ensemble
        spec = encoder.spec
        number = {column.name: at for at, column in enumerate(encoder.schema.columns)}
        owner = [number.get(s.column, -1) for s in spec.spans for _ in range(s.width)]
        self.owner = np.array(owner[: spec.record_size - 1])  # the last says that cells are missing
        self._views = ensemble.gan.views.select_members(range(ensemble.gan.config.members))
        self._typical = np.quantile(ensemble.calibrator.scores, TYPICAL)
        self._pools: dict[bytes, Pool] = {}

    def of(self, condition: Floats) -> Pool:
        """Normal records under a condition, generated once."""
        key = condition.tobytes()
        if key not in self._pools:
            drawn = self._drawn(condition)
            score = self.ensemble.score(drawn)
            kept = max(FEWEST, int((score <= self._typical).sum()))
            values = drawn[np.argsort(score, kind="stable")[:kept]]
            scaled = self.scaled(values)
            self._pools[key] = Pool(values, scaled, self._usual(scaled))
        return self._pools[key]

    def _drawn(self, condition: Floats) -> Floats:
        """Generated records such as a table could hold: whole numbers, one level of a category."""
        gan, draws = self.ensemble.gan, torch.Generator().manual_seed(0)
        z = gan.sample_prior(-(-DRAWN // gan.views.members), draws).to(gan.views.loc.device)
        if len(condition):
            z[..., -len(condition) :] = torch.from_numpy(condition).to(z)
        with torch.no_grad():
            made = gan.views.inverse(gan.generate(z)).cpu().flatten(0, 1).numpy()
        values, _ = self.encoder.transform(self.encoder.decode(made))
        values[:, self.encoder.spec.record_size :] = condition
        return values

    def scaled(self, values: Floats) -> Floats:
        """Records as the members of one fold see them, ``(n, D) -> (M, n, D)``."""
        data = torch.from_numpy(values).to(self._views.loc.device)
        return np.asarray(self._views(data).cpu().numpy())

    def distances(self, x: Floats, others: Floats) -> Floats:
        """Squared distances of one record in each column, mean over members, ``(P, C)``."""
        judged = len(self.owner)
        entries = np.zeros((others.shape[1], judged))
        for mine, theirs in zip(x, others, strict=True):
            entries += np.square(theirs[:, :judged] - mine[:, :judged]) / len(x)
        return np.add.reduceat(entries, np.unique(self.owner, return_index=True)[1], axis=1)

    def _usual(self, scaled: Floats) -> Floats:
        """How far apart neighbours among normal records are in each column."""
        found = []
        for at in range(0, scaled.shape[1], -(-scaled.shape[1] // 200)):
            distances = self.distances(scaled[:, [at]], scaled)
            nearest = np.argsort(distances.sum(1), kind="stable")[1:6]  # the first is itself
            found.append(distances[nearest].mean(0))
        return np.asarray(np.maximum(np.mean(found, 0), 1e-3))
