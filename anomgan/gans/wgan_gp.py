"""WGAN-GP: Wasserstein loss with a gradient penalty."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.gans.base import GAN, Penalty
from anomgan.gans.losses import wasserstein_discriminator_loss, wasserstein_generator_loss


class WassersteinGAN(GAN):
    """Gulrajani et al., "Improved training of Wasserstein GANs", 2017.

    The discriminator (the paper's "critic") is unbounded: its output for a record means something
    only relative to another one.  The score is its excess for the nearest generated record, plus
    the distance to that record.
    """

    name: ClassVar[str] = "wgan-gp"
    paper: ClassVar[str] = "Gulrajani et al., Improved training of Wasserstein GANs"
    year: ClassVar[int] = 2017
    formula: ClassVar[str] = "‖x − G(z*)‖ + max(0, D(G(z*)) − D(x))"
    penalty: ClassVar[Penalty] = "one-centred"

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Negative estimate of the Wasserstein distance."""
        return wasserstein_discriminator_loss(real, fake)

    def generator_loss(self, fake: Tensor) -> Tensor:
        """Negative mean output for fake records."""
        return wasserstein_generator_loss(fake)
