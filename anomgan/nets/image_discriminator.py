"""Discriminator of images, whose features the scores are computed in."""

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
"""Number of gradient directions that convolutions take, and that features hold."""

CELLS_PER_SIDE = 4
"""Cells along each side of an image over which gradients are averaged."""


class ImageDiscriminator(nn.Module):
    """M DCGAN discriminators, which take an image and its oriented gradients.

    The features are gradients averaged by cells and the means of the first convolution's maps, all
    rectified and under a square root.  Deeper layers were found to score worse, the last hidden
    layer, which serves tables, worst.  Conditions enter as in
    :class:`~anomgan.nets.table_discriminator.TableDiscriminator`.
    """

    __call__: Callable[..., Tensor]

    def __init__(
        self, spec: Spec, config: Config, members: int, extra: int = 0, records: int = 1
    ) -> None:
        """Build M discriminators; arguments as :class:`.TableDiscriminator`."""
        super().__init__()
        self.grid, self.record, self.members = image_grid(spec), spec.record_size, members
        self.trunk = Trunk(spec, config, members, records * (self.grid[0] + INPUT_DIRECTIONS))
        conditions = spec.condition_size
        self.hidden = MemberLinear(
            members, self.trunk.flat + extra + conditions, config.hidden, LEAKY_GAIN
        )
        self.head = MemberLinear(members, config.hidden, 1)
        self.projection = MemberLinear(members, conditions, config.hidden) if conditions else None
        self.variety = MinibatchStddev(members) if config.minibatch_statistics == "on" else None

    def features(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """Gradients by cells and the means of the first maps, ``(M, n, F)``."""
        first = self._split(self._maps(records)[0])
        return torch.cat(
            [*(self._edges(x) for x in records), safe_sqrt(relu(first).mean((-2, -1)))], -1
        )

    def forward(self, *records: Tensor, extra: Tensor | None = None) -> Tensor:
        """Logit per record, larger for more real, ``(M, n)``."""
        conditions = records[0][..., self.record :]
        coarsest = to_records(self._maps(records)[-1], self.members)
        inputs = [coarsest, *([] if extra is None else [extra]), conditions]
        last = leaky_relu(self.hidden(torch.cat(inputs, -1)), LEAKY_SLOPE)
        out: Tensor = self.head(last)[..., 0]
        if self.projection is not None:
            direction = self.projection(conditions)
            out = out + (direction * last).mean(-1)
        if self.variety is not None and self.training:
            out = out + self.variety(last)
        return out

    def coarsest_features(self, x: Tensor) -> Tensor:
        """The coarsest map of single records, ``(M, n, flat)``."""
        return to_records(self._maps((x,))[-1], self.members)

    def _maps(self, records: tuple[Tensor, ...]) -> list[Tensor]:
        """All maps of the trunk, ``(n, M·C, h, w)``, finest first."""
        images = concat_channels(
            self.members, *(to_images(x[..., : self.record], self.grid) for x in records)
        )
        return self.trunk(images, records[0][..., self.record :], self._append_gradients)

    def _append_gradients(self, images: Tensor) -> Tensor:
        """``(n, M·R·C, h, w) -> (n, M·R·(C + INPUT_DIRECTIONS), h, w)``."""
        flat = images.reshape(-1, self.grid[0], *images.shape[2:])
        both = torch.cat([flat, compute_gradients(flat, INPUT_DIRECTIONS)], 1)
        return both.reshape(images.shape[0], -1, *images.shape[2:])

    def _split(self, maps: Tensor) -> Tensor:
        """Split maps by member, ``(n, M·C, h, w) -> (M, n, C, h, w)``."""
        return maps.reshape(maps.shape[0], self.members, -1, *maps.shape[2:]).transpose(0, 1)

    def _edges(self, x: Tensor) -> Tensor:
        """Gradients by cells, ``(M, n, F)``; these need no network."""
        gradients = compute_gradients(self._flat(x), FEATURE_DIRECTIONS)
        cells = safe_sqrt(pool_cells(gradients, CELLS_PER_SIDE))
        return cells.reshape(*x.shape[:2], -1)

    def _flat(self, x: Tensor) -> Tensor:
        """Images of all members, ``(M·n, C, H, W)``."""
        return x[..., : self.record].reshape(-1, *self.grid)
