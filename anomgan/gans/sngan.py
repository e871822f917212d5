"""SNGAN: spectral normalisation of the discriminator, hinge loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.gans.base import GAN, Penalty
from anomgan.gans.losses import hinge_discriminator_loss, wasserstein_generator_loss


class SpectralGAN(GAN):
    """Miyato et al., "Spectral normalization for generative adversarial networks", 2018.

    The score is that of ``wgan-gp``: with the hinge loss, too, a logit has no absolute meaning.
    """

    name: ClassVar[str] = "sngan"
    paper: ClassVar[str] = "Miyato et al., Spectral normalization for GANs"
    year: ClassVar[int] = 2018
    formula: ClassVar[str] = "‖x − G(z*)‖ + max(0, D(G(z*)) − D(x))"
    penalty: ClassVar[Penalty] = "none"
    spectral: ClassVar[bool] = True

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Hinge loss."""
        return hinge_discriminator_loss(real, fake)

    def generator_loss(self, fake: Tensor) -> Tensor:
        """Negative mean logit of fake records."""
        return wasserstein_generator_loss(fake)
