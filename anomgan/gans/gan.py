"""The original GAN: a generator and a discriminator, each trained while the other is frozen."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.gans.base import GAN
from anomgan.gans.losses import minimax_generator_loss, non_saturating_generator_loss


class VanillaGAN(GAN):
    """Goodfellow et al., "Generative adversarial nets", 2014.

    The generator's loss is non-saturating or, by a setting, minimax.  The paper has no anomaly
    score.  This one compares a record with its nearest generated one, in the discriminator's
    features and logit: log D(x) alone means nothing away from the data, where the discriminator was
    never trained and most outliers lie.
    """

    name: ClassVar[str] = "gan"
    paper: ClassVar[str] = "Goodfellow et al., Generative adversarial nets"
    year: ClassVar[int] = 2014
    formula: ClassVar[str] = "mean|f(x) − f(G(z*))| + max(0, D(G(z*)) − D(x))"

    def generator_loss(self, fake: Tensor) -> Tensor:
        """Non-saturating or minimax loss, by setting."""
        losses = {
            "non-saturating": non_saturating_generator_loss,
            "minimax": minimax_generator_loss,
        }
        return losses[self.config.generator_loss](fake)

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """Distance in the features plus the excess of the generated record's logit."""
        y = self.generate(z)
        distance = (self.features(x) - self.features(y)).abs().mean(-1)
        return distance + (self.discriminator(y) - self.discriminator(x)).clamp(min=0)
