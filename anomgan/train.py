"""The one training loop.  It knows no GAN: it draws batches and makes the moves it is given."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from anomgan.gans.base import GAN, Batch, Move, Stage


@dataclass(frozen=True)
class Progress:
    """Where training stands; ``losses`` are the means over members at this step."""

    step: int
    steps: int
    losses: dict[str, float]


Callback = Callable[[Progress], None]


class Sampler:
    """Draws training batches, each member from its own rows, and latent vectors for them."""

    def __init__(
        self, gan: GAN, values: Tensor, rows: Sequence[Tensor], generator: torch.Generator
    ) -> None:
        """Prepare to draw.

        Args:
            gan: Its views scale the records, its settings say how many are drawn.
            values: Encoded records, ``(n, *shape)`` float64, on the device that trains.
            rows: For each member, the indices of the records it may see.
            generator: Source of randomness, on the CPU.
        """
        self.gan, self.values, self.generator = gan, values, generator
        self.counts = torch.tensor([[len(own)] for own in rows])
        self.size = max(2, min(gan.config.batch, int(self.counts.min()) // 2))
        self.rows = pad_sequence(list(rows), batch_first=True)

    def __call__(self) -> Batch:
        """Draw a batch, with replacement."""
        members, size, device = len(self.rows), self.size, self.values.device
        draw = torch.rand(members, size, generator=self.generator)
        rows = self.rows.gather(1, (draw * self.counts).long()).to(device)
        real = self.gan.views(self.values[rows]).float()
        latent = torch.randn(members, size, self.gan.config.latent, generator=self.generator)
        return Batch(real, latent.to(device), self.generator)


def train(gan: GAN, sampler: Sampler, callback: Callback | None = None) -> list[Progress]:
    """Make every stage's moves; afterwards the averaged weights stand in the networks.

    Each stage has its own optimisers and its own cosine; later stages see the averaged weights of
    earlier ones.

    Args:
        gan: The networks, changed in place.
        sampler: Draws the batches.
        callback: Told of every step.

    Returns:
        About a hundred evenly spaced points of the loss curves.
    """
    stages = gan.stages()
    budgets = [max(1, round(stage.share * gan.config.steps)) for stage in stages]
    total, done, curve = sum(budgets), 0, []
    for stage, budget in zip(stages, budgets, strict=True):
        running = _Running(gan, stage)
        for step in range(budget):
            losses = running.step(sampler, step / budget)
            done += 1
            progress = Progress(done, total, {k: float(v.mean()) for k, v in losses.items()})
            if done % max(1, total // 100) == 0 or done == total:
                curve.append(progress)
            if callback is not None:
                callback(progress)
        running.adopt_average()
    return curve


class _Running:
    """Optimisers and moving averages of one stage."""

    def __init__(self, gan: GAN, stage: Stage) -> None:
        self.gan, self.moves, self.made = gan, stage.moves, 0
        self.weights = [_weights(gan, move) for move in stage.moves]
        self.optimisers = [
            torch.optim.Adam(own, lr=gan.config.learning_rate, betas=(0.5, 0.99))
            for own in self.weights
        ]
        self.averages = [[copy.deepcopy(w.detach()) for w in own] for own in self.weights]

    def step(self, sampler: Sampler, share: float) -> dict[str, Tensor]:
        """Make each move once (or as often as it asks); ``share`` of the stage is over."""
        cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))
        losses = {}
        for move, own, optimiser, average in zip(
            self.moves, self.weights, self.optimisers, self.averages, strict=True
        ):
            optimiser.param_groups[0]["lr"] = self.gan.config.learning_rate * cosine
            for _ in range(move.repeats):
                loss = move.loss(sampler())
                # Gradients for the movers alone: that is what freezes everything else.
                grads = torch.autograd.grad(loss.sum(), own)
                for weight, grad in zip(own, grads, strict=True):
                    weight.grad = grad
                optimiser.step()
            # Early on the average forgets faster, or it would remember the random start.
            decay = min(self.gan.config.ema, (1 + self.made) / (10 + self.made))
            torch._foreach_lerp_(average, [w.detach() for w in own], 1 - decay)
            losses[move.name] = loss.detach()
        self.made += 1
        return losses

    def adopt_average(self) -> None:
        """Put the averaged weights into the networks."""
        with torch.no_grad():
            for own, average in zip(self.weights, self.averages, strict=True):
                for weight, mean in zip(own, average, strict=True):
                    weight.copy_(mean)
                    weight.grad = None


def _weights(gan: GAN, move: Move) -> list[torch.nn.Parameter]:
    return [w for name in move.networks for w in gan.get_submodule(name).parameters()]
