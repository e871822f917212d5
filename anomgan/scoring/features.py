"""Features of records under trained GANs: latent code, reconstruction, residuals, discriminator."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anomgan.errors import InputError
from anomgan.gans.base import GAN
from anomgan.scoring.inversion import invert

if TYPE_CHECKING:
    from anomgan.scoring.patches.patch_model import PatchModel, PlaceScores


class RecordFeatures:
    """Features of n records, each computed when first needed.

    Attributes:
        gan: Trained networks.
        x: Scaled records, ``(M, n, *shape)`` float32.
    """

    def __init__(
        self,
        gan: GAN,
        x: Tensor,
        z: Tensor | None = None,
        batch_size: int | None = None,
        places: Callable[[], PlaceScores] | None = None,
    ) -> None:
        """Keep records.

        Args:
            gan: Trained networks.
            x: Scaled records, ``(M, n, *shape)``.
            z: Their latent vectors, ``(M, n, code)``; by default inversion finds them.
            batch_size: Records that networks compute at once, by default all.
            places: Computes scores of pictures' places in a backbone's features, if there is one.
        """
        self._compute_places = places
        self.gan, self.x, self.batch_size = gan, x, batch_size or x.shape[1]
        if z is not None:
            self.z = z

    @classmethod
    def from_encoded(
        cls,
        gan: GAN,
        values: Tensor,
        batch_size: int,
        patches: PatchModel | None = None,
    ) -> RecordFeatures:
        """Scale encoded records, ``(n, *shape)``, so many at once."""
        scaled = torch.cat([gan.views(part).float() for part in values.split(batch_size)], 1)
        places = None if patches is None else partial(patches, values)
        return cls(gan, scaled, batch_size=batch_size, places=places)

    @cached_property
    def places(self) -> PlaceScores:
        """Scores of pictures' places in a backbone's features.

        Raises:
            InputError: If the GAN has no backbone beside it.
        """
        if self._compute_places is None:
            raise InputError(
                "score pretrained and its components need pictures, and the setting backbone"
            )
        return self._compute_places()

    @cached_property
    def z(self) -> Tensor:
        """Latent vectors z* of the nearest generated records, ``(M, n, latent)``."""
        with torch.enable_grad():  # a caller may have disabled it
            return self._apply(partial(invert, self.gan), self.x)

    @cached_property
    def generated(self) -> Tensor:
        """The nearest generated records G(z*), ``(M, n, *shape)``."""
        with torch.no_grad():
            return self._apply(self.gan.generate, self.z)

    @cached_property
    def residuals(self) -> Tensor:
        """Residuals of x against G(z*), ``(M, n, S)``; squares add up."""
        with torch.no_grad():
            return self._apply(self.gan.residuals, self.x, self.generated)

    @cached_property
    def features(self) -> Tensor:
        """The discriminator's features f(x), ``(M, n, F)``."""
        with torch.no_grad():
            return self._apply(self.gan.features, self.x)

    @cached_property
    def feature_differences(self) -> Tensor:
        """f(x) − f(G(z*)), ``(M, n, F)``."""
        with torch.no_grad():
            return self.features - self._apply(self.gan.features, self.generated)

    @cached_property
    def contrast(self) -> Tensor:
        """Positions in the directions of the discriminators of corrupted rows, ``(M, n, 2, S)``.

        Raises:
            InputError: If there are none.
        """
        with torch.no_grad():
            return self._apply(self.gan.contrast_features, self.x)

    @cached_property
    def pretext(self) -> Tensor:
        """Losses of the self-supervised task of each family of transforms, ``(M, n, families)``.

        Raises:
            InputError: If the GAN wasn't trained on that task.
        """
        head = self.gan.pretext
        if head is None:
            raise InputError(
                "score transforms needs pictures, and the setting self_supervision above 0"
            )
        with torch.no_grad():
            return self._apply(partial(head.compute_nll, self.gan.coarsest_features), self.x)

    @cached_property
    def paper(self) -> Tensor:
        """The score of the method's paper, ``(M, n)``."""
        with torch.no_grad():
            return self._apply(self.gan.paper_score, self.x, self.z)

    def _apply(self, compute: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
        """Apply to at most `batch_size` records at once, which bounds intermediates."""
        if self.x.shape[1] <= self.batch_size:
            return compute(*inputs)
        batches = zip(*(each.split(self.batch_size, 1) for each in inputs), strict=True)
        return torch.cat([compute(*batch) for batch in batches], 1)
