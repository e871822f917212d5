"""What trained networks show of records; parts that nobody asks for aren't computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial

import torch
from torch import Tensor

from anomgan.errors import InputError
from anomgan.gans.base import GAN
from anomgan.scoring.inversion import invert


class RecordFeatures:
    """Records beside their nearest generated ones; parts that nobody asks for aren't computed.

    Attributes:
        gan: Trained networks.
        x: Scaled records, ``(M, n, *shape)`` float32.
    """

    def __init__(
        self, gan: GAN, x: Tensor, z: Tensor | None = None, batch_size: int | None = None
    ) -> None:
        """Keep records.

        Args:
            gan: Trained networks.
            x: Scaled records, ``(M, n, *shape)``.
            z: Their latent vectors, ``(M, n, code)``; by default inversion finds them.
            batch_size: How many records the networks are shown at once, by default all.
        """
        self.gan, self.x, self.batch_size = gan, x, batch_size or x.shape[1]
        if z is not None:
            self.z = z

    @classmethod
    def encode(cls, gan: GAN, values: Tensor, batch_size: int) -> RecordFeatures:
        """Of encoded records, ``(n, *shape)``, so many at once."""
        scaled = torch.cat([gan.views(part).float() for part in values.split(batch_size)], 1)
        return cls(gan, scaled, batch_size=batch_size)

    @cached_property
    def z(self) -> Tensor:
        """The records' latent vectors z* after inversion, ``(M, n, latent)``."""
        with torch.enable_grad():  # which may be off where it is asked for
            return self._by_parts(partial(invert, self.gan), self.x)

    @cached_property
    def generated(self) -> Tensor:
        """The nearest generated records G(z*), ``(M, n, *shape)``."""
        with torch.no_grad():
            return self._by_parts(self.gan.generate, self.z)

    @cached_property
    def residuals(self) -> Tensor:
        """Of x against G(z*), ``(M, n, S)``; squares add up."""
        with torch.no_grad():
            return self._by_parts(self.gan.residuals, self.x, self.generated)

    @cached_property
    def features(self) -> Tensor:
        """The discriminator's features f(x), ``(M, n, F)``."""
        with torch.no_grad():
            return self._by_parts(self.gan.features, self.x)

    @cached_property
    def feature_differences(self) -> Tensor:
        """f(x) − f(G(z*)), ``(M, n, F)``."""
        with torch.no_grad():
            return self.features - self._by_parts(self.gan.features, self.generated)

    @cached_property
    def pretext(self) -> Tensor:
        """How badly is told what is done to the pictures, ``(M, n, families)``.

        Raises:
            InputError: If that was never learnt.
        """
        head = self.gan.pretext
        if head is None:
            raise InputError(
                "score transforms needs pictures, and the setting self_supervision above 0"
            )
        with torch.no_grad():
            return self._by_parts(partial(head.compute_nll, self.gan.coarsest_features), self.x)

    @cached_property
    def paper(self) -> Tensor:
        """The score of the method's paper, ``(M, n)``."""
        with torch.no_grad():
            return self._by_parts(self.gan.paper_score, self.x, self.z)

    def _by_parts(self, compute: Callable[..., Tensor], *whole: Tensor) -> Tensor:
        """Apply to so many records at once that no intermediate grows beyond bounds."""
        parts = zip(*(each.split(self.batch_size, 1) for each in whole), strict=True)
        return torch.cat([compute(*own) for own in parts], 1)
