"""Least-squares GAN as a plug-in of anomgan: `anomgan fit normal.csv --method lsgan`."""

from typing import ClassVar

from torch import Tensor

from anomgan.gans import GAN


class LeastSquaresGAN(GAN):
    """Mao et al., "Least squares generative adversarial networks", 2017."""

    name: ClassVar[str] = "lsgan"
    paper: ClassVar[str] = "Mao et al., LSGAN"
    year: ClassVar[int] = 2017
    formula: ClassVar[str] = "‖x − G(z*)‖ + max(0, D(G(z*)) − D(x))"

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Outputs for real records should be 1, for generated ones 0."""
        return (real - 1).square().mean(-1) + fake.square().mean(-1)

    def generator_loss(self, fake: Tensor) -> Tensor:
        """Outputs for generated records should be 1."""
        return (fake - 1).square().mean(-1)
