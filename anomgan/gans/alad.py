"""ALAD: a bidirectional GAN with two more discriminators for cycle consistency."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.gans.base import Inputs, Penalty
from anomgan.gans.batch import Batch
from anomgan.gans.bigan import BiGAN
from anomgan.nets import builders


class ALAD(BiGAN):
    """Zenati et al., "Adversarially learned anomaly detection", 2018.

    Beside BiGAN's D_xz, D_xx separates (x, x) from (x, G(E(x))), and D_zz (z, z) from (z, E(G(z))):
    the pairs are indistinguishable only if encoder and generator invert one another.  All three
    discriminators are spectrally normalised.
    """

    name: ClassVar[str] = "alad"
    paper: ClassVar[str] = "Zenati et al., Adversarially learned anomaly detection"
    year: ClassVar[int] = 2018
    formula: ClassVar[str] = "‖f_xx(x, x) − f_xx(x, G(E(x)))‖₁"
    discriminators: ClassVar[tuple[str, ...]] = (
        "discriminator",
        "pair_discriminator",
        "code_discriminator",
    )
    penalty: ClassVar[Penalty] = "none"
    spectral: ClassVar[bool] = True

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        """Build the networks; ``discriminator`` is D_xz, the others are D_xx and D_zz."""
        super().__init__(views, config)
        self.pair_discriminator = builders.build_discriminator(
            views.spec, self.config, views.members, records=2
        )
        self.code_discriminator = builders.build_latent_discriminator(
            self.config, views.members, 2 * self.code_size
        )

    def discriminator_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """A pair each for D_xz, D_xx and D_zz."""
        x, z = batch.real, batch.latent
        code, fake = self.encode(x), self.generate(z)
        return (x, code, x, x, z, z), (fake, z, x, self.generate(code), z, self.encode(fake))

    def discriminate(self, *inputs: Tensor) -> Tensor:
        """Logits of all three discriminators, concatenated, ``(M, 3·B)``."""
        xz, xx = super().discriminate(*inputs[:2]), self.pair_discriminator(*inputs[2:4])
        zz: Tensor = self.code_discriminator(torch.cat(inputs[4:], -1))[..., 0]
        return torch.cat([xz, xx, zz], -1)

    def features(self, x: Tensor) -> Tensor:
        """D_xx's features of (x, x), ``(M, n, F)``."""
        return self.pair_discriminator.features(x, x)

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """L1 distance of D_xx's features of (x, x) and (x, G(E(x))); no inversion."""
        reconstructed = self.pair_discriminator.features(x, self.generate(self.encode(x)))
        return (self.features(x) - reconstructed).abs().sum(-1)
