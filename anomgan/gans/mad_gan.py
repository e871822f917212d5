"""MAD-GAN: what the discriminator says of a window, and how well the generator matches it."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.gans.base import Inversion
from anomgan.gans.gan import VanillaGAN

DISCRIMINATION_SHARE = 0.8
"""λ, the weight of the discriminator beside the residual; that of the authors' code."""


class MADGAN(VanillaGAN):
    """Li et al., "MAD-GAN: multivariate anomaly detection for time series with GANs", 2019.

    A GAN of windows of all channels together, whose latent space is searched for each of them.  The
    paper's DR-score adds discrimination and reconstruction: how far the discriminator doubts a
    window, and its mean residual after the search.

    The paper's networks are LSTMs; these are the ones that every method here has for windows.  The
    paper searches for the most similar window by a covariance, this one for the nearest.
    """

    name: ClassVar[str] = "mad-gan"
    paper: ClassVar[str] = "Li et al., MAD-GAN: multivariate anomaly detection for time series"
    year: ClassVar[int] = 2019
    formula: ClassVar[str] = "(1 − λ)·mean|x − G(z*)| + λ·(1 − σ(D(x)))"
    kinds: ClassVar[tuple[str, ...]] = ("tables", "series")
    inversion: ClassVar[Inversion] = "prior"

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """The DR-score, from both parts by :data:`DISCRIMINATION_SHARE`."""
        residual = self.residuals(x, self.generate(z)).abs().mean(-1)
        doubt = (-self.discriminate(x)).sigmoid()
        return (1 - DISCRIMINATION_SHARE) * residual + DISCRIMINATION_SHARE * doubt
