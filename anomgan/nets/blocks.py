"""Builds networks that fit a record: the one place that asks whether it is a table or a picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets.mlp import MLP


class Discriminator(nn.Module):
    """Judges records; its last hidden layer is the feature space that scores are taken in.

    Beside each entry x it is given log(1 + x²), so that far outliers don't saturate it.
    """

    def __init__(self, spec: Spec, config: Config, members: int, extra: int = 0) -> None:
        """Make M judges of records, each with ``extra`` further inputs (a latent vector, say)."""
        super().__init__()
        self.net = MLP(
            members, 2 * spec.size + extra, 1, hidden=config.hidden, layers=config.layers
        )

    def features(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """Activations of the last hidden layer, ``(M, n, hidden)``."""
        inputs = [x, torch.log1p(x * x)] + ([] if extra is None else [extra])
        return self.net.features(torch.cat(inputs, -1))

    def forward(self, x: Tensor, extra: Tensor | None = None) -> Tensor:
        """One number per record, larger for more real, ``(M, n)``."""
        out: Tensor = self.net.head(self.features(x, extra))[..., 0]
        return out


def generator(spec: Spec, config: Config, members: int) -> nn.Module:
    """Networks ``(M, n, latent) -> (M, n, *shape)``, before rendering."""
    return MLP(members, config.latent, spec.size, hidden=config.hidden, layers=config.layers)


def encoder(spec: Spec, config: Config, members: int) -> nn.Module:
    """Networks ``(M, n, *shape) -> (M, n, latent)``."""
    return MLP(members, spec.size, config.latent, hidden=config.hidden, layers=config.layers)


def discriminator(spec: Spec, config: Config, members: int, extra: int = 0) -> Discriminator:
    """Networks ``(M, n, *shape) -> (M, n)`` with features."""
    return Discriminator(spec, config, members, extra)
