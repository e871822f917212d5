"""ALAD: a bidirectional GAN made cycle-consistent by two more discriminators."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.data.views import Views
from anomgan.gans.base import Batch
from anomgan.gans.bigan import BiGAN
from anomgan.gans.losses import logistic_critic
from anomgan.nets import blocks
from anomgan.nets.spectral import spectral_norm


class ALAD(BiGAN):
    """Zenati et al., "Adversarially learned anomaly detection", 2018.

    Beside BiGAN's D_xz, D_xx tells (x, x) from (x, G(E(x))), D_zz tells (z, z) from (z, E(G(z))):
    both pairs look alike only if encoder and generator undo one another.  All three discriminators
    are spectrally normalised.
    """

    name: ClassVar[str] = "alad"
    paper: ClassVar[str] = "Zenati et al., Adversarially learned anomaly detection"
    year: ClassVar[int] = 2018
    formula: ClassVar[str] = "‖f_xx(x, x) − f_xx(x, G(E(x)))‖₁"
    critics: ClassVar[tuple[str, ...]] = (
        "discriminator",
        "pair_discriminator",
        "code_discriminator",
    )

    def __init__(self, views: Views, config: Config) -> None:
        """Build the networks; ``discriminator`` is D_xz, the others are D_xx and D_zz."""
        super().__init__(views, config)
        self.pair_discriminator = blocks.discriminator(views.spec, config, views.members, records=2)
        self.code_discriminator = blocks.latent_discriminator(self.config, views.members)
        for name in self.critics:
            spectral_norm(self.get_submodule(name))

    def opinions(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Outputs of all three for encoded or true and for generated pairs, ``(M, 3·B)`` each."""
        x, z = batch.real, batch.latent
        code, made = self.encode(x), self.generate(z)
        zz = torch.cat([z, z], -1), torch.cat([z, self.encode(made)], -1)
        real = (
            self.judge(x, code),
            self.pair_discriminator(x, x),
            self.code_discriminator(zz[0])[..., 0],
        )
        fake = (
            self.judge(made, z),
            self.pair_discriminator(x, self.generate(code)),
            self.code_discriminator(zz[1])[..., 0],
        )
        return torch.cat(real, -1), torch.cat(fake, -1)

    def discriminator_loss(self, batch: Batch) -> Tensor:
        """Mean of the three logistic losses; spectral normalisation stands in for a penalty."""
        return logistic_critic(*self.opinions(batch))

    def features(self, x: Tensor) -> Tensor:
        """D_xx's features of (x, x), ``(M, n, F)``."""
        return self.pair_discriminator.features(x, x)

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """L1 distance of D_xx's features after x → E(x) → x; the paper needs no inversion."""
        again = self.generate(self.encode(x))
        return (self.features(x) - self.pair_discriminator.features(x, again)).abs().sum(-1)
