"""Discriminator of table records, whose features the scores are computed in."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets.conv1d import WindowTrunk
from anomgan.nets.layers import MemberLinear
from anomgan.nets.mlp import MLP


class TableDiscriminator(nn.Module):
    """M discriminators of records; the last hidden layer gives the features.

    Beside each entry x they take log(1 + x²), so that far outliers don't saturate them; of windows
    of series, if asked, what convolutions make of both.  Conditions
    enter as inputs, so that features depend on them, and by projection onto the features (Miyato &
    Koyama, "cGANs with projection discriminator", 2018).
    """

    __call__: Callable[..., Tensor]  # torch leaves it untyped

    def __init__(
        self,
        spec: Spec,
        config: Config,
        members: int,
        extra: int = 0,
        records: int = 1,
        trunk: WindowTrunk | None = None,
    ) -> None:
        """Build M discriminators of records, or of tuples of them.

        Args:
            spec: The layout of a record.
            config: Sizes of the network.
            members: Number of discriminators, M.
            extra: Number of further inputs (a latent vector, say).
            records: Number of records in a tuple.
            trunk: Convolutions of windows.
        """
        super().__init__()
        self.record, conditions = spec.record_size, spec.condition_size
        self.trunk = trunk
        inputs = 2 * spec.record_size if trunk is None else trunk.outputs
        self.net = MLP(
            members,
            inputs * records + extra + conditions,
            1,
            hidden=config.hidden,
            layers=config.layers,
            conditions=conditions,
        )
        self.projection = MemberLinear(members, conditions, config.hidden) if conditions else None
        self.variety = MinibatchStddev(members) if config.minibatch_statistics == "on" else None

    def features(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """Activations of the last hidden layer, ``(M, n, hidden)``."""
        parts = []
        for x in records:
            plain = x[..., : self.record]
            if self.trunk is None:
                parts += [plain, torch.log1p(plain * plain)]
            else:
                parts += [self.trunk(plain)]
        parts += [] if extra is None else [extra]
        parts += [records[0][..., self.record :]]
        return self.net.features(torch.cat(parts, -1))

    def forward(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logit per record, larger for more real, ``(M, n)``."""
        features = self.features(*records, extra=extra)
        out: Tensor = self.net.head(features)[..., 0]
        if self.projection is not None:
            direction = self.projection(records[0][..., self.record :])
            out = out + (direction * features).mean(-1)
        if self.variety is not None and self.training:
            out = out + self.variety(features)
        return out


class MinibatchStddev(nn.Module):
    """Minibatch standard deviation (Karras et al., "Progressive growing of GANs", 2018).

    It adds the same to the logit of every record in a batch of low variety.  Training only: scores
    don't depend on a batch.
    """

    def __init__(self, members: int) -> None:
        """Start with weights of zero."""
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(members, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Weighted log of the features' mean standard deviation, ``(M, n, F) -> (M, 1)``."""
        spread = (features.var(1) + 1e-8).sqrt().mean(-1, keepdim=True)
        return self.weight * torch.log(spread)
