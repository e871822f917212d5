"""The training loop: draw batches and take the optimiser steps of a GAN's phases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anomgan.gans import GAN, Phase
from anomgan.nets.adam import Adam
from anomgan.training.history import (
    Callback,
    GradientNorms,
    HealthCallback,
    Progress,
    TrainerState,
)
from anomgan.training.sampler import Sampler

if TYPE_CHECKING:
    from anomgan.training.checkpoint import TrainingCheckpoint


def train(
    gan: GAN,
    sampler: Sampler,
    callback: Callback | None = None,
    health_callback: HealthCallback | None = None,
    checkpoint: TrainingCheckpoint | None = None,
) -> list[Progress]:
    """Run all phases; afterwards the networks hold the averaged weights.

    Each phase has its own optimisers and its own cosine schedule; later phases start from the
    averaged weights of earlier ones.

    Args:
        gan: The networks, changed in place.
        sampler: Draws the batches.
        callback: Called after every step.
        health_callback: Called ``config.checks`` times, evenly spaced.
        checkpoint: Saves the state between steps, and may hold one to resume from.

    Returns:
        About a hundred evenly spaced points of the loss curves.
    """
    phases = gan.phases()
    limits = [_limit_steps(gan, phase, sampler) for phase in phases]
    budgets = [max(each) for each in limits]
    state = (checkpoint.restore() if checkpoint else None) or TrainerState(0, 0, [], {})
    total, done, curve = sum(budgets), sum(budgets[: state.phase]) + state.steps, state.curve
    checks = gan.config.checks if health_callback else 0
    for number in range(state.phase, len(phases)):
        budget = budgets[number]
        runner = _PhaseRunner(gan, phases[number], limits[number], sampler)
        if number == state.phase and state.steps:
            runner.load(state)
        for step in range(runner.steps, budget):
            losses = runner.step()
            done += 1
            progress = Progress(done, total, {k: float(v.mean()) for k, v in losses.items()})
            if done % max(1, total // 100) == 0 or done == total:
                curve.append(progress)
            if callback is not None:
                callback(progress)
            if step == budget - 1:
                runner.adopt_averages()
            if health_callback and done * checks // total > (done - 1) * checks // total:
                health_callback(done, runner.gradient_norms())
            if checkpoint and checkpoint.is_due():
                checkpoint.save(TrainerState(number, runner.steps, curve, runner.state()))
    return curve


def _limit_steps(gan: GAN, phase: Phase, sampler: Sampler) -> list[int]:
    """Steps in which each update of a phase is taken; 0 leaves networks as they were built."""
    steps = max(min(1, gan.config.steps), round(phase.share * gan.config.steps))
    steps_per_pass = int(sampler.counts.min()) / sampler.size
    return [
        update.limit_steps(steps, steps_per_pass, gan.config.passes) for update in phase.updates
    ]


class _PhaseRunner:
    """Optimisers and exponential moving averages of one phase."""

    def __init__(self, gan: GAN, phase: Phase, budgets: Sequence[int], sampler: Sampler) -> None:
        self.gan, self.updates, self.steps, self.sampler = gan, phase.updates, 0, sampler
        self.budgets = budgets
        self.weights = [
            [w for name in update.networks for w in gan.get_submodule(name).parameters()]
            for update in phase.updates
        ]
        self.optimizers = [Adam(weights) for weights in self.weights]
        self.grads: list[Sequence[Tensor | None]] = [() for _ in phase.updates]
        self.averages = [[w.detach().clone() for w in weights] for weights in self.weights]

    def step(self) -> dict[str, Tensor]:
        """Run one step of every update that isn't done (``repeats`` times each).

        Returns:
            The last loss of each of these, ``(M,)``.
        """
        losses = {}
        for m, (update, budget) in enumerate(zip(self.updates, self.budgets, strict=True)):
            if self.steps >= budget:
                continue
            progress = self.steps / budget
            cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
            rate = self.gan.config.learning_rate * update.rate * cosine
            for _ in range(update.repeats):
                loss = update.loss(self.sampler(progress, steps=budget))
                # Gradients of these weights alone: that is what freezes all others.  Layers that a
                # network hasn't grown to have none.
                self.grads[m] = torch.autograd.grad(loss.sum(), self.weights[m], allow_unused=True)
                self.optimizers[m].step(self.grads[m], rate)
            # Early on the average forgets faster, or it would remember the random start.
            decay = min(self.gan.config.ema, (1 + self.steps) / (10 + self.steps))
            current = [w.detach() for w in self.weights[m]]
            torch._foreach_lerp_(self.averages[m], current, 1 - decay)
            losses[update.name] = loss.detach()
        self.steps += 1
        return losses

    def state(self) -> dict[str, Tensor]:
        """Moments and averages, by name."""
        steps = {f"{m}.made": torch.stack(each.steps) for m, each in enumerate(self.optimizers)}
        return steps | self._tensors()

    def load(self, state: TrainerState) -> None:
        """Continue from what :meth:`state` returned."""
        self.steps = state.steps
        for m, optimizer in enumerate(self.optimizers):
            torch._foreach_copy_(optimizer.steps, list(state.tensors[f"{m}.made"]))
        for name, tensor in self._tensors().items():
            tensor.copy_(state.tensors[name])

    def _tensors(self) -> dict[str, Tensor]:
        return {
            f"{m}.{kind}.{w}": tensor
            for m, (optimizer, average) in enumerate(
                zip(self.optimizers, self.averages, strict=True)
            )
            for kind, tensors in (
                ("first", optimizer.exp_avg),
                ("second", optimizer.exp_avg_sq),
                ("average", average),
            )
            for w, tensor in enumerate(tensors)
        }

    def gradient_norms(self) -> GradientNorms:
        """Norm of each update's last gradient, per member."""
        norms = {}
        for update, grads in zip(self.updates, self.grads, strict=True):
            squares = [grad.flatten(1).square().sum(1) for grad in grads if grad is not None]
            norms[update.name] = torch.stack(squares).sum(0).sqrt().tolist()
        return norms

    def adopt_averages(self) -> None:
        """Copy the averaged weights into the networks."""
        with torch.no_grad():
            for weights, averages in zip(self.weights, self.averages, strict=True):
                for weight, average in zip(weights, averages, strict=True):
                    weight.copy_(average)
