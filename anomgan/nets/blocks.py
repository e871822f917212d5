"""Builds networks that fit a record: the one place that asks whether it is a table or a picture."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets.mlp import MLP


class Discriminator(nn.Module):
    """Judges records; its last hidden layer is the feature space that scores are taken in.

    Beside each entry x it is given log(1 + x²), so that far outliers don't saturate it.
    """

    __call__: Callable[..., Tensor]  # torch leaves it untyped

    def __init__(
        self, spec: Spec, config: Config, members: int, extra: int = 0, records: int = 1
    ) -> None:
        """Make M judges of records, or of groups of them.

        Args:
            spec: The layout of a record.
            config: Sizes of the network.
            members: Number of judges, M.
            extra: Further inputs (a latent vector, say).
            records: How many records are judged together.
        """
        super().__init__()
        inputs = 2 * spec.size * records + extra
        self.net = MLP(members, inputs, 1, hidden=config.hidden, layers=config.layers)

    def features(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """Activations of the last hidden layer, ``(M, n, hidden)``."""
        inputs = [part for x in records for part in (x, torch.log1p(x * x))]
        return self.net.features(torch.cat(inputs + ([] if extra is None else [extra]), -1))

    def forward(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """One number per record, larger for more real, ``(M, n)``."""
        out: Tensor = self.net.head(self.features(*records, extra=extra))[..., 0]
        return out


def generator(spec: Spec, config: Config, members: int) -> MLP:
    """Networks ``(M, n, latent) -> (M, n, *shape)``, before rendering."""
    return MLP(members, config.latent, spec.size, hidden=config.hidden, layers=config.layers)


def encoder(spec: Spec, config: Config, members: int) -> MLP:
    """Networks ``(M, n, *shape) -> (M, n, latent)``."""
    return MLP(members, spec.size, config.latent, hidden=config.hidden, layers=config.layers)


def discriminator(
    spec: Spec, config: Config, members: int, extra: int = 0, records: int = 1
) -> Discriminator:
    """Networks ``(M, n, *shape) -> (M, n)`` with features."""
    return Discriminator(spec, config, members, extra, records)


def latent_discriminator(config: Config, members: int) -> MLP:
    """Networks that judge pairs of latent vectors, ``(M, n, 2·latent) -> (M, n, 1)``."""
    return MLP(members, 2 * config.latent, 1, hidden=config.hidden, layers=config.layers)
