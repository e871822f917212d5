"""Draw training batches: each member's records from its own rows, and latent vectors."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.gans import GAN, Batch
from anomgan.gans.batch import MemberSlice, move_to_device

MAX_PRESCALED_VALUES = 2**26
"""Upper bound on the float32 values that are scaled ahead of training: 256 MB."""

MAX_BATCH_VALUES = 2**16
"""Upper bound on the values in a member's batch, so that steps on wide records take no longer."""

MIN_BATCH_ROWS = 32
"""Rows in a batch even if that exceeds :data:`MAX_BATCH_VALUES`."""

SCALING_CHUNK_ROWS = 4096
"""Rows that are scaled at once."""


class Sampler:
    """Draws training batches, each member from its own rows, and latent vectors for them."""

    def __init__(
        self,
        gan: GAN,
        values: Tensor,
        rows: Sequence[Tensor],
        generator: torch.Generator,
        other: Tensor | None = None,
        members: MemberSlice | None = None,
    ) -> None:
        """Scale the records, if there is memory for that.

        Args:
            gan: Its scaler scales the records, its settings give the size of a batch.
            values: Encoded records, ``(n, *shape)`` float64, on the device that trains.
            rows: For each member the indices of the records it is trained on; also for members
                that other processes train.
            generator: Source of randomness, on the CPU.
            other: Encoded records of a second domain, likewise; every member is trained on all.
            members: Which of these members the GAN has; by default all.
        """
        self.members = members or MemberSlice.of(len(rows))
        self.gan, self.values, self.generator, self.other = gan, values, generator, other
        self.counts = torch.tensor([[len(member_rows)] for member_rows in rows])
        limit = max(MIN_BATCH_ROWS, MAX_BATCH_VALUES // gan.views.spec.record_size)
        self.size = max(2, min(gan.config.batch, limit, int(self.counts.min()) // 2))
        self.rows = pad_sequence(list(rows), batch_first=True)
        self.weights = self._row_weights(gan.views.encoded.record_size)
        self.domains = [_ScaledRecords(gan.views, x) for x in (values, other) if x is not None]

    def __call__(self, progress: float = 0.0, size: int | None = None, steps: int = 1) -> Batch:
        """Draw a batch with replacement, prepared by the GAN."""
        total, size, device = len(self.rows), size or self.size, self.values.device
        # Everything is drawn for all members, then cut down: see MemberSlice.
        rows = self.members.take(self.rows.gather(1, self._draw_positions(total, size)))
        latent = torch.randn(total, size, self.gan.config.latent, generator=self.generator)
        other = None
        if self.other is not None:
            positions = torch.randint(len(self.other), (total, size), generator=self.generator)
            other = self.domains[1](self.members.take(positions).to(device))
        real = self.domains[0](move_to_device(rows, device))
        latent = move_to_device(self.members.take(latent), device)
        batch = Batch(real, latent, self.generator, other, progress, steps, self.members)
        return self.gan.prepare_batch(batch)

    def _draw_positions(self, members: int, size: int) -> Tensor:
        """Positions in each member's rows, ``(M, B)``."""
        if self.weights is not None:
            return torch.multinomial(self.weights, size, True, generator=self.generator)
        uniform = torch.rand(members, size, generator=self.generator)
        return (uniform * self.counts).long()

    def _row_weights(self, at: int) -> Tensor | None:
        """Probability of each member's rows if there are conditions, ``(M, rows)``.

        Half of it is spread over the rows, half over the levels, so that members also learn what is
        normal under a rare level.
        """
        conditions = self.values[:, at:].cpu().double()
        if not conditions.shape[1]:
            return None
        level = conditions.unique(dim=0, return_inverse=True)[1]
        weights = torch.zeros(self.rows.shape, dtype=torch.float64)
        for m, count in enumerate(self.counts[:, 0].tolist()):
            _, inverse, level_counts = level[self.rows[m, :count]].unique(
                return_inverse=True, return_counts=True
            )
            weights[m, :count] = 0.5 / count + 0.5 / (len(level_counts) * level_counts[inverse])
        return weights

    def fork(self, generator: torch.Generator) -> Sampler:
        """Return a copy with another source of randomness."""
        forked = copy.copy(self)
        forked.generator = generator
        return forked

    def first_records(self, limit: int) -> Tensor:
        """Scaled records of each member's first rows, ``(M, n ≤ limit, *shape)``.

        Rows are in random order, so these are a sample.
        """
        count = min(limit, int(self.counts.min()))
        return self.domains[0](self.members.take(self.rows)[:, :count].to(self.values.device))


class _ScaledRecords:
    """Records under each member's scaling; scaled ahead where there is memory for that."""

    def __init__(self, scaler: EnsembleScaler, values: Tensor) -> None:
        self.scaler, self.values, self.scaled = scaler, values, None
        if scaler.members * len(values) * scaler.spec.size <= MAX_PRESCALED_VALUES:
            chunks = values.split(SCALING_CHUNK_ROWS)
            self.scaled = torch.cat([scaler(chunk).float() for chunk in chunks], 1)

    def __call__(self, rows: Tensor) -> Tensor:
        """The records of each member's rows, ``(M, B) -> (M, B, *shape)`` float32."""
        if self.scaled is not None:
            member = torch.arange(len(rows), device=rows.device)[:, None]
            return self.scaled[member, rows]
        scaled: Tensor = self.scaler(self.values[rows])
        return scaled.float()
