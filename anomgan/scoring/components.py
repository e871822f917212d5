"""Anomaly components: what a record shows against the trained networks, one number per aspect.

Every component is a distance, larger for more abnormal.  The list is open: a subclass of
:class:`Component` with a name joins it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.nets import builders
from anomgan.scoring.features import RecordFeatures
from anomgan.scoring.knn import Index
from anomgan.scoring.scaling import DISTANCE_OFFSET
from anomgan.scoring.whitening import whiten, whitening


class Component(ABC):
    """One aspect of abnormality.

    The members of a fold speak with one voice: what they see of a record are parts of one long
    vector, and distances are taken in it.  A mean of their distances would lose what only some of
    them see.

    Attributes:
        name: Its name in tables and files.
        state: Fitted tensors; all there is to save.
    """

    name: ClassVar[str]
    registry: ClassVar[dict[str, type[Component]]] = {}

    def __init_subclass__(cls) -> None:
        """Register components that have a name."""
        super().__init_subclass__()
        if "name" in cls.__dict__:
            Component.registry[cls.name] = cls

    def __init__(self, config: Config) -> None:
        """Start without state."""
        self.config = config
        self.state: dict[str, Tensor] = {}

    @abstractmethod
    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Learn what is usual; ``rows`` are the records that each member may learn from."""

    def adapt(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:  # noqa: B027 (optional)
        """Adapt to ``rows``, records that each member has never seen; most have no need to."""

    @abstractmethod
    def __call__(self, records: RecordFeatures) -> Tensor:
        """Distances of records for each of K folds, ``(K, n)``, at least 0, larger for more odd."""

    def by_fold(self, parts: Tensor) -> Tensor:
        """Regroup what members give, ``(K·M, n, …) -> (K, M, n, …)``."""
        return parts.reshape(-1, self.config.members, *parts.shape[1:])


class Paper(Component):
    """The score of the method's own paper: geometric mean of the members', each in its own unit."""

    name: ClassVar[str] = "paper"

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Learn each member's unit, so that one with larger numbers doesn't drown the others."""
        logs = (records.paper + DISTANCE_OFFSET).log()
        own = [log[known] for log, known in zip(logs, rows, strict=True)]
        centre = torch.stack([log.median() for log in own])
        spread = torch.stack([log.quantile(0.75) - log.quantile(0.25) for log in own])
        self.state = {"centre": centre, "spread": spread.clamp(min=1e-3)}

    def __call__(self, records: RecordFeatures) -> Tensor:
        """As the paper's formula says."""
        logs = (records.paper + DISTANCE_OFFSET).log() - self.state["centre"][:, None].to(records.x)
        logs = logs / self.state["spread"][:, None].to(logs)
        # Beyond this a float64 would overflow; no distance in float32 units comes near it.
        mean: Tensor = self.by_fold(logs).mean(1).double()
        return mean.clamp(max=500).exp()


class Mahalanobis(Component):
    """Mahalanobis length of some vectors that members see of a record."""

    @abstractmethod
    def vectors(self, records: RecordFeatures) -> Tensor:
        """The vectors, ``(K·M, n, S)``."""

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Learn the vectors' mean and covariance."""
        self.state = whitening(self.vectors(records), rows)

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Root mean square of the members' Mahalanobis lengths."""
        white = whiten(self.vectors(records), self.state)
        return self.by_fold(white.square().sum(-1)).mean(1).sqrt()


class Reconstruction(Mahalanobis):
    """What the generator can't reproduce: the residual x − G(z*) after inversion."""

    name: ClassVar[str] = "reconstruction"

    def vectors(self, records: RecordFeatures) -> Tensor:
        """The residuals of G(z*)."""
        return records.residuals


class FeatureDistance(Mahalanobis):
    """What the discriminator sees change: f(x) − f(G(z*))."""

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
    """All that the networks see of a record, together: how far it is from what is usual.

    f(x), f(x) − f(G(z*)) and x − G(z*) side by side, so that their correlations count.
    """

    name: ClassVar[str] = "deviation"

    def vectors(self, records: RecordFeatures) -> Tensor:
        """All three, one behind the other."""
        parts = records.features, records.feature_differences, records.residuals
        return torch.cat(parts, -1)


class Latent(Component):
    """How improbable the latent vector of the nearest generated record is: its length.

    −log p(z*) under the prior N(0, 1), up to a square and a constant.  Weak alone, but wrong about
    other records than distances are.
    """

    name: ClassVar[str] = "latent"

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """There is nothing to learn: the prior is known."""
        self.state = {}

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Root mean square over members of ‖z*‖, conditions left out.

        0 where it says nothing: a translator's code is the record itself, and a search without
        encoder is kept within the ball that the prior fills, at whose surface it mostly ends.
        """
        if records.gan.inversion in ("none", "prior"):
            return self.by_fold(torch.zeros_like(records.z[..., 0])).mean(1)
        own = records.z[..., : records.z.shape[-1] - records.gan.views.spec.condition_size]
        return self.by_fold(own.square().sum(-1)).mean(1).sqrt()


class Nearest(Component):
    """How far the nearest training records are, in a space in which members see records."""

    def __init__(self, config: Config) -> None:
        """Start without state."""
        super().__init__(config)
        self._index: Index | None = None

    @abstractmethod
    def place(self, records: RecordFeatures, rows: Sequence[Tensor] | None = None) -> Tensor:
        """Where records lie, ``(K·M, n, S)``; given rows, what they teach is learnt first."""

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Keep a sample of the training records."""
        self.state = {}
        places = self.place(records, rows)
        kept = min(self.config.memory_rows, *(len(own) for own in rows), len(rows[0]))
        memory = torch.stack([place[own[:kept]] for place, own in zip(places, rows, strict=True)])
        self.state["memory"] = self._joined(memory).float()

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Mean distance to the nearest few."""
        memory = self.state["memory"]
        if self._index is None or self._index.rows is not memory:
            self._index = Index(memory)
        here = self._joined(self.place(records)).to(memory)
        return self._index.distances(here, self.config.neighbours)

    def _joined(self, places: Tensor) -> Tensor:
        """One long vector of what the members of a fold see, ``(K, n, M·S)``, of mean square 1."""
        return self.by_fold(places).transpose(1, 2).flatten(2) / math.sqrt(self.config.members)


class Neighbours(Nearest):
    """Nearest training records by what the networks see: f(x) and x − G(z*), both whitened."""

    name: ClassVar[str] = "neighbours"

    def place(self, records: RecordFeatures, rows: Sequence[Tensor] | None = None) -> Tensor:
        """Features and residuals side by side, each as heavy as the other."""
        parts = []
        for name, vectors in (("f", records.features), ("r", records.residuals)):
            if rows is not None:
                fitted = whitening(vectors, rows)
                self.state |= {f"{name}.{key}": value for key, value in fitted.items()}
            own = {key: self.state[f"{name}.{key}"] for key in ("mean", "map")}
            parts.append(whiten(vectors, own) / math.sqrt(vectors.shape[-1]))
        return torch.cat(parts, -1)


class Memory(Nearest):
    """Nearest training records in the scaled entries: what remembering does without any GAN."""

    name: ClassVar[str] = "memory"

    def place(self, records: RecordFeatures, rows: Sequence[Tensor] | None = None) -> Tensor:
        """The record itself."""
        seen = builders.make_thumbnails(records.gan.views.spec, records.x)
        return seen / math.sqrt(seen.shape[-1])


class Transforms(Component):
    """How badly the critic's second head tells what is done to a picture (Golan & El-Yaniv, 2018).

    A family of transforms counts if held-out normal pictures leave at most half of the uncertainty
    about it: who can't tell which way up normal pictures are can't miss it in abnormal ones.  At
    least the family that is told best counts.
    """

    name: ClassVar[str] = "transforms"

    def fit(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Start with all families; :meth:`adapt` drops some."""
        self.state = {"counts": records.pretext.new_ones(records.pretext.shape[-1])}

    def adapt(self, records: RecordFeatures, rows: Sequence[Tensor]) -> None:
        """Drop families that are hard to tell of normal pictures."""
        own = [loss[unseen].mean(0) for loss, unseen in zip(records.pretext, rows, strict=True)]
        # As a share of what somebody would lose who has seen nothing.
        head = records.gan.pretext
        counts = torch.tensor(head.counts if head else (), device=records.x.device)
        left = torch.stack(own).mean(0) / counts.to(records.x).log()
        self.state = {"counts": (left <= left.min().clamp(min=0.5)).to(left)}

    def __call__(self, records: RecordFeatures) -> Tensor:
        """Sum over families of the members' mean −log p, in nats."""
        losses = self.by_fold(records.pretext).mean(1)
        return (losses * self.state["counts"].to(losses)).sum(-1)
