"""EGBAD: a bidirectional GAN, whose encoder plays against the discriminator too."""

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

    On a bidirectional GAN (Donahue et al., 2017): the discriminator tells pairs (x, E(x)) from
    pairs (G(z), z); at the game's end E inverts G.
    """

    name: ClassVar[str] = "bigan"
    paper: ClassVar[str] = "Zenati et al., Efficient GAN-based anomaly detection (EGBAD)"
    year: ClassVar[int] = 2018
    formula: ClassVar[str] = "(1 − λ)·‖x − G(E(x))‖₁ + λ·‖f(x, E(x)) − f(G(E(x)), E(x))‖₁"
    generators: ClassVar[tuple[str, ...]] = ("generator", "encoder")
    inversion: ClassVar[Inversion] = "own"

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        """Build the networks; the discriminator is given a latent vector beside the record.

        Encoded pairs lie on a surface of as many dimensions as a record has entries.  Were the
        latent vector longer, generated pairs could never lie there and the game would be lost.
        """
        super().__init__(views, replace(config, latent=min(config.latent, views.spec.record_size)))
        self.discriminator = builders.build_discriminator(
            views.spec, self.config, views.members, extra=self.code_size
        )

    @property
    def code_size(self) -> int:
        """Entries of a latent vector with its conditions."""
        return self.config.latent + self.views.spec.condition_size

    def discriminator_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """Encoded and generated pairs."""
        x, z = batch.real, batch.latent
        return (x, self.encode(x)), (self.generate(z), z)

    def discriminate(self, *inputs: Tensor) -> Tensor:
        """D(x, z), larger for "x is real and z was encoded", ``(M, n)``."""
        x, z = inputs
        return self.discriminator(x, extra=z)

    def generator_objective(self, batch: Batch) -> Tensor:
        """Make each kind of pair pass for the other one: the same loss with labels exchanged."""
        encoded, generated = self.noisy_inputs(batch)
        return logistic_discriminator_loss(
            self.discriminate(*generated), self.discriminate(*encoded)
        )

    def features(self, x: Tensor) -> Tensor:
        """The discriminator's features of (x, E(x)), ``(M, n, F)``."""
        return self.discriminator.features(x, extra=self.encode(x))

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """L1 residual and feature distance after x → E(x) → x; the paper needs no inversion."""
        code = self.encode(x)
        again = self.generate(code)
        residual = self.residuals(x, again).abs().sum(-1)
        distance = self.features(x) - self.discriminator.features(again, extra=code)
        mix = self.config.feature_share
        return (1 - mix) * residual + mix * distance.abs().sum(-1)
