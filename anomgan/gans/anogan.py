"""AnoGAN: no encoder; the latent space is searched for each record."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from anomgan.gans.base import Inversion
from anomgan.gans.gan import VanillaGAN


class AnoGAN(VanillaGAN):
    """Schlegl et al., "Unsupervised anomaly detection with GANs to guide marker discovery", 2017.

    A GAN whose latent space is searched for each record by gradient descent, from several draws of
    the prior; the minimum found is the score.
    """

    name: ClassVar[str] = "anogan"
    paper: ClassVar[str] = "Schlegl et al., Unsupervised anomaly detection with GANs"
    year: ClassVar[int] = 2017
    formula: ClassVar[str] = "(1 − λ)·‖x − G(z*)‖₁ + λ·‖f(x) − f(G(z*))‖₁"
    inversion: ClassVar[Inversion] = "prior"

    def inversion_loss(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """(1 − λ)·residual loss + λ·feature ("discrimination") loss, ``(M, n)``."""
        features, weight = self.features(x), self.config.feature_share

        def loss(z: Tensor) -> Tensor:
            y = self.generate(z)
            residual = self.residuals(x, y).abs().sum(-1)
            distance = (features - self.features(y)).abs().sum(-1)
            return (1 - weight) * residual + weight * distance

        return loss

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """The inversion loss after the search."""
        return self.inversion_loss(x)(z)
