"""Adam (Kingma & Ba, 2015) over lists of weights.

torch's own imports its compiler when it is first used, which takes longer than a small fit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

BETAS = 0.5, 0.99
"""Decay of the averages of gradients and of their squares, unless others are given.  GANs want a
short memory of the former (Radford et al., 2016)."""

EPSILON = 1e-8
"""Keeps steps bounded where gradients vanish."""


class Adam:
    """One optimiser's averages; weights without a gradient stay, and so do their averages.

    Attributes:
        first: Averages of the gradients, one for each weight.
        second: Averages of their squares.
        made: Steps that each weight has made.
    """

    def __init__(self, weights: Sequence[Tensor], betas: tuple[float, float] = BETAS) -> None:
        """Start with averages of zero for these weights, which :meth:`step` changes in place."""
        self.weights, self.betas = list(weights), betas
        self.first = [torch.zeros_like(w) for w in self.weights]
        self.second = [torch.zeros_like(w) for w in self.weights]
        self.made = [0] * len(self.weights)

    @torch.no_grad()
    def step(self, grads: Sequence[Tensor | None], rate: float) -> None:
        """Move the weights against their gradients at a learning rate."""
        known = [(i, grad) for i, grad in enumerate(grads) if grad is not None]
        if not known:
            return
        own, slopes = [i for i, _ in known], [grad for _, grad in known]
        for i in own:
            self.made[i] += 1
        weights, first, second = (
            [each[i] for i in own] for each in (self.weights, self.first, self.second)
        )
        short, long = self.betas
        torch._foreach_lerp_(first, slopes, 1 - short)
        torch._foreach_mul_(second, long)
        torch._foreach_addcmul_(second, slopes, slopes, 1 - long)
        # Averages that start at zero are too small at first.
        scale = torch._foreach_sqrt(second)
        torch._foreach_div_(scale, [math.sqrt(1 - long ** self.made[i]) for i in own])
        torch._foreach_add_(scale, EPSILON)
        steps = [-rate / (1 - short ** self.made[i]) for i in own]
        torch._foreach_addcdiv_(weights, first, scale, steps)
