"""EGBAD: a bidirectional GAN, whose encoder plays against the discriminator too."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from torch import Tensor

from anomgan.config import Config
from anomgan.data.views import Views
from anomgan.gans.base import GAN, Batch
from anomgan.gans.losses import logistic_critic, zero_penalty
from anomgan.nets import blocks


class BiGAN(GAN):
    """Zenati et al., "Efficient GAN-based anomaly detection", 2018.

    On a bidirectional GAN (Donahue et al., 2017): the discriminator tells pairs (x, E(x)) from
    pairs (G(z), z); at the game's end E inverts G.
    """

    name: ClassVar[str] = "bigan"
    paper: ClassVar[str] = "Zenati et al., Efficient GAN-based anomaly detection (EGBAD)"
    year: ClassVar[int] = 2018
    formula: ClassVar[str] = "(1 − λ)·‖x − G(E(x))‖₁ + λ·‖f(x, E(x)) − f(G(E(x)), E(x))‖₁"
    makers: ClassVar[tuple[str, ...]] = ("generator", "encoder")
    inversion: ClassVar[Literal["izi", "own", "prior"]] = "own"

    def __init__(self, views: Views, config: Config) -> None:
        """Build the networks; the discriminator is given a latent vector beside the record.

        Encoded pairs lie on a surface of as many dimensions as a record has entries.  Were the
        latent vector longer, generated pairs could never lie there and the game would be lost.
        """
        super().__init__(views, replace(config, latent=min(config.latent, views.spec.size)))
        self.discriminator = blocks.discriminator(
            views.spec, config, views.members, extra=self.config.latent
        )

    def opinions(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The discriminator's outputs for encoded and for generated pairs, ``(M, B)`` each."""
        encoded = self.judge(batch.real, self.encode(batch.real))
        return encoded, self.judge(self.generate(batch.latent), batch.latent)

    def judge(self, x: Tensor, z: Tensor) -> Tensor:
        """D(x, z), larger for "x is real and z was encoded", ``(M, n)``."""
        return self.discriminator(x, extra=z)

    def discriminator_loss(self, batch: Batch) -> Tensor:
        """Tell encoded from generated pairs."""
        loss = logistic_critic(*self.opinions(batch))
        penalty = zero_penalty(self.judge, batch.real, self.encode(batch.real))
        return loss + self.config.zero_penalty * penalty

    def generator_loss(self, batch: Batch) -> Tensor:
        """Make each kind of pair pass for the other one: the same loss with labels exchanged."""
        encoded, generated = self.opinions(batch)
        return logistic_critic(generated, encoded)

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
