"""EGBAD: a bidirectional GAN, whose encoder is trained against the discriminator, too."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from torch import Tensor

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.gans.base import GAN, Inputs, Inversion
from anomgan.gans.batch import Batch
from anomgan.gans.losses import logistic_discriminator_loss
from anomgan.nets import builders


class BiGAN(GAN):
    """Zenati et al., "Efficient GAN-based anomaly detection", 2018.

    A bidirectional GAN (Donahue et al., 2017): the discriminator separates pairs (x, E(x)) from
    pairs (G(z), z); at the optimum E inverts G.
    """

    name: ClassVar[str] = "bigan"
    paper: ClassVar[str] = "Zenati et al., Efficient GAN-based anomaly detection (EGBAD)"
    year: ClassVar[int] = 2018
    formula: ClassVar[str] = "(1 − λ)·‖x − G(E(x))‖₁ + λ·‖f(x, E(x)) − f(G(E(x)), E(x))‖₁"
    generators: ClassVar[tuple[str, ...]] = ("generator", "encoder")
    inversion: ClassVar[Inversion] = "encoder"

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        """Build the networks; the discriminator takes a latent vector beside the record.

        Pairs (x, E(x)) lie on a manifold of as many dimensions as a record has entries.  With
        longer latent vectors pairs (G(z), z) could never lie on it, so the latent size is capped.
        """
        super().__init__(views, replace(config, latent=min(config.latent, views.spec.record_size)))
        self.discriminator = builders.build_discriminator(
            views.spec, self.config, views.members, extra=self.code_size
        )

    @property
    def code_size(self) -> int:
        """Length of a latent vector with its conditions."""
        return self.config.latent + self.views.spec.condition_size

    def discriminator_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """Pairs (x, E(x)) as real, (G(z), z) as fake."""
        x, z = batch.real, batch.latent
        return (x, self.encode(x)), (self.generate(z), z)

    def discriminate(self, *inputs: Tensor) -> Tensor:
        """Logit of D(x, z), larger for a real x and its encoded z, ``(M, B)``."""
        x, z = inputs
        return self.discriminator(x, extra=z)

    def generator_objective(self, batch: Batch) -> Tensor:
        """The discriminator's loss with labels exchanged, for generator and encoder."""
        encoded, generated = self.noisy_inputs(batch)
        return logistic_discriminator_loss(
            self.discriminate(*generated), self.discriminate(*encoded)
        )

    def features(self, x: Tensor) -> Tensor:
        """The discriminator's features of (x, E(x)), ``(M, n, F)``."""
        return self.discriminator.features(x, extra=self.encode(x))

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """(1 − λ)·L1 residual + λ·L1 feature distance of x and G(E(x)); no inversion."""
        code = self.encode(x)
        reconstructed = self.generate(code)
        residual = self.residuals(x, reconstructed).abs().sum(-1)
        distance = self.features(x) - self.discriminator.features(reconstructed, extra=code)
        weight = self.config.feature_share
        return (1 - weight) * residual + weight * distance.abs().sum(-1)
