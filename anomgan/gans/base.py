"""What a GAN is to the rest of the package: networks, the moves that train them, what they score.

A variant is one file with one subclass of :class:`GAN`.  Naming it registers it: the command line,
the estimator, the table of methods and the tests then find it by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from anomgan.config import Config
from anomgan.data.views import Views
from anomgan.errors import InputError
from anomgan.nets import blocks

REACH = 3.0
"""Largest entry of the latent vectors that encoders give; few of the prior's are larger."""


@dataclass(frozen=True)
class Batch:
    """What a loss sees at one move.

    Attributes:
        real: Scaled training records, ``(M, B, *shape)``.
        latent: Fresh draws from the prior N(0, 1), ``(M, B, latent)``.
        generator: Source of any further randomness; lives on the CPU, so that one seed draws the
            same numbers on every device.
    """

    real: Tensor
    latent: Tensor
    generator: torch.Generator

    def uniform(self, *shape: int) -> Tensor:
        """Draws from U(0, 1)."""
        return torch.rand(shape, generator=self.generator).to(self.real.device)

    def normal(self, *shape: int) -> Tensor:
        """Draws from N(0, 1)."""
        return torch.randn(shape, generator=self.generator).to(self.real.device)


@dataclass(frozen=True)
class Move:
    """One descent step: these networks move, every other one stays frozen.

    Attributes:
        name: What the loss is called in logs.
        networks: Attribute names of the networks that move.
        loss: Batch to losses per member, ``(M,)``.
        repeats: How often the move is made in one training step, each time on a fresh batch.
    """

    name: str
    networks: tuple[str, ...]
    loss: Callable[[Batch], Tensor]
    repeats: int = 1


@dataclass(frozen=True)
class Stage:
    """Moves that are made in turn for a share of the step budget; stages follow one another."""

    moves: tuple[Move, ...]
    share: float = 1.0


class GAN(nn.Module):
    """M generative adversarial networks side by side, one for each view of the data.

    Subclasses set the class attributes, build further networks and say how all of them train.

    Attributes:
        name: What users type.
        paper: Authors, title and year.
        formula: The paper's anomaly score in one line.
        critics: Networks that move on :meth:`discriminator_loss`.
        makers: Networks that move on :meth:`generator_loss`.
        inversion: Where inversion starts.  ``izi``: from an encoder that is trained last, as the
            shared remedy for GANs that know none.  ``own``: from an encoder that some move of the
            variant trains.  ``prior``: from draws of the prior; there is no encoder.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    year: ClassVar[int]
    formula: ClassVar[str]
    critics: ClassVar[tuple[str, ...]] = ("discriminator",)
    makers: ClassVar[tuple[str, ...]] = ("generator",)
    inversion: ClassVar[Literal["izi", "own", "prior"]] = "izi"
    registry: ClassVar[dict[str, type[GAN]]] = {}

    def __init_subclass__(cls) -> None:
        """Register variants that have a name."""
        super().__init_subclass__()
        if "name" in cls.__dict__:
            GAN.registry[cls.name] = cls

    def __init__(self, views: Views, config: Config) -> None:
        """Build the networks that every variant has."""
        super().__init__()
        self.views, self.config = views, config
        self.generator = blocks.generator(views.spec, config, views.members)
        self.discriminator = blocks.discriminator(views.spec, config, views.members)
        if self.inversion != "prior":
            self.encoder = blocks.encoder(views.spec, config, views.members)

    def stages(self) -> Sequence[Stage]:
        """How the networks train; unless overridden, critics and makers in turn."""
        repeats = self.config.critic_steps
        critics = Move("discriminator", self.critics, self.discriminator_loss, repeats)
        makers = Move("generator", self.makers, self.generator_loss)
        encoder = Move("encoder", ("encoder",), self.encoder_loss)
        last = (Stage((encoder,)),) if self.inversion == "izi" else ()
        return (Stage((critics, makers)), *last)

    def discriminator_loss(self, batch: Batch) -> Tensor:
        """What critics minimise, ``(M,)``."""
        raise NotImplementedError

    def generator_loss(self, batch: Batch) -> Tensor:
        """What makers minimise, ``(M,)``."""
        raise NotImplementedError

    def generate(self, z: Tensor) -> Tensor:
        """Records from latent vectors, ``(M, n, latent) -> (M, n, *shape)``, scaled as by views."""
        return self.views.render(self.generator(z))

    def encoder_loss(self, batch: Batch) -> Tensor:
        """What an encoder that is trained last minimises, ``(M,)``: the mean of izi_f."""
        return self.izi_f(batch.real).mean(-1)

    def izi_f(self, x: Tensor) -> Tensor:
        """Record → latent → record: how much is lost, ``(M, n)`` (Schlegl et al., 2019).

        Means of squares over residuals and, times κ, over features.
        """
        again = self.generate(self.encode(x))
        residual = self.residuals(x, again).square().mean(-1)
        distance = (self.features(x) - self.features(again)).square().mean(-1)
        return residual + self.config.kappa * distance

    def encode(self, x: Tensor) -> Tensor:
        """First guess of the latent vectors of records, ``(M, n, *shape) -> (M, n, latent)``.

        Encoders that are trained last stay within reach of the prior: further out the generator
        would extrapolate and reproduce far outliers too.
        """
        z: Tensor = self.encoder(x)
        return REACH * torch.tanh(z / REACH) if self.inversion == "izi" else z

    def features(self, x: Tensor) -> Tensor:
        """The discriminator's features of records, ``(M, n, F)``."""
        return self.discriminator.features(x)

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """The paper's own score of records, ``(M, n)``, at least 0, larger for more abnormal.

        For papers that know none: the distance to the nearest generated record, plus how much more
        real that one looks.  A critic's opinion has no zero, so it counts only beside another one.

        Args:
            x: Scaled records, ``(M, n, *shape)``.
            z: Their latent vectors after inversion, ``(M, n, latent)``.
        """
        y = self.generate(z)
        residual = self.residuals(x, y).square().sum(-1).sqrt()
        return residual + (self.discriminator(y) - self.discriminator(x)).clamp(min=0)

    def residuals(self, x: Tensor, y: Tensor) -> Tensor:
        """Residuals of records against generated ones, ``(M, n, S)``; squares add up."""
        return self.views.residuals(x, y)

    def mismatch(self, x: Tensor, z: Tensor) -> Tensor:
        """What the inversion of records minimises over latent vectors, ``(M, n)``."""
        return self.residuals(x, self.generate(z)).square().sum(-1)


def method(name: str) -> type[GAN]:
    """The registered GAN of that name.

    Raises:
        InputError: If there is none.
    """
    try:
        return GAN.registry[name]
    except KeyError:
        known = ", ".join(sorted(GAN.registry))
        raise InputError(f"unknown method {name!r}; choose one of: {known}") from None
