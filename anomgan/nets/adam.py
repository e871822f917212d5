"""Adam (Kingma & Ba, 2015) over lists of weights.

``torch.optim.Adam`` imports torch's compiler on first use, which takes longer than a small fit.
"""

from __future__ import annotations

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
        steps: Number of updates of each weight, on its device.
    """

    def __init__(self, weights: Sequence[Tensor], betas: tuple[float, float] = BETAS) -> None:
        """Start with averages of zero for these weights, which :meth:`step` changes in place."""
        self.weights, self.betas = list(weights), betas
        self.exp_avg = [torch.zeros_like(w) for w in self.weights]
        self.exp_avg_sq = [torch.zeros_like(w) for w in self.weights]
        self.steps = [torch.zeros((), device=w.device) for w in self.weights]

    @torch.no_grad()
    def step(self, grads: Sequence[Tensor | None], rate: float) -> None:
        """Update the weights from their gradients, at a learning rate."""
        present = [(i, grad) for i, grad in enumerate(grads) if grad is not None]
        if not present:
            return
        weights, first, second, steps = (
            [each[i] for i, _ in present]
            for each in (self.weights, self.exp_avg, self.exp_avg_sq, self.steps)
        )
        torch._foreach_add_(steps, 1)
        # One pass over the memory of each weight, so gradients have to lie as weights do.
        torch._fused_adam_(
            weights,
            [grad.contiguous() for _, grad in present],
            first,
            second,
            [],
            steps,
            lr=rate,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )
