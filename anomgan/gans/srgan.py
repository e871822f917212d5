"""SRGAN: restore the detail of coarsened images; what isn't restored is the score."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.gans.batch import Batch
from anomgan.gans.translator import Translator
from anomgan.nets import builders


class SuperResolutionGAN(Translator):
    """Ledig et al., "Photo-realistic single image super-resolution using a GAN", 2017.

    The paper has no anomaly score.  Here an image is coarsened, by a factor of 4 as in the paper,
    and the generator, trained on normal images alone, restores the detail.  The discriminator's
    features take the place of the paper's classifier's in the loss.
    """

    name: ClassVar[str] = "srgan"
    paper: ClassVar[str] = "Ledig et al., Photo-realistic single image super-resolution (SRGAN)"
    year: ClassVar[int] = 2017
    formula: ClassVar[str] = "‖x − G(x↓)‖₁ + ‖f(x) − f(G(x↓))‖₁"
    kinds: ClassVar[tuple[str, ...]] = ("images",)

    def generate(self, z: Tensor) -> Tensor:
        """Coarsen images and restore them, ``(M, n, *shape) -> (M, n, *shape)``."""
        return super().generate(builders.coarsen(self.views.spec, z))

    def generator_objective(self, batch: Batch) -> Tensor:
        """Adversarial loss plus distances in pixels (L1) and features."""
        return self.restoration_loss(batch)

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """L1 distance of image and restored image, in pixels and in features."""
        y = self.generate(x)
        distance = (self.features(x) - self.features(y)).abs().sum(-1)
        return self.residuals(x, y).abs().sum(-1) + distance
