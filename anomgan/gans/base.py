"""The GAN base class: networks, training phases, losses and anomaly score of a variant.

A variant is one file with one subclass of :class:`GAN`.  A ``name`` registers it, so that the
command line, the estimator, the table of methods and the tests find it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.errors import InputError
from anomgan.gans.batch import Batch, OptimizerStep, Phase
from anomgan.gans.corruptions import (
    CorruptedRows,
    corrupt_rows,
    count_classes,
    index_columns,
)
from anomgan.gans.losses import (
    logistic_discriminator_loss,
    mode_seeking_loss,
    non_saturating_generator_loss,
    one_centred_penalty,
    zero_centred_penalty,
)
from anomgan.gans.output_head import compute_residuals, mismatch_from, render
from anomgan.nets import builders
from anomgan.nets.contrast_discriminator import ContrastDiscriminators
from anomgan.nets.image_discriminator import ImageDiscriminator
from anomgan.nets.progressive_growing import Growing, grow
from anomgan.nets.self_supervision import TRANSFORM_FAMILIES
from anomgan.plugins.lookup import find
from anomgan.plugins.registry import GANS, Registry

MAX_LATENT = 3.0
"""Upper bound on the entries of encoded latent vectors; draws of the prior rarely exceed it."""

CONTRAST_SHARE = 0.6
"""Part of the training steps that discriminators of corrupted rows need."""

Inversion = Literal["encoder-last", "encoder", "prior", "none"]
Penalty = Literal["none", "one-centred", "zero-centred"]

Inputs = tuple[Tensor, ...]
"""The arguments of :meth:`GAN.discriminate`: records, or records and their latent vectors, …"""


class GAN(nn.Module):
    """An ensemble of M generative adversarial networks, one for each scaling of the data.

    Subclasses set the class attributes, and override what differs in networks and training.
    Everywhere M is the number of members, B the rows of a batch, ``shape`` that of a record with
    its conditions, and ``code`` the length of a latent vector with its conditions.

    Attributes:
        name: The name in the registry.
        paper: Authors and title.
        year: Year of the paper.
        formula: The paper's anomaly score in one line.
        kinds: Kinds of data that it can be trained on.
        discriminators: Networks that :meth:`discriminator_objective` trains.
        generators: Networks that :meth:`generator_objective` trains.
        inversion: Where the search for a record's latent vector starts.  ``encoder-last``: from an
            encoder trained after the GAN, for papers without one.  ``encoder``: from
            :meth:`encode`, whose encoder is among the ``generators``.  ``prior``: from draws of the
            prior; there is no encoder.  ``none``: :meth:`encode` is final, nothing is searched.
        penalty: Default gradient penalty of the discriminators.
        spectral: Whether discriminators are spectrally normalised by default.
        conditional: Whether the variant needs conditions.  All variants accept some.
        translates: Whether the variant is trained on a second domain.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    year: ClassVar[int]
    formula: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = ("tables", "images", "series")
    discriminators: ClassVar[tuple[str, ...]] = ("discriminator",)
    generators: ClassVar[tuple[str, ...]] = ("generator",)
    inversion: ClassVar[Inversion] = "encoder-last"
    penalty: ClassVar[Penalty] = "zero-centred"
    spectral: ClassVar[bool] = False
    conditional: ClassVar[bool] = False
    translates: ClassVar[bool] = False
    registry: ClassVar[Registry[GAN]] = GANS

    def __init_subclass__(cls) -> None:
        """Register variants that have a name.

        Raises:
            InputError: If the name is taken, or the class doesn't say what is shown of it.
        """
        super().__init_subclass__()
        if "name" in cls.__dict__:
            missing = [each for each in ("paper", "year", "formula") if not hasattr(cls, each)]
            if missing:
                raise InputError(f"method {cls.name!r}: the class has no {', '.join(missing)}")
            GAN.registry.add(cls.name, cls)

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        """Build the networks that every variant has.

        Args:
            views: The members' scalings of the data.
            config: Settings; ``own`` stands for the variant's defaults.
        """
        super().__init__()
        if config.penalty == "own":
            config = replace(config, penalty=self.penalty)
        if config.spectral_norm == "own":
            config = replace(config, spectral_norm="on" if self.spectral else "off")
        self.views, self.config = views, config
        self.generator: nn.Module = builders.build_generator(views.spec, config, views.members)
        self.discriminator = builders.build_discriminator(views.spec, config, views.members)
        self.pretext = builders.build_pretext(views.spec, config, self.discriminator)
        columns, continuous = index_columns(views.spec)
        self.contrast = builders.build_contrast(
            continuous,
            int(columns.max()) + 1,
            count_classes(views.spec),
            views.spec,
            config,
            views.members,
        )
        if self.inversion in ("encoder-last", "encoder"):
            self.encoder = builders.build_encoder(views.spec, config, views.members)

    # --- training ---------------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        """How the networks are trained: discriminators and generators in turn, then the encoder."""
        pretext = () if self.pretext is None else ("pretext",)
        discriminators = OptimizerStep(
            "discriminator",
            (*self.discriminators, *pretext),
            self._total_discriminator_loss,
            self.config.critic_steps,
            self.config.critic_rate,
        )
        generators = OptimizerStep("generator", self.generators, self._total_generator_loss)
        encoder = OptimizerStep("encoder", ("encoder",), self.encoder_loss)
        last = (Phase((encoder,)),) if self.inversion == "encoder-last" else ()
        return (Phase((discriminators, generators, *self._contrast_steps())), *last)

    def _contrast_steps(self) -> Sequence[OptimizerStep]:
        """How discriminators of corrupted rows are trained beside the GAN, if there are any.

        On few rows both overfit, the distance sooner than the classes.
        """
        if self.contrast is None:
            return ()
        update = partial(OptimizerStep, share=CONTRAST_SHARE)
        return (
            update("classifier", ("contrast.classifier",), self.classifier_loss, rate=2,
                   max_passes=40),
            update("energy", ("contrast.energy",), self.energy_loss, max_passes=20),
        )  # fmt: skip

    def prepare_batch(self, batch: Batch) -> Batch:
        """Append the records' conditions to the latent vectors.

        For a share of ``config.withheld`` records the condition is set to zero, so that the
        networks also learn what is normal under any condition; unseen levels are scored by that.
        """
        if not self.views.spec.condition_size:
            return batch
        kept = batch.uniform(*batch.real.shape[:2], 1) >= self.config.withheld
        at = self.views.spec.record_size
        real = torch.cat([batch.real[..., :at], batch.real[..., at:] * kept], -1)
        return replace(batch, real=real, latent=torch.cat([batch.latent, real[..., at:]], -1))

    def discriminator_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """The discriminators' real and fake inputs."""
        return (batch.real,), (self.generate_fakes(batch),)

    def generate_fakes(self, batch: Batch) -> Tensor:
        """Generate the fake records of a batch, ``(M, B, *shape)``."""
        return self.generate(batch.latent)

    def noisy_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """:meth:`discriminator_inputs` with instance noise, if the setting asks for it."""
        real, fake = self.discriminator_inputs(batch)
        return self._add_instance_noise(batch, real), self._add_instance_noise(batch, fake)

    def discriminate(self, *inputs: Tensor) -> Tensor:
        """Logits of the discriminators, ``(M, B)``, larger for more real."""
        return self.discriminator(*inputs)

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Discriminators' loss from their logits for real and fake inputs, ``(M, B) -> (M,)``."""
        return logistic_discriminator_loss(real, fake, self.config.label_smoothing)

    def generator_loss(self, fake: Tensor) -> Tensor:
        """Generators' loss from the logits for fake inputs, ``(M, B) -> (M,)``."""
        return non_saturating_generator_loss(fake)

    def discriminator_objective(self, batch: Batch) -> Tensor:
        """Discriminator loss plus gradient penalty, ``(M,)``."""
        with torch.no_grad():  # only the discriminators are updated
            real, fake = self.noisy_inputs(batch)
        if self.config.penalty == "zero-centred":
            real = tuple(x.detach().requires_grad_() for x in real)
        real_logits = self.discriminate(*real)
        loss = self.discriminator_loss(real_logits, self.discriminate(*fake))
        if self.config.penalty == "one-centred":
            penalty = one_centred_penalty(self.discriminate, batch, real, fake)
            loss = loss + self.config.gradient_penalty * penalty
        elif self.config.penalty == "zero-centred":
            loss = loss + self.config.zero_penalty * zero_centred_penalty(real_logits, real)
        return loss

    def generator_objective(self, batch: Batch) -> Tensor:
        """All terms of the generators' loss, ``(M,)``; by default the adversarial one alone."""
        _, fake = self.noisy_inputs(batch)
        return self.generator_loss(self.discriminate(*fake))

    def corrupt(self, batch: Batch) -> CorruptedRows:
        """Corrupt the rows of a batch; some of them by what the generator makes."""
        generated = None
        if self.config.contrast_generator == "on":
            with torch.no_grad():
                generated = self.generate_fakes(batch)
        edges = self._get_contrast().encoding.edges
        return corrupt_rows(self.views.spec, batch, edges, generated)

    def classifier_loss(self, batch: Batch) -> Tensor:
        """Loss of telling cells and kinds of corrupted rows, ``(M,)``."""
        contrast, corrupted = self._get_contrast(), self.corrupt(batch)
        inputs, _ = contrast.encode(torch.cat([batch.real, corrupted.rows], 1))
        kinds = torch.cat([torch.zeros_like(corrupted.kinds), corrupted.kinds], 1)
        cells = torch.cat([torch.zeros_like(corrupted.cells), corrupted.cells], 1)
        return contrast.classifier.loss(inputs, kinds, cells)

    def energy_loss(self, batch: Batch) -> Tensor:
        """Loss of telling real from corrupted rows by their distance, ``(M,)``."""
        contrast, corrupted = self._get_contrast(), self.corrupt(batch)
        encoded = contrast.encode(torch.cat([batch.real, corrupted.rows], 1))
        changed = torch.cat([torch.zeros_like(corrupted.kinds), corrupted.kinds.clamp(max=1)], 1)
        return contrast.energy.loss(*encoded, changed.to(batch.real))

    def prepare_contrast(self, x: Tensor, batch: Batch) -> None:
        """Fit, before training, what discriminators of corrupted rows start from.

        Args:
            x: Training records, ``(M, n, *shape)``.
            batch: Records to corrupt.
        """
        if self.contrast is not None:
            self.contrast.encoding.fit(x)
            # The generator hasn't learnt to generate anything yet.
            corrupted = corrupt_rows(self.views.spec, batch, self.contrast.encoding.edges)
            self.contrast.fit_energy(x[:, : batch.real.shape[1]], corrupted.rows)

    def finish_contrast(self, x: Tensor, batch: Batch) -> None:
        """Fit, after training, the classifier's directions; arguments as before training."""
        if self.contrast is not None:
            self.contrast.fit_classifier(x[:, : batch.real.shape[1]], self.corrupt(batch).rows)

    def _get_contrast(self) -> ContrastDiscriminators:
        """The discriminators of corrupted rows.

        Raises:
            InputError: If there is none.
        """
        if self.contrast is None:
            raise InputError("contrast is for tables, with the setting contrast=on")
        return self.contrast

    def _total_discriminator_loss(self, batch: Batch) -> Tensor:
        """Discriminator objective at the size grown to, plus the self-supervised loss if set."""
        batch = self._grow_networks(batch)
        loss = self.discriminator_objective(batch)
        if self.pretext is None:
            return loss
        shape, at = batch.real.shape[:2], self.views.spec.record_size
        uniform = batch.uniform(*shape, len(TRANSFORM_FAMILIES))
        noise = batch.normal(*shape, at)
        pretext_loss = self.pretext.loss(self.coarsest_features, batch.real, uniform, noise)
        return loss + self.config.self_supervision * pretext_loss

    def _total_generator_loss(self, batch: Batch) -> Tensor:
        """Generator objective at the size grown to, plus the mode-seeking loss if set."""
        batch = self._grow_networks(batch)
        loss = self.generator_objective(batch)
        if not self.config.mode_seeking:
            return loss
        generated = self.generate(batch.latent)
        return loss + self.config.mode_seeking * mode_seeking_loss(batch.latent, generated)

    def _grow_networks(self, batch: Batch) -> Batch:
        """Grow all networks, and remove the detail from the batch that they can't represent yet.

        With a generator that doesn't grow, no network does.
        """
        if not isinstance(self.generator, Growing) or not self.generator.levels:
            return batch
        # In the last step everything is grown, however few steps there are.
        missing = grow(self, batch.progress + 1 / batch.steps)
        return replace(batch, real=builders.drop_detail(self.views.spec, batch.real, missing))

    def _add_instance_noise(self, batch: Batch, inputs: Inputs) -> Inputs:
        """Add Gaussian noise that fades during training (Sønderby et al., 2017)."""
        sigma = self.config.instance_noise * (1 - batch.progress)
        return tuple(x + sigma * batch.normal(*x.shape) for x in inputs) if sigma else inputs

    def encoder_loss(self, batch: Batch) -> Tensor:
        """Loss of an encoder that is trained last: the mean of :meth:`izi_f_loss`, ``(M,)``."""
        return self.izi_f_loss(batch.real).mean(-1)

    # --- scoring ----------------------------------------------------------------------------------

    def generate(self, z: Tensor) -> Tensor:
        """Generate scaled records from latent vectors, ``(M, n, code) -> (M, n, *shape)``.

        A record's conditions are those of its latent vector.
        """
        records = render(self.views, self.generator(z))
        width = self.views.spec.condition_size
        return torch.cat([records, z[..., -width:]], -1) if width else records

    def izi_f_loss(self, x: Tensor) -> Tensor:
        """Error of record → latent vector → record, ``(M, n)`` (Schlegl et al., 2019).

        Mean squared residual plus κ times the mean squared distance in the features.
        """
        reconstructed = self.generate(self.encode(x))
        residual = self.residuals(x, reconstructed).square().mean(-1)
        distance = (self.features(x) - self.features(reconstructed)).square().mean(-1)
        return residual + self.config.kappa * distance

    def encode(self, x: Tensor) -> Tensor:
        """Encode records as latent vectors, ``(M, n, *shape) -> (M, n, code)``.

        Encoders that are trained last are bounded by :data:`MAX_LATENT`: beyond the prior the
        generator would extrapolate and reproduce far outliers too.
        """
        z: Tensor = self.encoder(x)
        if self.inversion == "encoder-last":
            z = MAX_LATENT * torch.tanh(z / MAX_LATENT)
        return self.append_conditions(z, x)

    def append_conditions(self, z: Tensor, x: Tensor) -> Tensor:
        """Append the conditions of records to latent vectors, ``(M, n, code)``."""
        width = self.views.spec.condition_size
        return torch.cat([z, x[..., -width:].expand(*z.shape[:-1], width)], -1) if width else z

    def sample_prior(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw latent vectors, with conditions as frequent as in training, ``(M, count, code)``."""
        members, latent = self.views.members, self.config.latent
        z = torch.randn(members, count, latent, generator=generator, dtype=torch.float64).float()
        conditions = self.views.sample_conditions(count, generator).float()
        return torch.cat([z.to(conditions), conditions.expand(members, -1, -1)], -1)

    def features(self, x: Tensor) -> Tensor:
        """The discriminator's features of records, ``(M, n, F)``."""
        return self.discriminator.features(x)

    def contrast_features(self, x: Tensor) -> Tensor:
        """Records in the directions in which corrupted rows differ most, ``(M, n, 2, S)``.

        Raises:
            InputError: If there are no discriminators of corrupted rows.
        """
        return self._get_contrast().project(x)

    def coarsest_features(self, x: Tensor) -> Tensor:
        """The discriminator's coarsest feature map of images, ``(M, n, S)``.

        Raises:
            ValueError: If the records are no images.
        """
        if not isinstance(self.discriminator, ImageDiscriminator):
            raise ValueError("only image discriminators have feature maps")
        return self.discriminator.coarsest_features(x)

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """The paper's anomaly score, ``(M, n)``, at least 0, larger for more abnormal.

        By default, for papers without one: the distance to the nearest generated record, plus the
        amount by which its logit exceeds the record's.  A logit has no zero, so it counts only
        relative to another one.

        Args:
            x: Scaled records, ``(M, n, *shape)``.
            z: Their latent vectors after inversion, ``(M, n, code)``.
        """
        y = self.generate(z)
        residual = self.residuals(x, y).square().sum(-1).sqrt()
        return residual + (self.discriminator(y) - self.discriminator(x)).clamp(min=0)

    def residuals(self, x: Tensor, y: Tensor) -> Tensor:
        """Residuals of records against generated ones, ``(M, n, S)``; their squares add up."""
        return compute_residuals(self.views, x, y)

    def inversion_loss(self, x: Tensor) -> Callable[[Tensor], Tensor]:
        """The loss of latent vectors, ``(M, n)``, that the inversion of records x minimises."""
        mismatch = mismatch_from(self.views, x)
        return lambda z: mismatch(self.generator(z))


def get_method(name: object) -> type[GAN]:
    """Return the GAN of that name, perhaps a plug-in's.

    Raises:
        InputError: If there is none, or its plug-in can't be loaded.
    """
    return find(GAN.registry, name)
