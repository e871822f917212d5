"""Critics of pictures: from records to an opinion, and to the features that scores are taken in."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets.conv import GAIN, unfold
from anomgan.nets.dcgan import Trunk, picture
from anomgan.nets.discriminator import Variety
from anomgan.nets.gradients import cells, gradients
from anomgan.nets.layers import MemberLinear
from anomgan.nets.mlp import SLOPE

SHOWN, COUNTED = 4, 16
"""Directions of gradients that convolutions are shown, and those that count as features."""

CELLS = 4
"""Cells along each side of a picture in which gradients count."""

MOST_MAPS = 64
"""Most channels of one map that count as features."""

ROOT_FLOOR = 1e-4
"""Keeps the slope of the square root finite where nothing changes."""


class PictureDiscriminator(nn.Module):
    """Judges pictures: a DCGAN's discriminator, given beside a picture its oriented gradients.

    As critics of tables are given log(1 + x²) beside x.  Its features are what it sees on the way:
    oriented gradients by cells and the mean of each convolution's map, both rectified and under a
    root.  The last hidden layer, which serves tables, counts for little here.  Conditions enter twice, as in :class:`~anomgan.nets.discriminator.Discriminator`.
    """

    __call__: Callable[..., Tensor]

    def __init__(
        self, spec: Spec, config: Config, members: int, extra: int = 0, records: int = 1
    ) -> None:
        """Make M judges of records, or of groups of them; arguments as for tables' critics."""
        super().__init__()
        self.grid, self.record, self.members = picture(spec), spec.record, members
        self.trunk = Trunk(spec, config, members, records * (self.grid[0] + SHOWN))
        wide = spec.conditions
        self.hidden = MemberLinear(members, self.trunk.flat + extra + wide, config.hidden, GAIN)
        self.head = MemberLinear(members, config.hidden, 1)
        self.projection = MemberLinear(members, wide, config.hidden) if wide else None
        self.variety = Variety(members) if config.minibatch_statistics == "on" else None

    def features(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """All that is seen on the way to an opinion, ``(M, n, F)``."""
        maps, _ = self._opinion(records, extra)
        parts = [self._edges(x) for x in records]
        for seen in maps:
            own = seen.reshape(len(seen), self.members, -1, *seen.shape[2:])[:, :, :MOST_MAPS]
            parts.append(_root(relu(own).mean((-2, -1))).transpose(0, 1))
        return torch.cat(parts, -1)

    def forward(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """One number per record, larger for more real, ``(M, n)``."""
        last = self._opinion(records, extra)[1]
        out: Tensor = self.head(last)[..., 0]
        if self.projection is not None:
            direction = self.projection(records[0][..., self.record :])
            out = out + (direction * last).mean(-1)
        if self.variety is not None and self.training:
            out = out + self.variety(last)
        return out

    def _opinion(
        self, records: tuple[Tensor, ...], extra: Tensor | None
    ) -> tuple[list[Tensor], Tensor]:
        """All maps, ``(n, M·C, h, w)``, and the last hidden layer, ``(M, n, hidden)``."""
        shown = []
        for x in records:
            flat = self._flat(x)
            both = torch.cat([flat, gradients(flat, SHOWN)], 1)
            shown.append(both.reshape(*x.shape[:2], -1, *flat.shape[2:]))
        told = records[0][..., self.record :]
        maps = self.trunk(torch.cat(shown, 2).transpose(0, 1).flatten(1, 2), told)
        parts = [unfold(maps[-1], self.members), *([] if extra is None else [extra]), told]
        return maps, leaky_relu(self.hidden(torch.cat(parts, -1)), SLOPE)

    def _edges(self, x: Tensor) -> Tensor:
        """What needs no network: gradients by cells, ``(M, n, F)``."""
        seen = _root(cells(gradients(self._flat(x), COUNTED), CELLS))
        return seen.reshape(*x.shape[:2], -1)

    def _flat(self, x: Tensor) -> Tensor:
        """All members' pictures one behind the other, ``(M·n, C, H, W)``."""
        return x[..., : self.record].reshape(-1, *self.grid)


def _root(x: Tensor) -> Tensor:
    """Square roots of what is at least 0: faint edges count, too."""
    return (x + ROOT_FLOOR).sqrt()
