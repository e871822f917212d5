"""Encoded records in, raw components out; and which components make up a score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anomgan.config import Config
from anomgan.gans.base import GAN
from anomgan.nets import builders as blocks
from anomgan.scoring.components import Component
from anomgan.scoring.features import Evidence
from anomgan.utils.threads import one_thread, one_thread_each

WEIGHTS: dict[str, dict[str, float]] = {
    "combined": {"deviation": 1.0, "neighbours": 1.0, "memory": 0.5, "latent": 0.25},
    "visual": {"feature_density": 1.0, "feature_distance": 0.25, "memory": 0.1},
    **{name: {name: 1.0} for name in Component.registry},
}
"""Kind of score -> its components and their weights.  ``combined`` was fixed over many tables
together.  ``visual`` is for pictures: features carry the shape, and a little of the distance to
remembered pixels keeps an eye on brightness and colour.  Each component alone is a kind, too."""

ROOM = 2**28
"""Most numbers of the scaled records that components are fitted to: 2 GB."""

FEWEST = 100
"""Records that they are fitted to even if there is less room."""

BLOCK = 2**22
"""Float32 numbers that the largest intermediate of one scoring block may hold: 16 MB."""

TILE = 64
"""Records come in multiples of so many: few rows, or an odd edge, go through other products."""


class Scorer:
    """A trained GAN and its fitted components: encoded records in, raw components out.

    Attributes:
        gan: Trained networks.
        components: Each once.
    """

    def __init__(self, gan: GAN, components: Sequence[Component]) -> None:
        """Score with these."""
        self.gan, self.components = gan, list(components)

    @classmethod
    def fit(cls, gan: GAN, values: Tensor, rows: Sequence[Tensor], *kinds: str) -> Scorer:
        """Fit the components of one or more scores.

        Args:
            gan: Trained networks.
            values: Encoded training records, ``(n, *shape)``.
            rows: For each member, the indices of the records it was trained on, in random order.
            kinds: Which scores, keys of :data:`WEIGHTS`.
        """
        most = max(FEWEST, ROOM // (gan.views.members * gan.views.spec.size))
        known = [own[: min(most, gan.config.memory_rows)] for own in rows]
        used, places = torch.cat(known).unique(return_inverse=True)
        evidence = Evidence.gather(gan, values[used], rows_at_once(gan))
        components = components_of(gan.config, *kinds)
        for component in components:
            component.fit(evidence, places.split([len(own) for own in known]))
        return cls(gan, components)

    def __call__(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Components of encoded records, ``(n, *shape) -> (J, K, n)`` for K folds, at least 0."""
        data = torch.from_numpy(values).to(self.gan.views.loc.device)
        return np.concatenate(by_block(self.gan, data, self._components), -1)

    def _components(self, block: Tensor) -> NDArray[np.float64]:
        """Components of one block of encoded records, ``(J, K, n)``."""
        evidence = Evidence.gather(self.gan, block, len(block))
        parts = torch.stack([component(evidence) for component in self.components])
        return parts.double().cpu().numpy()


def components_of(config: Config, *kinds: str) -> list[Component]:
    """The components that make up one or more scores, each once and not yet fitted."""
    names = dict.fromkeys(name for kind in kinds for name in WEIGHTS[kind])
    return [Component.registry[name](config) for name in names]


def by_block(
    gan: GAN, values: Tensor, compute: Callable[[Tensor], NDArray[Any]]
) -> list[NDArray[Any]]:
    """Apply to encoded records, ``(n, *shape)``, block by block; n is the results' last axis.

    What is said of a record mustn't depend on how many came with it.  So the last block is filled
    up to a multiple of :data:`TILE` by repeating a record, and each block is one thread's.
    """
    parts = list(values.split(rows_at_once(gan)))
    missing = -len(parts[-1]) % TILE
    if missing:
        parts[-1] = torch.cat([parts[-1], parts[-1][-1:].expand(missing, *values.shape[1:])])
    workers = min(torch.get_num_threads(), len(parts)) if values.device.type == "cpu" else 1
    with one_thread_each():
        if workers == 1:
            found = [compute(part) for part in parts]
        else:
            with ThreadPoolExecutor(workers, initializer=one_thread) as pool:
                found = list(pool.map(compute, parts))
    found[-1] = found[-1][..., : len(parts[-1]) - missing]
    return found


def rows_at_once(gan: GAN) -> int:
    """Records in a block: few enough that the largest intermediate stays within bounds."""
    widest = max(gan.config.memory_rows, blocks.widest(gan.views.spec, gan.config))
    return max(1, BLOCK // (gan.views.members * widest * TILE)) * TILE
