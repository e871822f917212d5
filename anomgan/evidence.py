"""What trained networks show of records; parts that nobody asks for aren't computed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import torch
from torch import Tensor

from anomgan.gans.base import GAN
from anomgan.invert import invert


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
