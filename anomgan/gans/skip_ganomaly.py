"""Skip-GANomaly: reconstruct images by a U-Net."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.gans.batch import Batch
from anomgan.gans.translator import Translator


class SkipGANomaly(Translator):
    """Akcay et al., "Skip-GANomaly: skip connected … encoder-decoder anomaly detection", 2019.

    A U-Net reconstructs images; the discriminator separates reconstructions from images, and both
    are compared in its features.
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
        """0.9·L1 residual + 0.1·L2 feature distance of image and reconstruction, by default."""
        y = self.generate(x)
        residual = self.residuals(x, y).abs().sum(-1)
        distance = (self.features(x) - self.features(y)).square().sum(-1).sqrt()
        weight = self.config.feature_share
        return (1 - weight) * residual + weight * distance
