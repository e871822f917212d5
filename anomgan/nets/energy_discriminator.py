"""A discriminator that tells corrupted rows by their distance from normal ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from anomgan.nets.contrast_embedding import ContrastEmbedding
from anomgan.nets.fisher_directions import DIRECTIONS
from anomgan.nets.layers import row_stable_matmul

HEAD_RATE = 5.0
"""Learning rate of the head as a multiple of the hidden layers'.  Its weights are stored divided by
this: Adam's steps don't depend on the scale of gradients."""


class EnergyDiscriminator(ContrastEmbedding):
    """Tells corrupted rows by their distance in directions that are fitted before training.

    The logit of a row is t · (log |z|² − c), with z = (I + A) v + b for the position v in the
    directions.  Training changes A, b, c, t and the hidden layers.
    """

    def __init__(self, members: int, inputs: int, base: int, conditions: int, hidden: int) -> None:
        """Build the networks; at first z is v."""
        super().__init__(members, inputs, base, conditions, hidden)
        self.rotation = nn.Parameter(torch.zeros(members, DIRECTIONS, DIRECTIONS))
        self.offset = nn.Parameter(torch.zeros(members, 1, DIRECTIONS))
        self.centre = nn.Parameter(torch.zeros(members, 1))
        self.slope = nn.Parameter(torch.zeros(members, 1))

    def project(self, inputs: Tensor, base: Tensor) -> Tensor:
        """Trained positions z, ``(M, n, DIRECTIONS)``."""
        position = super().project(inputs, base)
        turned = row_stable_matmul(position, HEAD_RATE * self.rotation)
        return position + turned + HEAD_RATE * self.offset

    def energy(self, inputs: Tensor, base: Tensor) -> Tensor:
        """The logarithm of the mean square of z, ``(M, n)``; larger for more corrupted."""
        return (self.project(inputs, base).square().mean(-1) + 1e-6).log()

    def fit_centre(self, normal: Tensor, corrupted: Tensor) -> None:
        """Put c halfway between the median energies of normal and corrupted rows, ``(M, n)``."""
        with torch.no_grad():
            middle = (normal.median(1, keepdim=True)[0] + corrupted.median(1, keepdim=True)[0]) / 2
            self.centre.copy_(middle / HEAD_RATE)

    def loss(self, inputs: Tensor, base: Tensor, corrupted: Tensor) -> Tensor:
        """Cross-entropy of real against corrupted rows, ``(M,)``; ``corrupted`` is 0 or 1."""
        logit = self.energy(inputs, base) - HEAD_RATE * self.centre
        logit = (HEAD_RATE * self.slope).exp() * logit
        return binary_cross_entropy_with_logits(logit, corrupted, reduction="none").mean(1)
