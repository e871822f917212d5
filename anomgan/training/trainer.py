"""The one training loop.  It knows no GAN: it draws batches and makes the moves it is given."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.gans import GAN, Batch, OptimizerStep, Phase
from anomgan.gans.batch import MemberSlice, moved
from anomgan.nets.adam import Adam
from anomgan.training.history import Callback, Progress

PRESCALED = 2**26
"""Most numbers that are scaled ahead of training, in float32: 256 MB."""

BATCH = 2**16
"""Most numbers in a member's batch: a step takes a bounded time however wide records are."""

FEWEST = 32
"""Rows in a batch even if there are more numbers."""

SCALED_ROWS = 4096
"""Rows that are scaled at once."""

Slopes = dict[str, list[float]]
Watch = Callable[[int, Slopes], None]


class Sampler:
    """Draws training batches, each member from its own rows, and latent vectors for them."""

    def __init__(
        self,
        gan: GAN,
        values: Tensor,
        rows: Sequence[Tensor],
        generator: torch.Generator,
        other: Tensor | None = None,
        share: MemberSlice | None = None,
    ) -> None:
        """Prepare to draw.

        Args:
            gan: Its views scale the records, its settings say how many are drawn.
            values: Encoded records, ``(n, *shape)`` float64, on the device that trains.
            rows: For each member, the indices of the records it may see; also for those that
                others train.
            generator: Source of randomness, on the CPU.
            other: Encoded records of a second domain, likewise; all members may see all of them.
            share: Which of these members the GAN has; by default all.
        """
        self.share = share or MemberSlice.of(len(rows))
        self.gan, self.values, self.generator, self.other = gan, values, generator, other
        self.counts = torch.tensor([[len(own)] for own in rows])
        few = max(FEWEST, BATCH // gan.views.spec.record_size)
        self.size = max(2, min(gan.config.batch, few, int(self.counts.min()) // 2))
        self.rows = pad_sequence(list(rows), batch_first=True)
        self.chances = self._chances(gan.views.spec.record_size)
        self.views = [_View(gan.views, known) for known in (values, other) if known is not None]

    def __call__(self, progress: float = 0.0, size: int | None = None) -> Batch:
        """Draw a batch, with replacement, as the GAN is trained on it."""
        members, size, device = len(self.rows), size or self.size, self.values.device
        own = self.share
        rows = moved(own(self.rows.gather(1, self._places(members, size))), device)
        latent = torch.randn(members, size, self.gan.config.latent, generator=self.generator)
        other = None
        if self.other is not None:
            places = torch.randint(len(self.other), (members, size), generator=self.generator)
            other = self.views[1](own(places).to(device))
        real, latent = self.views[0](rows), moved(own(latent), device)
        return self.gan.prepare_batch(Batch(real, latent, self.generator, other, progress, own))

    def _places(self, members: int, size: int) -> Tensor:
        """Which of its own rows each member draws, ``(M, B)``."""
        if self.chances is not None:
            return torch.multinomial(self.chances, size, True, generator=self.generator)
        draw = torch.rand(members, size, generator=self.generator)
        return (draw * self.counts).long()

    def _chances(self, at: int) -> Tensor | None:
        """The chance of each member's rows, if there are conditions: half of it evenly by level.

        What is normal under a rare level wants learning, too, and how often it comes isn't judged.
        """
        told = self.values[:, at:].cpu().double()
        if not told.shape[1]:
            return None
        level = told.unique(dim=0, return_inverse=True)[1]
        chances = torch.zeros(self.rows.shape, dtype=torch.float64)
        for m, count in enumerate(self.counts[:, 0].tolist()):
            _, own, often = level[self.rows[m, :count]].unique(
                return_inverse=True, return_counts=True
            )
            chances[m, :count] = 0.5 / count + 0.5 / (len(often) * often[own])
        return chances

    def fork(self, generator: torch.Generator) -> Sampler:
        """The same with other randomness."""
        forked = copy.copy(self)
        forked.generator = generator
        return forked

    def known(self, most: int) -> Tensor:
        """The first of each member's rows, scaled, as many as all have: ``(M, n ≤ most, *shape)``.

        Rows are in random order, so that they are a sample.
        """
        count = min(most, int(self.counts.min()))
        return self.views[0](self.share(self.rows)[:, :count].to(self.values.device))


class _View:
    """Records as the members see them; scaled once and for all where there is room for that."""

    def __init__(self, views: EnsembleScaler, values: Tensor) -> None:
        self.views, self.values, self.scaled = views, values, None
        if views.members * values.numel() <= PRESCALED:
            blocks = values.split(SCALED_ROWS)
            self.scaled = torch.cat([views(block).float() for block in blocks], 1)

    def __call__(self, rows: Tensor) -> Tensor:
        """The records of each member's rows, ``(M, B) -> (M, B, *shape)`` float32."""
        if self.scaled is not None:
            member = torch.arange(len(rows), device=rows.device)[:, None]
            return self.scaled[member, rows]
        scaled: Tensor = self.views(self.values[rows])
        return scaled.float()


@dataclass(frozen=True)
class State:
    """Where a training stands, beside what networks and sources of randomness hold.

    Attributes:
        stage: Number of the stage, from 0.
        made: Steps of it that are made.
        curve: The losses so far.
        moves: Optimisers' moments and averaged weights of the stage, by name.
    """

    stage: int
    made: int
    curve: list[Progress]
    moves: dict[str, Tensor]


class Keeper(Protocol):
    """Keeps the state of a training that may be interrupted."""

    def restore(self) -> State | None:
        """The state to go on from, if there is one, with networks and randomness put back."""

    def due(self) -> bool:
        """Whether it is time to keep the state."""

    def save(self, state: State) -> None:
        """Keep it."""


def train(
    gan: GAN,
    sampler: Sampler,
    callback: Callback | None = None,
    watch: Watch | None = None,
    keeper: Keeper | None = None,
) -> list[Progress]:
    """Make every stage's moves; afterwards the averaged weights stand in the networks.

    Each stage has its own optimisers and its own cosine; later stages see the averaged weights of
    earlier ones.

    Args:
        gan: The networks, changed in place.
        sampler: Draws the batches.
        callback: Told of every step.
        watch: Called ``config.checks`` times with the step and the norms of the last gradients.
        keeper: Keeps the state between steps.

    Returns:
        About a hundred evenly spaced points of the loss curves.
    """
    phases = gan.phases()
    steps = gan.config.steps  # 0 leaves the networks as they were initialised
    budgets = [max(min(1, steps), round(phase.share * steps)) for phase in phases]
    state = (keeper.restore() if keeper else None) or State(0, 0, [], {})
    total, done, curve = sum(budgets), sum(budgets[: state.stage]) + state.made, state.curve
    checks = gan.config.checks if watch else 0
    for number, (phase, budget) in enumerate(zip(phases, budgets, strict=True)):
        if number < state.stage:
            continue
        running = _Running(gan, phase)
        if number == state.stage and state.made:
            running.resume(state)
        for step in range(running.made, budget):
            losses = running.step(sampler, step / budget)
            done += 1
            progress = Progress(done, total, {k: float(v.mean()) for k, v in losses.items()})
            if done % max(1, total // 100) == 0 or done == total:
                curve.append(progress)
            if callback is not None:
                callback(progress)
            if step == budget - 1:
                running.adopt_average()
            if watch and checks and (done * checks // total > (done - 1) * checks // total):
                watch(done, running.slopes())
            if keeper and keeper.due():
                keeper.save(State(number, running.made, curve, running.state()))
    return curve


class _Running:
    """Optimisers and moving averages of one stage."""

    def __init__(self, gan: GAN, phase: Phase) -> None:
        self.gan, self.updates, self.made = gan, phase.updates, 0
        self.weights = [_weights(gan, update) for update in phase.updates]
        self.optimisers = [Adam(own) for own in self.weights]
        self.grads: list[Sequence[Tensor | None]] = [() for _ in phase.updates]
        self.averages = [[copy.deepcopy(w.detach()) for w in own] for own in self.weights]

    def step(self, sampler: Sampler, share: float) -> dict[str, Tensor]:
        """Make each move once (or as often as it asks); ``share`` of the stage is over."""
        cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share))
        losses = {}
        for m, update in enumerate(self.updates):
            own, average = self.weights[m], self.averages[m]
            rate = self.gan.config.learning_rate * update.rate * cosine
            for _ in range(update.repeats):
                loss = update.loss(sampler(share))
                # Gradients for the movers alone: that is what freezes everything else.  Some may
                # have none, as layers that a network hasn't grown to.
                self.grads[m] = torch.autograd.grad(loss.sum(), own, allow_unused=True)
                self.optimisers[m].step(self.grads[m], rate)
            # Early on the average forgets faster, or it would remember the random start.
            decay = min(self.gan.config.ema, (1 + self.made) / (10 + self.made))
            torch._foreach_lerp_(average, [w.detach() for w in own], 1 - decay)
            losses[update.name] = loss.detach()
        self.made += 1
        return losses

    def state(self) -> dict[str, Tensor]:
        """Moments and averages, by name."""
        found = {}
        for m, (optimiser, average) in enumerate(zip(self.optimisers, self.averages, strict=True)):
            found[f"{m}.made"] = torch.tensor(optimiser.made)
            kinds = {"first": optimiser.first, "second": optimiser.second, "average": average}
            for kind, each in kinds.items():
                found |= {f"{m}.{kind}.{w}": value for w, value in enumerate(each)}
        return found

    def resume(self, state: State) -> None:
        """Take over moments and averages from :meth:`state`."""
        self.made = state.made
        for m, (optimiser, average) in enumerate(zip(self.optimisers, self.averages, strict=True)):
            optimiser.made = [int(made) for made in state.moves[f"{m}.made"]]
            kinds = {"first": optimiser.first, "second": optimiser.second, "average": average}
            for kind, each in kinds.items():
                for w, own in enumerate(each):
                    own.copy_(state.moves[f"{m}.{kind}.{w}"])

    def slopes(self) -> Slopes:
        """Norm of each move's last gradient, per member."""
        norms = {}
        for update, grads in zip(self.updates, self.grads, strict=True):
            squares = [grad.flatten(1).square().sum(1) for grad in grads if grad is not None]
            norms[update.name] = torch.stack(squares).sum(0).sqrt().tolist()
        return norms

    def adopt_average(self) -> None:
        """Put the averaged weights into the networks."""
        with torch.no_grad():
            for own, average in zip(self.weights, self.averages, strict=True):
                for weight, mean in zip(own, average, strict=True):
                    weight.copy_(mean)


def _weights(gan: GAN, update: OptimizerStep) -> list[torch.nn.Parameter]:
    return [w for name in update.networks for w in gan.get_submodule(name).parameters()]
