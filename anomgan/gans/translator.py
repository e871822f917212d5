"""Base class of GANs whose generator maps records to records."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.gans.base import GAN, Inversion
from anomgan.gans.batch import Batch
from anomgan.gans.output_head import render
from anomgan.nets import builders


class Translator(GAN):
    """A GAN whose generator takes a record in place of a latent vector."""

    inversion: ClassVar[Inversion] = "none"

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        """Build the networks; the generator takes records."""
        super().__init__(views, config)
        self.generator: nn.Module = builders.build_translator(
            views.spec, self.config, views.members
        )

    def prepare_batch(self, batch: Batch) -> Batch:
        """Use the real records as latent vectors."""
        batch = super().prepare_batch(batch)
        return replace(batch, latent=batch.real)

    def generate(self, z: Tensor) -> Tensor:
        """Reconstruct records, ``(M, n, *shape) -> (M, n, *shape)``."""
        at = self.views.spec.record_size
        return torch.cat([render(self.views, self.generator(z)), z[..., at:]], -1)

    def encode(self, x: Tensor) -> Tensor:
        """Return the records, which are their own latent vectors."""
        return x

    def sample_prior(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw Gaussian noise in the shape of records, with conditions, ``(M, count, *shape)``."""
        shape = self.views.members, count, self.views.spec.record_size
        x = torch.randn(shape, generator=generator, dtype=torch.float64).float()
        conditions = self.views.sample_conditions(count, generator).float()
        return torch.cat([x.to(conditions), conditions.expand(len(x), -1, -1)], -1)

    def restoration_loss(self, batch: Batch) -> Tensor:
        """Adversarial loss plus the distance of reconstructed to real records, ``(M,)``.

        The distance is L1 in the record, weighted by ``context_weight``, plus the mean square in
        the discriminator's features.
        """
        fake = self.generate_fakes(batch)
        matching = (self.features(batch.real) - self.features(fake)).square().mean((-2, -1))
        context = self.residuals(batch.real, fake).abs().mean((-2, -1))
        adversarial = GAN.generator_objective(self, batch)
        return adversarial + self.config.context_weight * context + matching
