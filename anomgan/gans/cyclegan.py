"""CycleGAN: translate records of another domain into normal ones; the change is the score."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.gans.base import MAX_LATENT, Inputs
from anomgan.gans.batch import Batch
from anomgan.gans.corruptions import index_columns
from anomgan.gans.losses import least_squares_discriminator_loss, least_squares_generator_loss
from anomgan.gans.output_head import render
from anomgan.gans.translator import Translator
from anomgan.nets import builders


class CycleGAN(Translator):
    """Zhu et al., "Unpaired image-to-image translation", 2017.

    ``generator`` translates records into the normal domain, ``spoiler`` into the other one; a
    record translated there and back must be recovered (cycle consistency), and one that is in the
    domain already must stay as it is (identity).  The other domain is a second table, unlabelled or
    rich in anomalies; without one, its records are corrupted normal ones.
    """

    name: ClassVar[str] = "cyclegan"
    paper: ClassVar[str] = "Zhu et al., Unpaired image-to-image translation (CycleGAN)"
    year: ClassVar[int] = 2017
    formula: ClassVar[str] = "‖x − G(x)‖₁"
    discriminators: ClassVar[tuple[str, ...]] = ("discriminator", "other_discriminator")
    generators: ClassVar[tuple[str, ...]] = ("generator", "spoiler")
    translates: ClassVar[bool] = True

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        """Build two translators and two discriminators."""
        super().__init__(views, config)
        self.spoiler = builders.build_translator(views.spec, self.config, views.members)
        self.other_discriminator = builders.build_discriminator(
            views.spec, self.config, views.members
        )

    def prepare_batch(self, batch: Batch) -> Batch:
        """Use records of the other domain as latent vectors."""
        other = self._corrupt(batch) if batch.other is None else batch.other
        return replace(super().prepare_batch(batch), latent=other)

    def _corrupt(self, batch: Batch) -> Tensor:
        """Corrupt copies of real records.

        In each record a random share of the columns is swapped with another record, which breaks
        their dependence, and noise of up to 3 standard deviations is added to another random share
        of the numeric ones.  Of images the patches take the place of columns.

        Returns:
            Records ``(M, B, *shape)``; conditions are unchanged.
        """
        x, at = batch.real, self.views.spec.record_size
        columns, continuous = (index.to(x.device) for index in index_columns(self.views.spec))
        count = int(columns.max()) + 1
        shares = [batch.uniform(*x.shape[:2], 1) for _ in range(2)]
        swap, shift = (
            (batch.uniform(*x.shape[:2], count) < share)[..., columns] for share in shares
        )
        record = torch.where(swap, x.roll(1, 1)[..., :at], x[..., :at])
        sigma = 3 * batch.uniform(*x.shape[:2], 1)
        shifted = record + sigma * batch.normal(*record.shape)
        record = torch.where(shift & continuous, shifted, record)
        return torch.cat([record, x[..., at:]], -1)

    def generate(self, z: Tensor) -> Tensor:
        """Translate records into the normal domain, ``(M, n, *shape) -> (M, n, *shape)``."""
        return self._translate(self.generator, z)

    def _translate(self, network: torch.nn.Module, x: Tensor) -> Tensor:
        """Add the network's output to the record, whose entries are bounded by ``MAX_LATENT``."""
        at = self.views.spec.record_size
        bounded = MAX_LATENT * torch.tanh(x[..., :at] / MAX_LATENT)
        return torch.cat([render(self.views, bounded + network(x)), x[..., at:]], -1)

    def discriminator_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """Each domain's records as real, records translated into it as fake."""
        x, other = batch.real, batch.latent
        return (x, other), (self.generate(other), self._translate(self.spoiler, x))

    def discriminate(self, *inputs: Tensor) -> Tensor:
        """Logits of both discriminators, concatenated, ``(M, 2·B)``."""
        normal, other = inputs
        return torch.cat([self.discriminator(normal), self.other_discriminator(other)], -1)

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Least squares, as in the paper."""
        return least_squares_discriminator_loss(real, fake, self.config.label_smoothing)

    def generator_loss(self, fake: Tensor) -> Tensor:
        """Least squares, as in the paper."""
        return least_squares_generator_loss(fake)

    def generator_objective(self, batch: Batch) -> Tensor:
        """Adversarial loss, cycle consistency both ways, and identity at half its weight."""
        (x, other), (fake_x, fake_other) = self.discriminator_inputs(batch)
        cycle = self._l1_loss(x, self.generate(fake_other))
        cycle = cycle + self._l1_loss(other, self._translate(self.spoiler, fake_x))
        identity = self._l1_loss(x, self.generate(x))
        identity = identity + self._l1_loss(other, self._translate(self.spoiler, other))
        adversarial = super().generator_objective(batch)
        return adversarial + self.config.cycle_weight * (cycle + 0.5 * identity)

    def _l1_loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Mean absolute residual, ``(M,)``."""
        return self.residuals(x, y).abs().mean((-2, -1))

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """L1 distance of a record to its translation into the normal domain."""
        return self.residuals(x, self.generate(z)).abs().sum(-1)
