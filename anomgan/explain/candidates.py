"""Generated normal records, and how far a record is from them in each column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from anomgan.data.encoders.table import TableEncoder
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.utils.types import Floats

GENERATED_ROWS = 4000
"""Records generated for each condition, to find normal ones among them."""

MIN_CANDIDATES = 100
"""Lower bound on the records kept; if fewer are normal, the most normal ones."""

CANDIDATE_QUANTILE = 0.5
"""Quantile of calibration scores up to which a generated record is kept."""

NEIGHBOUR_ROWS = 200
"""Upper bound, nearly, on the records from which the distances of neighbours are estimated."""


@dataclass(frozen=True)
class CandidatePool:
    """Normal records under one condition.

    Attributes:
        values: Encoded, ``(P, D)``.
        scaled: As scaled for the members of one fold, ``(M, P, D)``.
        neighbour_distances: Mean squared distances of neighbours in each column, ``(C,)``.
    """

    values: Floats
    scaled: Floats
    neighbour_distances: Floats


class CandidatePools:
    """A pool of normal records for each condition, generated when first needed from fixed seeds.

    Attributes:
        column_of: For each entry of a record before `UNEXPECTED`, the number of its column.
    """

    def __init__(self, encoder: TableEncoder, ensemble: FittedEnsemble) -> None:
        """Keep encoder and ensemble."""
        self.encoder, self.ensemble = encoder, ensemble
        spec = encoder.spec
        numbers = {column.name: at for at, column in enumerate(encoder.schema.columns)}
        column_of = [numbers.get(s.column, -1) for s in spec.spans for _ in range(s.width)]
        self.column_of = np.array(column_of[: spec.record_size - 1])
        self._scaler = ensemble.gan.views.select_members(range(ensemble.gan.config.members))
        self._max_score = np.quantile(ensemble.calibrator.scores, CANDIDATE_QUANTILE)
        self._pools: dict[bytes, CandidatePool] = {}

    def get(self, condition: Floats) -> CandidatePool:
        """Normal records under an encoded condition, generated once."""
        key = condition.tobytes()
        if key not in self._pools:
            generated = self._generate(condition)
            score = self.ensemble.score(generated)
            count = max(MIN_CANDIDATES, int((score <= self._max_score).sum()))
            values = generated[np.argsort(score, kind="stable")[:count]]
            scaled = self.scale(values)
            self._pools[key] = CandidatePool(values, scaled, self._neighbour_distances(scaled))
        return self._pools[key]

    def _generate(self, condition: Floats) -> Floats:
        """Generated records that a table could hold: whole numbers, one level of a category."""
        gan, generator = self.ensemble.gan, torch.Generator().manual_seed(0)
        z = gan.sample_prior(-(-GENERATED_ROWS // gan.views.members), generator)
        z = z.to(gan.views.loc.device)
        if len(condition):
            z[..., -len(condition) :] = torch.from_numpy(condition).to(z)
        with torch.no_grad():
            generated = gan.views.inverse(gan.generate(z)).cpu().flatten(0, 1).numpy()
        values, _ = self.encoder.transform(self.encoder.decode(generated))
        values[:, self.encoder.spec.record_size :] = condition
        return values

    def scale(self, values: Floats) -> Floats:
        """Scale encoded records for the members of one fold, ``(n, D) -> (M, n, D)``."""
        data = torch.from_numpy(values).to(self._scaler.loc.device)
        return np.asarray(self._scaler(data).cpu().numpy())

    def distances(self, x: Floats, others: Floats) -> Floats:
        """Squared distances of one record to P others in each column, mean over members.

        Args:
            x: The scaled record, ``(M, 1, D)``.
            others: The others, ``(M, P, D)``.

        Returns:
            ``(P, C)``.
        """
        size = len(self.column_of)
        entries = np.zeros((others.shape[1], size))
        for member_x, member_others in zip(x, others, strict=True):
            entries += np.square(member_others[:, :size] - member_x[:, :size]) / len(x)
        starts = np.unique(self.column_of, return_index=True)[1]
        return np.add.reduceat(entries, starts, axis=1)

    def _neighbour_distances(self, scaled: Floats) -> Floats:
        """Mean squared distances of neighbours among normal records in each column, ``(C,)``."""
        means = []
        for at in range(0, scaled.shape[1], -(-scaled.shape[1] // NEIGHBOUR_ROWS)):
            distances = self.distances(scaled[:, [at]], scaled)
            nearest = np.argsort(distances.sum(1), kind="stable")[1:6]  # the first is itself
            means.append(distances[nearest].mean(0))
        return np.asarray(np.maximum(np.mean(means, 0), 1e-3))
