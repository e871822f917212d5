"""Critics of tables: from records to an opinion, and to the features that scores are taken in."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets.layers import MemberLinear
from anomgan.nets.mlp import MLP


class TableDiscriminator(nn.Module):
    """Judges records; its last hidden layer is the feature space that scores are taken in.

    Beside each entry x it is given log(1 + x²), so that far outliers don't saturate it.  Conditions
    enter twice: as inputs, so that features depend on them, and by projection onto the features
    (Miyato & Koyama, "cGANs with projection discriminator", 2018).
    """

    __call__: Callable[..., Tensor]  # torch leaves it untyped

    def __init__(
        self, spec: Spec, config: Config, members: int, extra: int = 0, records: int = 1
    ) -> None:
        """Make M judges of records, or of groups of them.

        Args:
            spec: The layout of a record.
            config: Sizes of the network.
            members: Number of judges, M.
            extra: Further inputs (a latent vector, say).
            records: How many records are judged together.
        """
        super().__init__()
        self.record, wide = spec.record_size, spec.condition_size
        self.net = MLP(
            members,
            2 * spec.record_size * records + extra + wide,
            1,
            hidden=config.hidden,
            layers=config.layers,
            conditions=wide,
        )
        self.projection = MemberLinear(members, wide, config.hidden) if wide else None
        self.variety = MinibatchStddev(members) if config.minibatch_statistics == "on" else None

    def features(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """Activations of the last hidden layer, ``(M, n, hidden)``."""
        parts = []
        for x in records:
            plain = x[..., : self.record]
            parts += [plain, torch.log1p(plain * plain)]
        parts += [] if extra is None else [extra]
        parts += [records[0][..., self.record :]]
        return self.net.features(torch.cat(parts, -1))

    def forward(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """One number per record, larger for more real, ``(M, n)``."""
        features = self.features(*records, extra=extra)
        out: Tensor = self.net.head(features)[..., 0]
        if self.projection is not None:
            direction = self.projection(records[0][..., self.record :])
            out = out + (direction * features).mean(-1)
        if self.variety is not None and self.training:
            out = out + self.variety(features)
        return out


class MinibatchStddev(nn.Module):
    """How varied a batch is in the features, as evidence for its being real.

    The minibatch standard deviation of Karras et al. ("Progressive growing of GANs", 2018).  It
    adds the same to every record of a batch, so that scores, which compare opinions within a
    record, can do without it.
    """

    def __init__(self, members: int) -> None:
        """Start without an opinion."""
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(members, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Log of the mean standard deviation, weighted: ``(M, n, F) -> (M, 1)``."""
        spread = (features.var(1) + 1e-8).sqrt().mean(-1, keepdim=True)
        return self.weight * torch.log(spread)
