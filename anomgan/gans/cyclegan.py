"""CycleGAN: translate records from another domain into normal ones, and see what had to change."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.gans.base import MAX_LATENT, Inputs
from anomgan.gans.batch import Batch
from anomgan.gans.losses import least_squares_discriminator_loss, least_squares_generator_loss
from anomgan.gans.translator import Translator
from anomgan.nets import builders


class CycleGAN(Translator):
    """Zhu et al., "Unpaired image-to-image translation", 2017.

    ``generator`` makes records normal, ``spoiler`` leads normal ones into the other domain; there
    and back again nothing may get lost, and what is normal already is to stay as it is.  The other
    domain is a second table, unlabelled or rich in anomalies; without one, normal records are
    spoilt on purpose.  A record's latent vector is the record itself.
    """

    name: ClassVar[str] = "cyclegan"
    paper: ClassVar[str] = "Zhu et al., Unpaired image-to-image translation (CycleGAN)"
    year: ClassVar[int] = 2017
    formula: ClassVar[str] = "‖x − G(x)‖₁"
    discriminators: ClassVar[tuple[str, ...]] = ("discriminator", "other_discriminator")
    generators: ClassVar[tuple[str, ...]] = ("generator", "spoiler")
    translates: ClassVar[bool] = True

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        """Build two translators and two critics."""
        super().__init__(views, config)
        self.spoiler = builders.build_translator(views.spec, self.config, views.members)
        self.other_discriminator = builders.build_discriminator(
            views.spec, self.config, views.members
        )

    def prepare_batch(self, batch: Batch) -> Batch:
        """Records of the other domain stand where other GANs have draws from the prior."""
        other = corrupt_records(self.views, batch) if batch.other is None else batch.other
        return replace(super().prepare_batch(batch), latent=other)

    def generate(self, z: Tensor) -> Tensor:
        """Make records normal, ``(M, n, *shape) -> (M, n, *shape)``."""
        return self._translate(self.generator, z)

    def _translate(self, network: torch.nn.Module, x: Tensor) -> Tensor:
        """What the network adds to a record; of far ones no more than the reach is kept."""
        at = self.views.spec.record_size
        kept = MAX_LATENT * torch.tanh(x[..., :at] / MAX_LATENT)
        return torch.cat([self.views.render(kept + network(x)), x[..., at:]], -1)

    def discriminator_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """For each domain's critic its own records, and what the translators make."""
        x, other = batch.real, batch.latent
        return (x, other), (self.generate(other), self._translate(self.spoiler, x))

    def discriminate(self, *inputs: Tensor) -> Tensor:
        """The opinions of both critics, ``(M, 2·n)``."""
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
        (x, other), (healed, ill) = self.discriminator_inputs(batch)
        cycle = self._loss(x, self.generate(ill))
        cycle = cycle + self._loss(other, self._translate(self.spoiler, healed))
        same = self._loss(x, self.generate(x))
        same = same + self._loss(other, self._translate(self.spoiler, other))
        adversarial = super().generator_objective(batch)
        return adversarial + self.config.cycle_weight * (cycle + 0.5 * same)

    def _loss(self, x: Tensor, y: Tensor) -> Tensor:
        """Mean absolute residual, ``(M,)``."""
        return self.residuals(x, y).abs().mean((-2, -1))

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """How much has to change for a record to become normal."""
        return self.residuals(x, self.generate(z)).abs().sum(-1)


def corrupt_records(views: EnsembleScaler, batch: Batch) -> Tensor:
    """Real records, some columns of which come from another record or are shifted by noise.

    Of each record a random share of the columns is exchanged, which breaks their dependence, and
    each of another random share is moved by up to some standard deviations.  Of pictures it is the
    patches instead of the columns.

    Args:
        views: Know which entries belong to one column.
        batch: Its records are spoilt, in copies.

    Returns:
        ``(M, B, *shape)``; conditions stay as they are.
    """
    x = batch.real
    at = views.spec.record_size
    columns = int(views.column.max()) + 1
    chances = [batch.uniform(*x.shape[:2], 1) for _ in range(2)]
    exchange, shift = (
        (batch.uniform(*x.shape[:2], columns) < chance)[..., views.column] for chance in chances
    )
    record = torch.where(exchange, x.roll(1, 1)[..., :at], x[..., :at])
    sigma = 3 * batch.uniform(*x.shape[:2], 1)
    moved = record + sigma * batch.normal(*record.shape)
    record = torch.where(shift & views.is_numeric, moved, record)
    return torch.cat([record, x[..., at:]], -1)
