"""What a discriminator of corrupted rows makes of a record, and where it lies in that."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anomgan.nets.fisher_directions import FisherDirections
from anomgan.nets.mlp import HiddenLayers


class ContrastEmbedding(nn.Module):
    """M perceptrons' hidden layers, beside what they were given.

    Attributes:
        net: The hidden layers.
        fisher: Directions of the embedding.
    """

    def __init__(self, members: int, inputs: int, base: int, conditions: int, hidden: int) -> None:
        """Build two hidden layers.

        Args:
            members: Number of members, M.
            inputs: Entries of an encoded record.
            base: Entries of what stands for it in the embedding.
            conditions: Entries of its conditions.
            hidden: Units of each hidden layer.
        """
        super().__init__()
        self.net = HiddenLayers(
            members, inputs + conditions, hidden=hidden, layers=2, conditions=conditions
        )
        self.fisher = FisherDirections(members, 2 * hidden + base)

    def embed(self, inputs: Tensor, base: Tensor) -> list[Tensor]:
        """Both hidden layers and the record, ``(M, n, …)`` each; F entries together."""
        return [*self.net.activations(inputs), base]

    def fit_directions(self, normal: tuple[Tensor, Tensor], fakes: tuple[Tensor, Tensor]) -> None:
        """Fit the directions to encoded normal and corrupted rows; see :meth:`embed`."""
        parts = (torch.cat(self.embed(*each), -1) for each in (normal, fakes))
        self.fisher.fit(*(list(part) for part in parts))

    def project(self, inputs: Tensor, base: Tensor) -> Tensor:
        """Positions in the directions, ``(M, n, DIRECTIONS)``."""
        position: Tensor = self.fisher(*self.embed(inputs, base))
        return position
