"""SRGAN: restore a coarse picture by what is known of normal ones; the rest is abnormal."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.gans.batch import Batch
from anomgan.gans.translator import Translator
from anomgan.nets import builders


class SuperResolutionGAN(Translator):
    """Ledig et al., "Photo-realistic single image super-resolution using a GAN", 2017.

    The paper knows no anomaly score.  Here a picture is made coarse, by a factor of 4 as in the
    paper, and the generator, which has seen normal pictures alone, adds the detail.  The paper's
    loss in a classifier's features is one in the discriminator's.
    """

    name: ClassVar[str] = "srgan"
    paper: ClassVar[str] = "Ledig et al., Photo-realistic single image super-resolution (SRGAN)"
    year: ClassVar[int] = 2017
    formula: ClassVar[str] = "‖x − G(x↓)‖₁ + ‖f(x) − f(G(x↓))‖₁"
    kinds: ClassVar[tuple[str, ...]] = ("images",)

    def generate(self, z: Tensor) -> Tensor:
        """Make pictures coarse and restore them, ``(M, n, *shape) -> (M, n, *shape)``."""
        return super().generate(builders.coarsen(self.views.spec, z))

    def generator_objective(self, batch: Batch) -> Tensor:
        """Adversarial loss, and what isn't restored in pixels and in features."""
        return self.restoration_loss(batch)

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """What couldn't be restored."""
        again = self.generate(x)
        distance = (self.features(x) - self.features(again)).abs().sum(-1)
        return self.residuals(x, again).abs().sum(-1) + distance
