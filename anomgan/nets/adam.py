"""Adam (Kingma & Ba, 2015) over lists of weights.

``torch.optim.Adam`` imports torch's compiler on first use, which takes longer than a small fit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

BETAS = 0.5, 0.99
"""Default decay of the averages of gradients and of their squares.  GANs want a short memory of
the former (Radford et al., 2016)."""

EPSILON = 1e-8
"""Added to the denominator; bounds steps where gradients vanish."""


class Adam:
    """Adam; weights without a gradient keep their value and their averages.

    Attributes:
        exp_avg: Averages of the gradients, one for each weight.
        exp_avg_sq: Averages of their squares.
        steps: Number of updates of each weight.
    """

    def __init__(self, weights: Sequence[Tensor], betas: tuple[float, float] = BETAS) -> None:
        """Start with averages of zero for these weights, which :meth:`step` changes in place."""
        self.weights, self.betas = list(weights), betas
        self.exp_avg = [torch.zeros_like(w) for w in self.weights]
        self.exp_avg_sq = [torch.zeros_like(w) for w in self.weights]
        self.steps = [0] * len(self.weights)

    @torch.no_grad()
    def step(self, grads: Sequence[Tensor | None], rate: float) -> None:
        """Update the weights from their gradients, at a learning rate."""
        present = [(i, grad) for i, grad in enumerate(grads) if grad is not None]
        if not present:
            return
        indices, gradients = [i for i, _ in present], [grad for _, grad in present]
        for i in indices:
            self.steps[i] += 1
        weights, first, second = (
            [each[i] for i in indices] for each in (self.weights, self.exp_avg, self.exp_avg_sq)
        )
        beta1, beta2 = self.betas
        torch._foreach_lerp_(first, gradients, 1 - beta1)
        torch._foreach_mul_(second, beta2)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - beta2)
        # Averages that start at zero are too small at first.
        scale = torch._foreach_sqrt(second)
        torch._foreach_div_(scale, [math.sqrt(1 - beta2 ** self.steps[i]) for i in indices])
        torch._foreach_add_(scale, EPSILON)
        sizes = [-rate / (1 - beta1 ** self.steps[i]) for i in indices]
        torch._foreach_addcdiv_(weights, first, scale, sizes)
