"""Discriminators of corrupted rows, and where a record lies in what they look at.

Whoever tells real rows from rows with informative corruptions (:mod:`anomgan.gans.corruptions`) has
to know what makes rows normal: their marginals, their scales, and how columns depend on one
another.  Two networks learn it from different questions, since what one misses the other may see:
which cells were replaced, and how; and is a row real, judged by its distance from normal ones.

Neither's answer is the score, but the distance of a record from normal rows in the directions in
which corrupted rows leave them.  So a record is far out if it is anything but normal, though
nothing like it was among the corruptions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from anomgan.nets.corruption_classifier import CorruptionClassifier
from anomgan.nets.energy_discriminator import EnergyDiscriminator
from anomgan.nets.layers import draw_weights, row_stable_matmul
from anomgan.nets.piecewise_linear import PiecewiseLinearEncoding

MAX_EMBEDDED_VALUES = 512
"""Entries of a record above which a random projection stands for it in the embedding."""

PROJECTED_VALUES = 256
"""Length of that projection."""


class ContrastDiscriminators(nn.Module):
    """Both discriminators on one encoding of the records.

    Attributes:
        encoding: Encodes the numbers of records.
        classifier: Tells cells and kinds of corruption.
        energy: Tells corrupted rows by their distance.
    """

    projection: Tensor

    def __init__(
        self,
        members: int,
        continuous: Tensor,
        *,
        columns: int,
        classes: int,
        conditions: int,
        hidden: int,
    ) -> None:
        """Build the networks.

        Args:
            members: Number of members, M.
            continuous: Which entries of a record are numeric, ``(R,)`` bool.
            columns: Number of columns, which have a logit each.
            classes: Number of kinds of rows, real ones among them.
            conditions: Entries of the conditions behind the record.
            hidden: Units of each of the two hidden layers.
        """
        super().__init__()
        self.record = len(continuous)
        self.encoding = PiecewiseLinearEncoding(members, continuous)
        wide = self.record > MAX_EMBEDDED_VALUES
        shape = members, self.record if wide else 0, PROJECTED_VALUES
        self.register_buffer("projection", draw_weights(1 / math.sqrt(self.record), *shape))
        base = PROJECTED_VALUES if wide else self.encoding.size
        sizes = members, self.encoding.size, base, conditions, hidden
        self.classifier = CorruptionClassifier(*sizes, columns + classes)
        self.energy = EnergyDiscriminator(*sizes)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What networks are given of records, and what stands for these in embeddings."""
        inputs: Tensor = self.encoding(x)
        if self.projection.shape[1]:
            return inputs, row_stable_matmul(x[..., : self.record], self.projection)
        return inputs, inputs[..., : self.encoding.size]

    @torch.no_grad()
    def fit_energy(self, real: Tensor, corrupted: Tensor) -> None:
        """Fit the energy's directions before training, ``(M, n, *shape)`` each."""
        encoded = self.encode(real), self.encode(corrupted)
        self.energy.fit_directions(*encoded)
        self.energy.fit_centre(*(self.energy.energy(*each) for each in encoded))

    @torch.no_grad()
    def fit_classifier(self, real: Tensor, corrupted: Tensor) -> None:
        """Fit the classifier's directions after training, ``(M, n, *shape)`` each."""
        self.classifier.fit_directions(self.encode(real), self.encode(corrupted))

    def project(self, x: Tensor) -> Tensor:
        """Positions under both, ``(M, n, *shape) -> (M, n, 2, DIRECTIONS)``, best ones first."""
        encoded = self.encode(x)
        return torch.stack([self.classifier.project(*encoded), self.energy.project(*encoded)], -2)
