"""Skip-GANomaly: reconstruct a picture past the bottleneck, too."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.gans.batch import Batch
from anomgan.gans.translator import Translator


class SkipGANomaly(Translator):
    """Akcay et al., "Skip-GANomaly: skip connected … encoder-decoder anomaly detection", 2019.

    A U-Net reconstructs pictures at full detail; the discriminator tells reconstructions from
    pictures, and in its features the two are compared.
    """

    name: ClassVar[str] = "skip-ganomaly"
    paper: ClassVar[str] = "Akcay et al., Skip-GANomaly"
    year: ClassVar[int] = 2019
    formula: ClassVar[str] = "0.9·‖x − G(x)‖₁ + 0.1·‖f(x) − f(G(x))‖₂"
    kinds: ClassVar[tuple[str, ...]] = ("images",)

    def generator_objective(self, batch: Batch) -> Tensor:
        """Adversarial, contextual (L1) and latent loss."""
        return self.restoration_loss(batch)

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """The paper's mix of reconstruction and latent score."""
        again = self.generate(x)
        residual = self.residuals(x, again).abs().sum(-1)
        distance = (self.features(x) - self.features(again)).square().sum(-1).sqrt()
        mix = self.config.feature_share
        return (1 - mix) * residual + mix * distance
