"""GANs whose generator makes records from records: what they share."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.gans.base import GAN, Inversion
from anomgan.gans.batch import Batch
from anomgan.nets import builders


class Translator(GAN):
    """A GAN in which a record's latent vector is the record itself."""

    inversion: ClassVar[Inversion] = "none"

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        """Build the networks; the generator takes records."""
        super().__init__(views, config)
        self.generator: nn.Module = builders.build_translator(
            views.spec, self.config, views.members
        )

    def prepare_batch(self, batch: Batch) -> Batch:
        """The records to translate stand where other GANs have draws from the prior."""
        batch = super().prepare_batch(batch)
        return replace(batch, latent=batch.real)

    def generate(self, z: Tensor) -> Tensor:
        """Make records normal, ``(M, n, *shape) -> (M, n, *shape)``."""
        at = self.views.spec.record_size
        return torch.cat([self.views.render(self.generator(z)), z[..., at:]], -1)

    def encode(self, x: Tensor) -> Tensor:
        """The record itself."""
        return x

    def sample_prior(self, count: int, generator: torch.Generator) -> Tensor:
        """Records of no domain, from which :meth:`generate` makes normal ones."""
        shape = self.views.members, count, self.views.spec.record_size
        x = torch.randn(shape, generator=generator, dtype=torch.float64).float()
        known = self.views.sample_conditions(count, generator).float()
        return torch.cat([x.to(known), known.expand(len(x), -1, -1)], -1)

    def restoration_loss(self, batch: Batch) -> Tensor:
        """Adversarial loss, and how far made records are from the real ones, ``(M,)``.

        The latter in the record, weighted by ``context_weight`` (L1), and in the discriminator's
        features.
        """
        again = self.generate_fakes(batch)
        matching = (self.features(batch.real) - self.features(again)).square().mean((-2, -1))
        context = self.residuals(batch.real, again).abs().mean((-2, -1))
        adversarial = GAN.generator_objective(self, batch)
        return adversarial + self.config.context_weight * context + matching
