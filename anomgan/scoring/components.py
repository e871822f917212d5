"""Components of a score: measures of how abnormal a record is, each from another point of view.

Every component is a distance, larger for more abnormal.  A subclass of :class:`Component` with a
name registers itself.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.errors import InputError
from anomgan.nets import builders
from anomgan.plugins.registry import COMPONENTS, Registry
from anomgan.score_weights import SUMS
from anomgan.scoring.features import RecordFeatures
from anomgan.scoring.knn import KNNIndex
from anomgan.scoring.whitening import fit_whitening, whiten

DISTANCE_OFFSET = 1e-9
"""Added to distances before the logarithm, so that an exact reproduction stays finite."""


NEIGHBOUR_DIRECTIONS = 32
"""Directions of each member in which the neighbours of contrast are searched."""


class Component(ABC):
    """One measure of abnormality.

    The vectors of a fold's M members are concatenated, and distances are taken between these long
    vectors: a mean of the members' distances would lose what only some of them detect.

    Attributes:
        name: Its name in tables and files.
        config: The settings.
        state: Fitted tensors; all there is to save.
    """

    name: ClassVar[str]
    registry: ClassVar[Registry[Component]] = COMPONENTS

    def __init_subclass__(cls) -> None:
        """Register components that have a name.

        Raises:
            InputError: If the name is taken.
        """
        super().__init_subclass__()
        if "name" in cls.__dict__:
            if cls.name in SUMS:
                raise InputError(f"component {cls.name!r}: is the name of a score; choose another")
            Component.registry.add(cls.name, cls)

    def __init__(self, config: Config) -> None:
        """Start without state."""
        self.config = config
        self.state: dict[str, Tensor] = {}

    @abstractmethod
    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Fit to training records.

        Args:
            records: Features of n records under K folds of M members.
            rows: For each of the K·M members, the indices of the records it may be fitted to.
        """

    def adapt(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:  # noqa: B027 (optional)
        """Adapt to ``rows``, records held out from each member; most components don't."""

    @abstractmethod
    def __call__(self, records: RecordFeatures) -> Tensor:
        """Distances of records in each of K folds, ``(K, n)``, ≥ 0; larger is more abnormal."""

    def group_by_fold(self, values: Tensor) -> Tensor:
        """Split the axis of members, ``(K·M, n, …) -> (K, M, n, …)``."""
        return values.reshape(-1, self.config.members, *values.shape[1:])


class Paper(Component):
    """The score of the method's own paper: geometric mean over members, each in its own unit."""

    name: ClassVar[str] = "paper"

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Fit each member's unit, so that large numbers of one don't dominate the others'."""
        logs = (records.paper + DISTANCE_OFFSET).log()
        samples = [log[member_rows] for log, member_rows in zip(logs, rows, strict=True)]
        centre = torch.stack([log.median() for log in samples])
        spread = torch.stack([log.quantile(0.75) - log.quantile(0.25) for log in samples])
        self.state = {"centre": centre, "spread": spread.clamp(min=1e-3)}

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Geometric mean of the members' scores."""
        logs = (records.paper + DISTANCE_OFFSET).log() - self.state["centre"][:, None].to(records.x)
        logs = logs / self.state["spread"][:, None].to(logs)
        # Beyond this a float64 would overflow; no distance in float32 units comes near it.
        mean: Tensor = self.group_by_fold(logs).mean(1).double()
        return mean.clamp(max=500).exp()


class Mahalanobis(Component):
    """Mahalanobis distance of some vectors of a record from their mean."""

    @abstractmethod
    def vectors(self, records: RecordFeatures) -> Tensor:
        """The vectors, ``(K·M, n, S)``."""

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Fit the vectors' mean and covariance."""
        self.state = fit_whitening(self.vectors(records), rows)

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Root mean square of the members' Mahalanobis distances."""
        white = whiten(self.vectors(records), self.state)
        return self.group_by_fold(white.square().sum(-1)).mean(1).sqrt()


class Reconstruction(Mahalanobis):
    """What the generator can't reproduce: the residual x − G(z*) after inversion."""

    name: ClassVar[str] = "reconstruction"

    def vectors(self, records: RecordFeatures) -> Tensor:
        """The residuals of G(z*)."""
        return records.residuals


class FeatureDistance(Mahalanobis):
    """Difference in the discriminator's features: f(x) − f(G(z*))."""

    name: ClassVar[str] = "feature_distance"

    def vectors(self, records: RecordFeatures) -> Tensor:
        """The features' differences."""
        return records.feature_differences


class FeatureDensity(Mahalanobis):
    """How unusual a record is in the discriminator's feature space."""

    name: ClassVar[str] = "feature_density"

    def vectors(self, records: RecordFeatures) -> Tensor:
        """The features."""
        return records.features


class Deviation(Mahalanobis):
    """All vectors of a record together: f(x), f(x) − f(G(z*)) and x − G(z*).

    Concatenated, so that their correlations count.
    """

    name: ClassVar[str] = "deviation"

    def vectors(self, records: RecordFeatures) -> Tensor:
        """All three, concatenated."""
        parts = records.features, records.feature_differences, records.residuals
        return torch.cat(parts, -1)


class Latent(Component):
    """How improbable the latent vector of the nearest generated record is: its length.

    −log p(z*) under the prior N(0, 1), up to a square and a constant.  Weak alone, but its errors
    are on other records than those of distances.
    """

    name: ClassVar[str] = "latent"

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Nothing is fitted: the prior is fixed."""
        self.state = {}

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Root mean square over members of ‖z*‖, without conditions.

        0 where the length means nothing: a translator's code is the record itself, and a search
        without encoder is kept in the ball in which the prior's draws lie, at whose surface it
        mostly ends.
        """
        if records.gan.inversion in ("none", "prior"):
            return self.group_by_fold(torch.zeros_like(records.z[..., 0])).mean(1)
        z = records.z[..., : records.z.shape[-1] - records.gan.views.spec.condition_size]
        return self.group_by_fold(z.square().sum(-1)).mean(1).sqrt()


class ContrastLength(Component):
    """How far a record lies from normal rows where corrupted rows differ from them.

    The length of its position in the contrast discriminator's directions, in which normal rows have
    mean 0 and at most variance 1.
    """

    name: ClassVar[str] = "contrast_length"

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Nothing to fit: the directions belong to the network."""
        self.state = {}

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Root mean square of the members' lengths."""
        return self.group_by_fold(records.contrast.square().sum((-2, -1))).mean(1).sqrt()


class NearestNeighbours(Component):
    """Distance to the nearest training records, in a space that members embed records in."""

    def __init__(self, config: Config) -> None:
        """Start without state."""
        super().__init__(config)
        self._index: KNNIndex | None = None

    @abstractmethod
    def embed(self, records: RecordFeatures, rows: Sequence[Tensor] | None = None) -> Tensor:
        """Embed records, ``(K·M, n, S)``; if `rows` is given, fit the embedding to them first."""

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Keep a sample of the training records."""
        self.state = {}
        embedded = self.embed(records, rows)
        count = min(self.config.memory_rows, *(len(each) for each in rows), len(rows[0]))
        memory = [vectors[each[:count]] for vectors, each in zip(embedded, rows, strict=True)]
        self.state["memory"] = self._join_members(torch.stack(memory)).float()

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Mean distance to the nearest few."""
        memory = self.state["memory"]
        if self._index is None or self._index.rows is not memory:
            self._index = KNNIndex(memory)
        points = self._join_members(self.embed(records)).to(memory)
        return self._index.distances(points, self.config.neighbours)

    def _join_members(self, embedded: Tensor) -> Tensor:
        """Concatenate the vectors of a fold's members, ``(K, n, M·S)``, of mean square 1."""
        joined = self.group_by_fold(embedded).transpose(1, 2).flatten(2)
        return joined / math.sqrt(self.config.members)


class Neighbours(NearestNeighbours):
    """Nearest training records by features f(x) and residuals x − G(z*), both whitened."""

    name: ClassVar[str] = "neighbours"

    def embed(self, records: RecordFeatures, rows: Sequence[Tensor] | None = None) -> Tensor:
        """Features and residuals, concatenated with equal weight."""
        parts = []
        for name, vectors in (("f", records.features), ("r", records.residuals)):
            if rows is not None:
                fitted = fit_whitening(vectors, rows)
                self.state |= {f"{name}.{key}": value for key, value in fitted.items()}
            state = {"mean": self.state[f"{name}.mean"], "map": self.state[f"{name}.map"]}
            parts.append(whiten(vectors, state) / math.sqrt(vectors.shape[-1]))
        return torch.cat(parts, -1)


class ContrastNeighbours(NearestNeighbours):
    """Nearest training records in the first of the contrast discriminator's directions."""

    name: ClassVar[str] = "contrast_neighbours"

    def embed(self, records: RecordFeatures, rows: Sequence[Tensor] | None = None) -> Tensor:
        """Positions in the directions in which corrupted rows differ most."""
        first = records.contrast[..., :NEIGHBOUR_DIRECTIONS].flatten(-2)
        return first / math.sqrt(first.shape[-1])


class Memory(NearestNeighbours):
    """Nearest training records by their scaled entries: what memorising does without any GAN."""

    name: ClassVar[str] = "memory"

    def embed(self, records: RecordFeatures, rows: Sequence[Tensor] | None = None) -> Tensor:
        """The record itself; of a large picture, a thumbnail."""
        vectors = builders.make_thumbnails(records.gan.views.spec, records.x)
        return vectors / math.sqrt(vectors.shape[-1])

    def recall(self, records: RecordFeatures) -> Tensor:
        """The nearest remembered record of the first fold, scaled as its members see it.

        Returns:
            ``(M, n, D)``; not for large pictures, of which only thumbnails are remembered.
        """
        points = self._join_members(self.embed(records))[0]
        memory = self.state["memory"][0].to(points)
        nearest = torch.cdist(points, memory, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)
        size = records.x.shape[-1]
        parts: Tensor = memory[nearest].reshape(-1, self.config.members, size).transpose(0, 1)
        return parts * math.sqrt(size * self.config.members)


class Transforms(Component):
    """How badly the second head predicts a picture's transform (Golan & El-Yaniv, 2018).

    A family of transforms counts if on held-out normal pictures the head's loss is at most half of
    a uniform guess's: a family that is hard to predict for normal pictures says nothing about
    abnormal ones.  The family with the smallest loss always counts.
    """

    name: ClassVar[str] = "transforms"

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Start with all families; :meth:`adapt` drops some."""
        self.state = {"counts": records.pretext.new_ones(records.pretext.shape[-1])}

    def adapt(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Drop families that are hard to predict for normal pictures."""
        losses = [
            loss[held_out].mean(0) for loss, held_out in zip(records.pretext, rows, strict=True)
        ]
        # As a share of the loss of a uniform guess.
        head = records.gan.pretext
        counts = torch.tensor(head.counts if head else (), device=records.x.device)
        share = torch.stack(losses).mean(0) / counts.to(records.x).log()
        self.state = {"counts": (share <= share.min().clamp(min=0.5)).to(share)}

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Sum over families of the members' mean −log p, in nats."""
        losses = self.group_by_fold(records.pretext).mean(1)
        return (losses * self.state["counts"].to(losses)).sum(-1)


class _Places(Component):
    """A score of a picture's places in a backbone's features, which are fitted together."""

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Nothing to fit: gallery and discriminators belong to the ensemble."""
        self.state = {}


class PatchDistance(_Places):
    """How far places are from those of like normal pictures: the geometric mean of all."""

    name: ClassVar[str] = "patch_distance"

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Of each fold's gallery."""
        return records.places.distance


class PatchDiscriminator(_Places):
    """How foreign a picture's most foreign places are to the discriminators of places."""

    name: ClassVar[str] = "patch_discriminator"

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Odds, scaled ring by ring from the picture's edge."""
        return records.places.foreign


class PooledMaps(_Places):
    """How unusual a picture is as a whole, by a backbone's pooled maps."""

    name: ClassVar[str] = "pooled_maps"

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Of each fold's pictures."""
        return records.places.whole
