"""WGAN-GP: a critic instead of a judge, kept smooth by a penalty on its slope."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.gans.base import GAN, Penalty
from anomgan.gans.losses import wasserstein_discriminator_loss, wasserstein_generator_loss


class WassersteinGAN(GAN):
    """Gulrajani et al., "Improved training of Wasserstein GANs", 2017.

    A critic knows no zero: its opinion of a record means something only beside another one.  The
    score compares it with the opinion of the nearest generated record, and adds how far that is
    away.
    """

    name: ClassVar[str] = "wgan-gp"
    paper: ClassVar[str] = "Gulrajani et al., Improved training of Wasserstein GANs"
    year: ClassVar[int] = 2017
    formula: ClassVar[str] = "‖x − G(z*)‖ + max(0, D(G(z*)) − D(x))"
    penalty: ClassVar[Penalty] = "one-centred"

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The Wasserstein distance, upside down."""
        return wasserstein_discriminator_loss(real, fake)

    def generator_loss(self, fake: Tensor) -> Tensor:
        """Raise the critic's opinion of generated records."""
        return wasserstein_generator_loss(fake)
