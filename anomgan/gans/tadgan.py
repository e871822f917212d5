"""TadGAN: encoder and generator that invert one another, with a critic on either side."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.gans.base import Inputs, Inversion
from anomgan.gans.batch import Batch
from anomgan.gans.wgan_gp import WassersteinGAN
from anomgan.nets import builders


class TadGAN(WassersteinGAN):
    """Geiger et al., "TadGAN: time series anomaly detection using GANs", 2020.

    ``discriminator`` is the critic C_x of windows, ``code_discriminator`` the critic C_z of latent
    vectors; encoder and generator are trained against both and for cycle consistency,
    x → E(x) → G(E(x)).  The gradient penalty is on both critics' gradients together.

    Of the paper's two ways to combine reconstruction error and critic, the score is the product.
    The paper standardises both over the series that is scored; here the critic's output counts
    relative to that for the reconstruction, so that no score depends on other windows.  The paper's
    networks are LSTMs; these are the ones that every method here has for windows.
    """

    name: ClassVar[str] = "tadgan"
    paper: ClassVar[str] = "Geiger et al., TadGAN: time series anomaly detection using GANs"
    year: ClassVar[int] = 2020
    formula: ClassVar[str] = "‖x − G(E(x))‖·(1 + max(0, C_x(G(E(x))) − C_x(x)))"
    kinds: ClassVar[tuple[str, ...]] = ("tables", "series")
    discriminators: ClassVar[tuple[str, ...]] = ("discriminator", "code_discriminator")
    generators: ClassVar[tuple[str, ...]] = ("generator", "encoder")
    inversion: ClassVar[Inversion] = "encoder"

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        """Build the networks; ``code_discriminator`` takes latent vectors and their conditions."""
        super().__init__(views, config)
        self.code_discriminator = builders.build_latent_discriminator(
            self.config, views.members, config.latent + views.spec.condition_size
        )

    def discriminator_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """Records and draws of the prior as real; generated records and encoded ones as fake."""
        x, z = batch.real, batch.latent
        return (x, z), (self.generate(z), self.encode(x))

    def discriminate(self, *inputs: Tensor) -> Tensor:
        """Outputs of both critics, concatenated, ``(M, 2·B)``."""
        x, z = inputs
        return torch.cat([self.discriminator(x), self.code_discriminator(z)[..., 0]], -1)

    def generator_objective(self, batch: Batch) -> Tensor:
        """Adversarial loss of both critics plus weighted cycle consistency."""
        reconstructed = self.generate(self.encode(batch.real))
        cycle = self.residuals(batch.real, reconstructed).square().mean((-2, -1))
        return super().generator_objective(batch) + self.config.cycle_weight * cycle

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """Reconstruction error times the critic's excess for the reconstruction; no inversion."""
        reconstructed = self.generate(self.encode(x))
        error = self.residuals(x, reconstructed).square().sum(-1).sqrt()
        excess = self.discriminator(reconstructed) - self.discriminator(x)
        return error * (1 + excess.clamp(min=0))
