"""Anomaly components: what a record shows against the trained networks, one number per aspect.

Every component is a distance, larger for more abnormal.  The list is open: a subclass of
:class:`Component` with a name joins it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from torch import Tensor

from anomgan.config import Config
from anomgan.gans.base import GAN
from anomgan.invert import invert
from anomgan.threads import one_thread, one_thread_each

FULL_COVARIANCE = 1024
"""Most dimensions whose full covariance is estimated; above, only variances are."""

WEIGHTS: dict[str, dict[str, float]] = {
    "combined": {
        "reconstruction": 0.5,
        "feature_distance": 0.5,
        "feature_density": 1.0,
        "neighbours": 2.0,
    },
    "paper": {"paper": 1.0},
}
"""Kind of score -> its components and their weights, fixed over many data sets together."""

BLOCK = 4_000_000
"""Float64 numbers that the largest intermediate of one scoring block may hold: 32 MB."""


class Evidence:
    """Records beside their nearest generated ones; parts that nobody asks for aren't computed.

    Attributes:
        gan: Trained networks.
        x: Scaled records, ``(M, n, *shape)``.
        z: Their latent vectors z* after inversion, ``(M, n, latent)``.
    """

    def __init__(self, gan: GAN, x: Tensor, z: Tensor) -> None:
        """Keep records and latent vectors."""
        self.gan, self.x, self.z = gan, x, z

    @classmethod
    def gather(cls, gan: GAN, blocks: Iterable[Tensor]) -> Evidence:
        """Invert encoded records, ``(n, *shape)``, block by block."""
        scaled = [gan.views(block) for block in blocks]
        latent = [invert(gan, x) for x in scaled]
        return cls(gan, torch.cat(scaled, 1), torch.cat(latent, 1))

    @cached_property
    def generated(self) -> Tensor:
        """The nearest generated records G(z*), ``(M, n, *shape)``."""
        with torch.no_grad():
            return self.gan.generate(self.z)

    @cached_property
    def residuals(self) -> Tensor:
        """Of x against G(z*), ``(M, n, S)``; squares add up."""
        with torch.no_grad():
            return self.gan.residuals(self.x, self.generated)

    @cached_property
    def features(self) -> Tensor:
        """The discriminator's features f(x), ``(M, n, F)``."""
        with torch.no_grad():
            return self.gan.features(self.x)

    @cached_property
    def feature_differences(self) -> Tensor:
        """f(x) − f(G(z*)), ``(M, n, F)``."""
        with torch.no_grad():
            return self.features - self.gan.features(self.generated)

    @cached_property
    def paper(self) -> Tensor:
        """The score of the method's paper, ``(M, n)``."""
        with torch.no_grad():
            return self.gan.paper_score(self.x, self.z)


class Component:
    """One aspect of abnormality.

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

    def fit(self, evidence: Evidence, rows: Sequence[Tensor]) -> None:
        """Learn what is usual; ``rows`` are the records that each member may learn from."""

    def __call__(self, evidence: Evidence) -> Tensor:
        """Distances of records, ``(M, n)``, at least 0, larger for more abnormal."""
        raise NotImplementedError


class Paper(Component):
    """The score of the method's own paper."""

    name: ClassVar[str] = "paper"

    def __call__(self, evidence: Evidence) -> Tensor:
        """As the paper's formula says."""
        return evidence.paper


class Reconstruction(Component):
    """What the generator can't reproduce: Mahalanobis length of the residual after inversion."""

    name: ClassVar[str] = "reconstruction"

    def fit(self, evidence: Evidence, rows: Sequence[Tensor]) -> None:
        """Learn the residuals' mean and covariance."""
        self.state = _whitening(evidence.residuals, rows)

    def __call__(self, evidence: Evidence) -> Tensor:
        """Mahalanobis length of x − G(z*)."""
        return _length(_whiten(evidence.residuals, self.state))


class FeatureDistance(Component):
    """What the discriminator sees change: Mahalanobis length of f(x) − f(G(z*))."""

    name: ClassVar[str] = "feature_distance"

    def fit(self, evidence: Evidence, rows: Sequence[Tensor]) -> None:
        """Learn the mean and covariance of the differences."""
        self.state = _whitening(evidence.feature_differences, rows)

    def __call__(self, evidence: Evidence) -> Tensor:
        """Mahalanobis length of f(x) − f(G(z*))."""
        return _length(_whiten(evidence.feature_differences, self.state))


class FeatureDensity(Component):
    """How unusual a record is in the discriminator's feature space."""

    name: ClassVar[str] = "feature_density"

    def fit(self, evidence: Evidence, rows: Sequence[Tensor]) -> None:
        """Learn the features' mean and covariance."""
        self.state = _whitening(evidence.features, rows)

    def __call__(self, evidence: Evidence) -> Tensor:
        """Mahalanobis length of f(x)."""
        return _length(_whiten(evidence.features, self.state))


class Neighbours(Component):
    """How far the nearest training records are in the discriminator's whitened feature space."""

    name: ClassVar[str] = "neighbours"

    def fit(self, evidence: Evidence, rows: Sequence[Tensor]) -> None:
        """Keep a sample of the training records' features."""
        self.state = _whitening(evidence.features, rows)
        whitened = _whiten(evidence.features, self.state)
        kept = min(self.config.memory_rows, *(len(own) for own in rows), len(rows[0]))
        memory = torch.stack([w[own[:kept]] for w, own in zip(whitened, rows, strict=True)])
        self.state["memory"] = memory.float()

    def __call__(self, evidence: Evidence) -> Tensor:
        """Mean distance to the nearest few."""
        here = _whiten(evidence.features, self.state)
        memory = self.state["memory"].to(here)
        near = min(self.config.neighbours, memory.shape[1])
        squared = memory.square().sum(-1)[:, None] - 2 * here @ memory.mT
        nearest = squared.topk(near, largest=False).values + here.square().sum(-1, keepdim=True)
        # The floor keeps the rounding error of a record that meets itself out of the logarithm.
        return (nearest.clamp(min=0) + 1e-4).sqrt().mean(-1)


class Scorer:
    """A trained GAN and its fitted components: encoded records in, raw components out.

    Attributes:
        gan: Trained networks.
        kind: Which score the components make up, a key of :data:`WEIGHTS`.
        components: In the order of their weights.
    """

    def __init__(self, gan: GAN, kind: str, components: Sequence[Component]) -> None:
        """Score with these."""
        self.gan, self.kind, self.components = gan, kind, list(components)

    @classmethod
    def fit(cls, gan: GAN, values: Tensor, rows: Sequence[Tensor], kind: str) -> Scorer:
        """Fit the components of a score.

        Args:
            gan: Trained networks in float64.
            values: Encoded training records, ``(n, *shape)``.
            rows: For each member, the indices of the records it was trained on, in random order.
            kind: Which score.
        """
        known = [own[: gan.config.memory_rows] for own in rows]
        used, places = torch.cat(known).unique(return_inverse=True)
        evidence = Evidence.gather(gan, values[used].split(_block(gan)))
        components = components_of(kind, gan.config)
        for component in components:
            component.fit(evidence, places.split([len(own) for own in known]))
        return cls(gan, kind, components)

    def __call__(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Components of encoded records, ``(n, *shape) -> (J, M, n)``, at least 0."""
        data = torch.from_numpy(values).to(self.gan.views.loc.device)
        blocks = data.split(_block(self.gan))
        workers = min(torch.get_num_threads(), len(blocks)) if data.device.type == "cpu" else 1
        if workers <= 1:
            return np.concatenate([self._components(block) for block in blocks], -1)
        with one_thread_each(), ThreadPoolExecutor(workers, initializer=one_thread) as pool:
            return np.concatenate(list(pool.map(self._components, blocks)), -1)

    def _components(self, block: Tensor) -> NDArray[np.float64]:
        """Components of one block of encoded records, ``(J, M, n)``."""
        evidence = Evidence.gather(self.gan, [block])
        parts = torch.stack([component(evidence) for component in self.components])
        return np.asarray(parts.cpu().numpy())


def components_of(kind: str, config: Config) -> list[Component]:
    """The components that make up a score, not yet fitted."""
    return [Component.registry[name](config) for name in WEIGHTS[kind]]


def _block(gan: GAN) -> int:
    """Rows scored at once: few enough that the largest intermediate stays within bounds."""
    widest = max(gan.config.memory_rows, 4 * gan.config.hidden, gan.views.spec.size)
    return max(16, BLOCK // (gan.views.members * widest))


def _length(vectors: Tensor) -> Tensor:
    return vectors.square().sum(-1).sqrt()


def _whitening(vectors: Tensor, rows: Sequence[Tensor]) -> dict[str, Tensor]:
    """Mean and whitening matrix (or, for many dimensions, scales) of each member's own rows."""
    samples = [all_of[own].cpu().numpy() for all_of, own in zip(vectors, rows, strict=True)]
    mean = torch.stack([torch.from_numpy(sample.mean(0, keepdims=True)) for sample in samples])
    if vectors.shape[-1] > FULL_COVARIANCE:
        variance = np.stack([sample.var(0, keepdims=True) for sample in samples])
        return {
            "mean": mean.to(vectors),
            "map": torch.from_numpy(variance + 1e-6).rsqrt().to(vectors),
        }
    # Shrinkage keeps covariances invertible when rows are fewer than dimensions.
    covariance = torch.from_numpy(np.stack([ledoit_wolf(sample)[0] for sample in samples]))
    trace = covariance.diagonal(dim1=1, dim2=2).sum(-1).clamp(min=1e-9)
    same = torch.eye(vectors.shape[-1], dtype=covariance.dtype)
    root = torch.linalg.cholesky(covariance + 1e-9 * trace[:, None, None] * same)
    white = torch.linalg.solve_triangular(root, same, upper=False).mT
    return {"mean": mean.to(vectors), "map": white.contiguous().to(vectors)}


def _whiten(vectors: Tensor, state: dict[str, Tensor]) -> Tensor:
    centred = vectors - state["mean"].to(vectors)
    white = state["map"].to(vectors)
    return centred * white if white.shape[1] == 1 else centred @ white
