"""A discriminator of corrupted rows, and the directions in which corruptions leave the normal rows.

Whoever tells real rows from rows with informative corruptions (:mod:`anomgan.gans.corruptions`) has
to know what makes rows normal: their marginals, their scales, and how columns depend on one
another.  Most of what this discriminator is worth to a score lies in its input encoding and in the
directions, which are fitted in closed form and work on random hidden layers almost as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from anomgan.nets.layers import row_stable_matmul
from anomgan.nets.mlp import MLP
from anomgan.utils.covariance import shrink_covariance

MAX_SEGMENTS = 20
"""Upper bound on the segments of a column in the piecewise-linear encoding."""

MAX_ENCODED_VALUES = 512
"""Upper bound on the segments of all columns together; each has at least one."""

MAX_EMBEDDED_VALUES = 512
"""Entries of a record above which a random projection stands for it in the embedding."""

PROJECTED_VALUES = 256
"""Length of that projection."""

DIRECTIONS = 64
"""Directions that are kept of the embedding."""

MIN_STEP = 1e-4
"""Smallest distance of two edges, in standard deviations; equal quantiles become steps."""


class ContrastDiscriminator(nn.Module):
    """M perceptrons that tell which cells and rows are corrupted, ``(M, n, *shape)``.

    Numeric entries are given as they are and piecewise-linearly encoded (Gorishniy et al., "On
    embeddings for numerical features in tabular deep learning", 2022), each between quantiles of
    the training rows.

    Attributes:
        edges: Quantiles of the numeric entries, ``(M, E, segments + 1)``.
        mean: Mean embedding of normal rows, ``(M, 1, F)``.
        directions: Weighted directions, ``(M, F, DIRECTIONS)``; see :meth:`fit_directions`.
    """

    edges: Tensor
    projection: Tensor
    mean: Tensor
    directions: Tensor

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
        self.record, self.columns = len(continuous), columns
        self.numeric = torch.nonzero(continuous).flatten().tolist()
        segments = max(1, min(MAX_SEGMENTS, MAX_ENCODED_VALUES // max(1, len(self.numeric))))
        self.inputs = inputs = self.record + len(self.numeric) * segments
        self.net = MLP(
            members,
            inputs + conditions,
            columns + classes,
            hidden=hidden,
            layers=2,
            conditions=conditions,
        )
        wide = self.record > MAX_EMBEDDED_VALUES
        embedded = 2 * hidden + (PROJECTED_VALUES if wide else inputs)
        source = torch.Generator(device="cpu").manual_seed(0)
        shape = self.record if wide else 0, PROJECTED_VALUES
        projection = torch.randn(shape, generator=source, device="cpu")
        edges = torch.linspace(-1, 1, segments + 1).expand(members, len(self.numeric), -1).clone()
        self.register_buffer("edges", edges)
        self.register_buffer("projection", projection / math.sqrt(self.record))
        self.register_buffer("mean", torch.zeros(members, 1, embedded))
        self.register_buffer("directions", torch.zeros(members, embedded, DIRECTIONS))

    def fit_edges(self, x: Tensor) -> None:
        """Put the edges of segments at quantiles of training rows, ``(M, n, *shape)``."""
        numeric = x[..., self.numeric].double()
        levels = torch.linspace(0, 1, self.edges.shape[-1], dtype=torch.float64)
        quantiles = torch.quantile(numeric, levels.to(numeric), dim=1).permute(1, 2, 0)
        step = MIN_STEP * numeric.std(1).clamp(min=1e-6)[..., None]
        self.edges.copy_(quantiles + step * torch.arange(self.edges.shape[-1]).to(numeric))

    def encode(self, x: Tensor) -> Tensor:
        """Records, their segments and their conditions, ``(M, n, *shape) -> (M, n, inputs)``."""
        low, high = self.edges[:, None, :, :-1], self.edges[:, None, :, 1:]
        inside = x[..., self.numeric, None] - low
        inside = inside.mul_(2 / (high - low).clamp(min=1e-7)).sub_(1).clamp_(-1, 1)
        parts = x[..., : self.record], inside.flatten(2), x[..., self.record :]
        return torch.cat(parts, -1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of corrupted cells, ``(M, n, columns)``, and of kinds of rows."""
        logits: Tensor = self.net(self.encode(x))
        return logits[..., : self.columns], logits[..., self.columns :]

    def loss(self, x: Tensor, kinds: Tensor, corrupted: Tensor) -> Tensor:
        """Cross-entropy of cells plus that of rows, ``(M,)``.

        Args:
            x: Real and corrupted rows, ``(M, n, *shape)``.
            kinds: What was done to each row, ``(M, n)``; 0 for nothing.
            corrupted: Which cells were changed, ``(M, n, columns)``, 0 or 1.
        """
        cell_logits, row_logits = self(x)
        cells = binary_cross_entropy_with_logits(cell_logits, corrupted, reduction="none")
        rows = cross_entropy(row_logits.flatten(0, 1), kinds.flatten(), reduction="none")
        return cells.mean((1, 2)) + rows.view_as(kinds).mean(1)

    def embed(self, x: Tensor) -> Tensor:
        """Both hidden layers and the encoded record side by side, ``(M, n, F)``."""
        return torch.cat(self._embed_parts(x), -1)

    def _embed_parts(self, x: Tensor) -> list[Tensor]:
        encoded = self.encode(x)
        hidden = self.net.activations(encoded)
        if not len(self.projection):
            return [*hidden, encoded[..., : self.inputs]]
        record = x[..., : self.record]
        return [*hidden, row_stable_matmul(record, self.projection.expand(len(x), -1, -1))]

    def fit_directions(self, real: Sequence[Tensor], fake: Sequence[Tensor]) -> None:
        """Find the directions in which corrupted rows spread most beyond real ones.

        Generalised eigenvectors of the two covariances, Fisher's discriminant for two classes that
        differ in spread.  A direction with real variance 1 and corrupted variance λ is weighted by
        1 − 1/λ: where corruptions don't show, distances don't count.

        Args:
            real: For each member its embedded training rows, ``(n, F)``.
            fake: Likewise corrupted ones.
        """
        for m, (own, corrupted) in enumerate(zip(real, fake, strict=True)):
            mean = own.double().mean(0)
            centred, apart = ((each.double() - mean).cpu() for each in (own, corrupted))
            if not (centred.isfinite().all() and apart.isfinite().all()):
                continue  # training diverged
            within = shrink_covariance(centred)
            within.diagonal().add_(1e-9 * within.trace() + 1e-12)
            root = torch.linalg.cholesky(within)
            apart = torch.linalg.solve_triangular(root, apart.mT, upper=False)
            # All of them, the largest last: those of a part take LAPACK longer.
            ratio, vectors = torch.linalg.eigh(apart @ apart.mT / apart.shape[1])
            count = min(DIRECTIONS, len(within))
            vectors = torch.linalg.solve_triangular(root.mT, vectors[:, -count:], upper=True)
            weights = (1 - 1 / ratio[-count:].clamp(min=1e-9)).clamp(0, 1).sqrt()
            self.mean[m, 0] = mean.to(self.mean)
            self.directions[m].zero_()
            self.directions[m, :, :count] = (vectors * weights).flip(1).to(self.directions)

    def project(self, x: Tensor) -> Tensor:
        """Records in these directions, ``(M, n, *shape) -> (M, n, DIRECTIONS)``, best ones first.

        Normal rows have mean 0 and at most variance 1 in each.
        """
        parts = self._embed_parts(x)
        # Part by part, since copies of so wide a matrix take longer than the products.
        directions = self.directions.split([part.shape[-1] for part in parts], 1)
        position = -(self.mean @ self.directions)
        for part, rows in zip(parts, directions, strict=True):
            position = position + row_stable_matmul(part, rows)
        return position
