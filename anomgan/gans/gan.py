"""The original GAN: a generator and a discriminator, each trained while the other is frozen."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from anomgan.gans.base import GAN, Batch
from anomgan.gans.losses import logistic_critic, minimax, non_saturating, zero_penalty


class VanillaGAN(GAN):
    """Goodfellow et al., "Generative adversarial nets", 2014.

    The generator's loss is non-saturating or, by a setting, minimax.  The paper knows no anomaly
    score; this one asks the discriminator for its opinion of a record and for the distance in its
    features between the record and its nearest generated one.
    """

    name: ClassVar[str] = "gan"
    paper: ClassVar[str] = "Goodfellow et al., Generative adversarial nets"
    year: ClassVar[int] = 2014
    formula: ClassVar[str] = "−log D(x) + mean|f(x) − f(G(z*))|"

    def discriminator_loss(self, batch: Batch) -> Tensor:
        """Tell real from generated records."""
        fake = self.generate(batch.latent).detach()
        loss = logistic_critic(self.discriminator(batch.real), self.discriminator(fake))
        return loss + self.config.zero_penalty * zero_penalty(self.discriminator, batch.real)

    def generator_loss(self, batch: Batch) -> Tensor:
        """Generate records that pass for real."""
        opinion = self.discriminator(self.generate(batch.latent))
        losses = {"non-saturating": non_saturating, "minimax": minimax}
        return losses[self.config.generator_loss](opinion)

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """The discriminator's surprise plus the distance in its features."""
        distance = (self.features(x) - self.features(self.generate(z))).abs().mean(-1)
        return softplus(-self.discriminator(x)) + distance
