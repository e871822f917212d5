"""f-AnoGAN: a Wasserstein GAN first, then an encoder that inverts it."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.config import Config
from anomgan.data.views import Views
from anomgan.gans.base import GAN, Batch, Move, Stage
from anomgan.gans.losses import gradient_penalty, wasserstein_critic
from anomgan.nets import blocks


class FAnoGAN(GAN):
    """Schlegl et al., "f-AnoGAN: Fast unsupervised anomaly detection", 2019.

    The critic's gradient penalty is that of Gulrajani et al. (2017).  The encoder is trained with
    generator and critic frozen, on izi_f: residual after image → latent → image, plus κ times the
    distance in the critic's features.
    """

    name: ClassVar[str] = "f-anogan"
    paper: ClassVar[str] = "Schlegl et al., f-AnoGAN"
    year: ClassVar[int] = 2019
    formula: ClassVar[str] = "‖x − G(E(x))‖² + κ·‖f(x) − f(G(E(x)))‖²"

    def __init__(self, views: Views, config: Config) -> None:
        """Build generator, critic and encoder."""
        super().__init__(views, config)
        self.encoder = blocks.encoder(views.spec, config, views.members)

    def stages(self) -> tuple[Stage, Stage]:
        """Adversarial training, then the encoder alone."""
        critic = Move("critic", ("discriminator",), self.critic_loss, self.config.critic_steps)
        generator = Move("generator", ("generator",), self.generator_loss)
        encoder = Move("encoder", ("encoder",), self.encoder_loss)
        return Stage((critic, generator)), Stage((encoder,))

    def critic_loss(self, batch: Batch) -> Tensor:
        """Wasserstein loss with gradient penalty."""
        fake = self.generate(batch.latent).detach()
        penalty = gradient_penalty(self.discriminator, batch, fake)
        distance = wasserstein_critic(self.discriminator, batch.real, fake)
        return distance + self.config.gradient_penalty * penalty

    def generator_loss(self, batch: Batch) -> Tensor:
        """Raise the critic's opinion of generated records."""
        return -self.discriminator(self.generate(batch.latent)).mean(-1)

    def encoder_loss(self, batch: Batch) -> Tensor:
        """Mean of izi_f over the batch."""
        return self.izi_f(batch.real).mean(-1)

    def izi_f(self, x: Tensor) -> Tensor:
        """Residual and feature distance after x → z → x, averaged over entries, ``(M, n)``."""
        again = self.generate(self.encode(x))
        residual = self.residuals(x, again).square().mean(-1)
        distance = (self.features(x) - self.features(again)).square().mean(-1)
        return residual + self.config.kappa * distance

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """izi_f; the paper needs no inversion."""
        return self.izi_f(x)

    def encode(self, x: Tensor) -> Tensor:
        """E(x), ``(M, n, *shape) -> (M, n, latent)``."""
        z: Tensor = self.encoder(x)
        return z
