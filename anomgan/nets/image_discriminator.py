"""Critics of pictures: from records to an opinion, and to the features that scores are taken in."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets.conv import LEAKY_GAIN, concat_channels, to_images, to_records
from anomgan.nets.dcgan import Trunk, image_grid
from anomgan.nets.hog import compute_gradients, pool_cells, safe_sqrt
from anomgan.nets.layers import MemberLinear
from anomgan.nets.mlp import LEAKY_SLOPE
from anomgan.nets.table_discriminator import MinibatchStddev

INPUT_DIRECTIONS, FEATURE_DIRECTIONS = 4, 16
"""Directions of gradients that convolutions are shown, and those that count as features."""

CELLS_PER_SIDE = 4
"""Cells along each side of a picture in which gradients count."""


class ImageDiscriminator(nn.Module):
    """Judges pictures: a DCGAN's discriminator, given beside a picture its oriented gradients.

    As critics of tables are given log(1 + x²) beside x.  Its features are what it sees first:
    oriented gradients by cells and the means of the first convolution's maps, all rectified and
    under a root.  What comes later, as far as the last hidden layer, which serves tables, was
    found to say less of a picture the deeper it lies.  Conditions enter twice, as in
    :class:`~anomgan.nets.table_discriminator.TableDiscriminator`.
    """

    __call__: Callable[..., Tensor]

    def __init__(
        self, spec: Spec, config: Config, members: int, extra: int = 0, records: int = 1
    ) -> None:
        """Make M judges of records, or of groups of them; arguments as for tables' critics."""
        super().__init__()
        self.grid, self.record, self.members = image_grid(spec), spec.record_size, members
        self.trunk = Trunk(spec, config, members, records * (self.grid[0] + INPUT_DIRECTIONS))
        wide = spec.condition_size
        self.hidden = MemberLinear(
            members, self.trunk.flat + extra + wide, config.hidden, LEAKY_GAIN
        )
        self.head = MemberLinear(members, config.hidden, 1)
        self.projection = MemberLinear(members, wide, config.hidden) if wide else None
        self.variety = MinibatchStddev(members) if config.minibatch_statistics == "on" else None

    def features(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """Gradients by cells and the mean of each first map, ``(M, n, F)``."""
        first = self._split(self._maps(records)[0])
        return torch.cat(
            [*(self._edges(x) for x in records), safe_sqrt(relu(first).mean((-2, -1)))], -1
        )

    def forward(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """One number per record, larger for more real, ``(M, n)``."""
        told = records[0][..., self.record :]
        coarsest = to_records(self._maps(records)[-1], self.members)
        given = torch.cat([coarsest, *([] if extra is None else [extra]), told], -1)
        last = leaky_relu(self.hidden(given), LEAKY_SLOPE)
        out: Tensor = self.head(last)[..., 0]
        if self.projection is not None:
            direction = self.projection(told)
            out = out + (direction * last).mean(-1)
        if self.variety is not None and self.training:
            out = out + self.variety(last)
        return out

    def coarsest_features(self, x: Tensor) -> Tensor:
        """The coarsest map of single records, ``(M, n, flat)``."""
        return to_records(self._maps((x,))[-1], self.members)

    def _maps(self, records: tuple[Tensor, ...]) -> list[Tensor]:
        """All maps, ``(n, M·C, h, w)``, finest first."""
        pictures = concat_channels(
            self.members, *(to_images(x[..., : self.record], self.grid) for x in records)
        )
        return self.trunk(pictures, records[0][..., self.record :], self._shown)

    def _shown(self, pictures: Tensor) -> Tensor:
        """Append gradients, ``(n, M·R·C, h, w) -> (n, M·R·(C + directions), h, w)``."""
        flat = pictures.reshape(-1, self.grid[0], *pictures.shape[2:])
        both = torch.cat([flat, compute_gradients(flat, INPUT_DIRECTIONS)], 1)
        return both.reshape(len(pictures), -1, *pictures.shape[2:])

    def _split(self, maps: Tensor) -> Tensor:
        """Each member's maps on their own, ``(n, M·C, h, w) -> (M, n, C, h, w)``."""
        return maps.reshape(len(maps), self.members, -1, *maps.shape[2:]).transpose(0, 1)

    def _edges(self, x: Tensor) -> Tensor:
        """What needs no network: gradients by cells, ``(M, n, F)``."""
        seen = safe_sqrt(
            pool_cells(compute_gradients(self._flat(x), FEATURE_DIRECTIONS), CELLS_PER_SIDE)
        )
        return seen.reshape(*x.shape[:2], -1)

    def _flat(self, x: Tensor) -> Tensor:
        """All members' pictures one behind the other, ``(M·n, C, H, W)``."""
        return x[..., : self.record].reshape(-1, *self.grid)
