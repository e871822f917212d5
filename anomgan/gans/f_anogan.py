"""f-AnoGAN: a Wasserstein GAN first, then an encoder that inverts it."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.gans.wgan_gp import WassersteinGAN


class FAnoGAN(WassersteinGAN):
    """Schlegl et al., "f-AnoGAN: Fast unsupervised anomaly detection", 2019.

    The gradient penalty is that of Gulrajani et al. (2017).  The encoder is trained with generator
    and discriminator frozen, on the izi_f loss, which also is the score.
    """

    name: ClassVar[str] = "f-anogan"
    paper: ClassVar[str] = "Schlegl et al., f-AnoGAN"
    year: ClassVar[int] = 2019
    formula: ClassVar[str] = "‖x − G(E(x))‖² + κ·‖f(x) − f(G(E(x)))‖²"

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """The izi_f loss; no inversion."""
        return self.izi_f_loss(x)
