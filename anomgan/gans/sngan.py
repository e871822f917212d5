"""SNGAN: spectral normalisation keeps the discriminator smooth; hinge loss."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.config import Config
from anomgan.data.views import Views
from anomgan.gans.base import GAN, Batch
from anomgan.gans.losses import hinge_critic, raise_opinion
from anomgan.nets.spectral import spectral_norm


class SpectralGAN(GAN):
    """Miyato et al., "Spectral normalization for generative adversarial networks", 2018.

    The score is that of ``wgan-gp``: the hinge loss, too, fixes no level that would mean "normal".
    """

    name: ClassVar[str] = "sngan"
    paper: ClassVar[str] = "Miyato et al., Spectral normalization for GANs"
    year: ClassVar[int] = 2018
    formula: ClassVar[str] = "‖x − G(z*)‖ + max(0, D(G(z*)) − D(x))"

    def __init__(self, views: Views, config: Config) -> None:
        """Build the networks and normalise the discriminator's layers."""
        super().__init__(views, config)
        spectral_norm(self.discriminator)

    def discriminator_loss(self, batch: Batch) -> Tensor:
        """Hinge loss."""
        fake = self.generate(batch.latent).detach()
        return hinge_critic(self.discriminator(batch.real), self.discriminator(fake))

    def generator_loss(self, batch: Batch) -> Tensor:
        """Raise the discriminator's opinion of generated records."""
        return raise_opinion(self.discriminator(self.generate(batch.latent)))
