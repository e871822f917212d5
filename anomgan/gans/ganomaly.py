"""GANomaly: encoder, decoder, encoder; the score is the distance of the two codes."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.gans.base import GAN, Inversion
from anomgan.gans.batch import Batch
from anomgan.nets import builders


class GANomaly(GAN):
    """Akcay et al., "GANomaly: semi-supervised anomaly detection via adversarial training", 2018.

    The generator reconstructs records from their codes instead of the prior's; a second encoder
    with its own weights encodes the reconstruction.
    """

    name: ClassVar[str] = "ganomaly"
    paper: ClassVar[str] = "Akcay et al., GANomaly"
    year: ClassVar[int] = 2018
    formula: ClassVar[str] = "‖E(x) − E₂(G(E(x)))‖₁"
    generators: ClassVar[tuple[str, ...]] = ("generator", "encoder", "second_encoder")
    inversion: ClassVar[Inversion] = "encoder"

    def __init__(self, views: EnsembleScaler, config: Config) -> None:
        """Build the networks, among them the second encoder."""
        super().__init__(views, config)
        self.second_encoder = builders.build_encoder(views.spec, config, views.members)

    def generate_fakes(self, batch: Batch) -> Tensor:
        """Reconstruct the records."""
        return self.generate(self.encode(batch.real))

    def generator_objective(self, batch: Batch) -> Tensor:
        """Adversarial loss (feature matching), contextual loss (L1) and encoder loss, weighted."""
        fake = self.generate_fakes(batch)
        matching = (self.features(batch.real) - self.features(fake)).square().mean((-2, -1))
        context = self.residuals(batch.real, fake).abs().mean((-2, -1))
        latent = (self.encoder(batch.real) - self.second_encoder(fake)).square().mean((-2, -1))
        return matching + self.config.context_weight * context + latent

    def paper_score(self, x: Tensor, z: Tensor) -> Tensor:
        """L1 distance of the two codes; no inversion."""
        reconstructed = self.generate(self.encode(x))
        return (self.encoder(x) - self.second_encoder(reconstructed)).abs().sum(-1)
