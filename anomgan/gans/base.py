"""What a GAN is to the rest of the package: networks, the moves that train them, what they score.

A variant is one file with one subclass of :class:`GAN`.  Naming it registers it: the command line,
the estimator, the table of methods and the tests then find it by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.errors import InputError
from anomgan.gans.batch import Batch, OptimizerStep, Phase
from anomgan.gans.losses import (
    gradient_penalty,
    logistic_discriminator_loss,
    mode_seeking,
    non_saturating_generator_loss,
    zero_penalty,
)
from anomgan.nets import builders
from anomgan.nets.image_discriminator import ImageDiscriminator
from anomgan.nets.progressive_growing import Growing, grow
from anomgan.nets.self_supervision import TRANSFORM_FAMILIES

MAX_LATENT = 3.0
"""Largest entry of the latent vectors that encoders give; few of the prior's are larger."""

Inversion = Literal["izi", "own", "prior", "none"]
Penalty = Literal["none", "one-centred", "zero-centred"]

Inputs = tuple[Tensor, ...]
"""What a critic judges together: a record, or a record and its latent vector, and so on."""


class GAN(nn.Module):
    """M generative adversarial networks side by side, one for each view of the data.

    Subclasses set the class attributes, build further networks and say how all of them train.

    Attributes:
        name: What users type.
        paper: Authors, title and year.
        formula: The paper's anomaly score in one line.
        kinds: What it can learn from.
        critics: Networks that move on :meth:`discriminator_objective`.
        makers: Networks that move on :meth:`generator_loss`.
        inversion: Where inversion starts.  ``izi``: from an encoder that is trained last, as the
            shared remedy for GANs that know none.  ``own``: from what :meth:`encode` gives, which
            some move of the variant trains.  ``prior``: from draws of the prior; there is no
            encoder.  ``none``: what :meth:`encode` gives is final.
        penalty: What keeps the critics smooth unless a setting says otherwise.
        spectral: Whether the critics are spectrally normalised unless a setting says otherwise.
        conditional: Whether the variant is about conditions.  All can be given some.
        translates: Whether the variant learns from a second domain.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    year: ClassVar[int]
    formula: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = ("tables", "images")
    discriminators: ClassVar[tuple[str, ...]] = ("discriminator",)
    generators: ClassVar[tuple[str, ...]] = ("generator",)
    inversion: ClassVar[Inversion] = "izi"
    penalty: ClassVar[Penalty] = "zero-centred"
    spectral: ClassVar[bool] = False
    conditional: ClassVar[bool] = False
    translates: ClassVar[bool] = False
    registry: ClassVar[dict[str, type[GAN]]] = {}

    def __init_subclass__(cls) -> None:
        """Register variants that have a name."""
        super().__init_subclass__()
        if "name" in cls.__dict__:
            GAN.registry[cls.name] = cls

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        """Build the networks that every variant has."""
        super().__init__()
        if config.penalty == "own":
            config = replace(config, penalty=self.penalty)
        if config.spectral_norm == "own":
            config = replace(config, spectral_norm="on" if self.spectral else "off")
        self.views, self.config = views, config
        self.generator: nn.Module = builders.build_generator(views.spec, config, views.members)
        self.discriminator = builders.build_discriminator(views.spec, config, views.members)
        self.pretext = builders.build_pretext(views.spec, config, self.discriminator)
        if self.inversion in ("izi", "own"):
            self.encoder = builders.build_encoder(views.spec, config, views.members)

    # --- training ---------------------------------------------------------------------------------

    def phases(self) -> Sequence[Phase]:
        """How the networks train; unless overridden, critics and makers in turn."""
        repeats, rate = self.config.critic_steps, self.config.critic_rate
        judging = self.discriminators if self.pretext is None else (*self.discriminators, "pretext")
        critics = OptimizerStep(
            "discriminator", judging, self._total_discriminator_loss, repeats, rate
        )
        makers = OptimizerStep("generator", self.generators, self._total_generator_loss)
        encoder = OptimizerStep("encoder", ("encoder",), self.encoder_loss)
        last = (Phase((encoder,)),) if self.inversion == "izi" else ()
        return (Phase((critics, makers)), *last)

    def prepare_batch(self, batch: Batch) -> Batch:
        """The batch as this GAN trains on it: latent vectors are told the records' conditions.

        Of a tenth of the records the condition is withheld, so that the same networks also learn
        what is normal whatever the condition: what levels never seen will be judged by.
        """
        if not self.views.spec.condition_size:
            return batch
        known = batch.uniform(*batch.real.shape[:2], 1) >= self.config.withheld
        at = self.views.spec.record_size
        real = torch.cat([batch.real[..., :at], batch.real[..., at:] * known], -1)
        return replace(batch, real=real, latent=torch.cat([batch.latent, real[..., at:]], -1))

    def discriminator_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """What the critics are shown as real and as made."""
        return (batch.real,), (self.generate_fakes(batch),)

    def generate_fakes(self, batch: Batch) -> Tensor:
        """The records that are to pass for real, ``(M, B, *shape)``."""
        return self.generate(batch.latent)

    def noisy_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """The pairs as the critics get to see them: blurred, if a setting asks for that."""
        real, fake = self.discriminator_inputs(batch)
        return self._add_instance_noise(batch, real), self._add_instance_noise(batch, fake)

    def discriminate(self, *inputs: Tensor) -> Tensor:
        """The critics' opinions, ``(M, B)``, larger for more real."""
        return self.discriminator(*inputs)

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """What critics minimise, from their opinions ``(M, B)``; ``(M,)``."""
        return logistic_discriminator_loss(real, fake, self.config.label_smoothing)

    def generator_loss(self, fake: Tensor) -> Tensor:
        """What makers minimise, from the critics' opinions of what is made; ``(M, B) -> (M,)``."""
        return non_saturating_generator_loss(fake)

    def discriminator_objective(self, batch: Batch) -> Tensor:
        """Discriminator loss plus the penalty on its gradient, ``(M,)``."""
        with torch.no_grad():  # nobody moves but the critics
            real, fake = self.noisy_inputs(batch)
        if self.config.penalty == "zero-centred":
            real = tuple(x.detach().requires_grad_() for x in real)
        opinions = self.discriminate(*real)
        loss = self.discriminator_loss(opinions, self.discriminate(*fake))
        if self.config.penalty == "one-centred":
            penalty = gradient_penalty(self.discriminate, batch, real, fake)
            loss = loss + self.config.gradient_penalty * penalty
        elif self.config.penalty == "zero-centred":
            loss = loss + self.config.zero_penalty * zero_penalty(opinions, real)
        return loss

    def generator_objective(self, batch: Batch) -> Tensor:
        """What makers minimise, ``(M,)``."""
        _, fake = self.noisy_inputs(batch)
        return self.generator_loss(self.discriminate(*fake))

    def _total_discriminator_loss(self, batch: Batch) -> Tensor:
        """The discriminator's loss at the size that networks have grown to.

        And, if asked for, that of telling what was done to real pictures.
        """
        batch = self._grow_networks(batch)
        loss = self.discriminator_objective(batch)
        if self.pretext is None:
            return loss
        shape, at = batch.real.shape[:2], self.views.spec.record_size
        drawn, noise = batch.uniform(*shape, len(TRANSFORM_FAMILIES)), batch.normal(*shape, at)
        task = self.pretext.loss(self.coarsest_features, batch.real, drawn, noise)
        return loss + self.config.self_supervision * task

    def _total_generator_loss(self, batch: Batch) -> Tensor:
        """The generator's loss likewise and, if asked for, a reward for variety."""
        batch = self._grow_networks(batch)
        loss = self.generator_objective(batch)
        if not self.config.mode_seeking:
            return loss
        made = self.generate(batch.latent)
        return loss + self.config.mode_seeking * mode_seeking(batch.latent, made)

    def _grow_networks(self, batch: Batch) -> Batch:
        """Let the networks grow, and take from the batch the detail that they don't know yet.

        A generator that doesn't grow keeps all others from it.
        """
        if not isinstance(self.generator, Growing) or not self.generator.levels:
            return batch
        # At the last step all is there, however few there are.
        missing = grow(self, batch.progress + 1 / self.config.steps)
        return replace(batch, real=builders.drop_detail(self.views.spec, batch.real, missing))

    def _add_instance_noise(self, batch: Batch, inputs: Inputs) -> Inputs:
        """Instance noise: Gaussian, fading while training (Sønderby et al., 2017)."""
        sigma = self.config.instance_noise * (1 - batch.progress)
        return tuple(x + sigma * batch.normal(*x.shape) for x in inputs) if sigma else inputs

    def encoder_loss(self, batch: Batch) -> Tensor:
        """What an encoder that is trained last minimises, ``(M,)``: the mean of izi_f."""
        return self.izi_f_loss(batch.real).mean(-1)

    # --- what the networks say of records ---------------------------------------------------------

    def generate(self, z: Tensor) -> Tensor:
        """Records from latent vectors, ``(M, n, code) -> (M, n, *shape)``, scaled as by views.

        Conditions that the latent vectors were told are the records' own.
        """
        made = self.views.render(self.generator(z))
        wide = self.views.spec.condition_size
        return torch.cat([made, z[..., -wide:]], -1) if wide else made

    def izi_f_loss(self, x: Tensor) -> Tensor:
        """Record → latent → record: how much is lost, ``(M, n)`` (Schlegl et al., 2019).

        Means of squares over residuals and, times κ, over features.
        """
        again = self.generate(self.encode(x))
        residual = self.residuals(x, again).square().mean(-1)
        distance = (self.features(x) - self.features(again)).square().mean(-1)
        return residual + self.config.kappa * distance

    def encode(self, x: Tensor) -> Tensor:
        """First guess of the latent vectors of records, ``(M, n, *shape) -> (M, n, code)``.

        Encoders that are trained last stay within reach of the prior: further out the generator
        would extrapolate and reproduce far outliers too.
        """
        z: Tensor = self.encoder(x)
        z = MAX_LATENT * torch.tanh(z / MAX_LATENT) if self.inversion == "izi" else z
        return self.append_conditions(z, x)

    def append_conditions(self, z: Tensor, x: Tensor) -> Tensor:
        """Latent vectors that are told the conditions of records, ``(M, n, code)``."""
        wide = self.views.spec.condition_size
        return torch.cat([z, x[..., -wide:].expand(*z.shape[:-1], wide)], -1) if wide else z

    def sample_prior(self, count: int, generator: torch.Generator) -> Tensor:
        """Latent vectors to draw records from, ``(M, count, code)``."""
        members, latent = self.views.members, self.config.latent
        z = torch.randn(members, count, latent, generator=generator, dtype=torch.float64).float()
        known = self.views.sample_conditions(count, generator).float()
        return torch.cat([z.to(known), known.expand(members, -1, -1)], -1)

    def features(self, x: Tensor) -> Tensor:
        """The discriminator's features of records, ``(M, n, F)``."""
        return self.discriminator.features(x)

    def coarsest_features(self, x: Tensor) -> Tensor:
        """The discriminator's coarsest map of pictures, ``(M, n, S)``.

        Raises:
            ValueError: If the records are no pictures.
        """
        if not isinstance(self.discriminator, ImageDiscriminator):
            raise ValueError("only of pictures there are maps")
        return self.discriminator.coarsest_features(x)

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """The paper's own score of records, ``(M, n)``, at least 0, larger for more abnormal.

        For papers that know none: the distance to the nearest generated record, plus how much more
        real that one looks.  A critic's opinion has no zero, so it counts only beside another one.

        Args:
            x: Scaled records, ``(M, n, *shape)``.
            z: Their latent vectors after inversion, ``(M, n, code)``.
        """
        y = self.generate(z)
        residual = self.residuals(x, y).square().sum(-1).sqrt()
        return residual + (self.discriminator(y) - self.discriminator(x)).clamp(min=0)

    def residuals(self, x: Tensor, y: Tensor) -> Tensor:
        """Residuals of records against generated ones, ``(M, n, S)``; squares add up."""
        return self.views.residuals(x, y)

    def inversion_loss(self, x: Tensor, z: Tensor) -> Tensor:
        """What the inversion of records minimises over latent vectors, ``(M, n)``."""
        return self.views.mismatch(x, self.generator(z))


def get_method(name: object) -> type[GAN]:
    """The registered GAN of that name.

    Raises:
        InputError: If there is none.
    """
    if not isinstance(name, str) or name not in GAN.registry:
        known = ", ".join(sorted(GAN.registry))
        raise InputError(f"unknown method {name!r}; choose one of: {known}")
    return GAN.registry[name]
