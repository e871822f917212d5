"""Where a picture is abnormal: maps of it, calibrated on pictures that no member was fitted on.

Two views of each place: what generation can't reproduce, and which edges run there.  In each a
place is compared with what the rest of the picture makes expected (:mod:`anomgan.surprise`),
smoothed, and brought to the scale of normal pictures; a map is the mean of both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, conv2d, interpolate, pad

from anomgan.evidence import Evidence
from anomgan.gans.base import GAN
from anomgan.nets.gradients import gradients, root
from anomgan.score import by_block, rows_at_once
from anomgan.surprise import State, expectations, surprise

LEARNT = 1000
"""Most pictures from which is learnt what is usual, and most that calibrate."""

ROOM = 2**25
"""Numbers that all places of these pictures may hold: 256 MB."""

FINEST = 64
"""Most places along each side; finer pictures are averaged."""

DIRECTIONS = 4
"""Directions of edges."""

BLOCKS = {"residual": 5, "edges": 1}
"""View -> places along each side of the block that is left out around a place.  Edges have places
of two pixels, and know of the pixels next to these."""

BLUR = 1 / 24
"""Standard deviation of the smoothing, as a share of the picture's shorter side."""


@dataclass
class Mapper:
    """What is usual at each place.

    Attributes:
        gan: Trained networks that learnt pictures.
        state: Fitted tensors: of each view what :func:`~anomgan.surprise.expectations` learnt,
            members stacked; ``floor``, ``centre`` and ``spread`` of each view's heights.
    """

    gan: GAN
    state: State

    @classmethod
    def fit(
        cls,
        gan: GAN,
        values: Tensor,
        rows: Sequence[Tensor],
        folds: Sequence[NDArray[np.int64]],
    ) -> Mapper:
        """Learn from the members' own pictures, and calibrate with those that they never saw.

        Args:
            gan: Trained networks in float64.
            values: Encoded training pictures, ``(n, D)``.
            rows: For each member the pictures it was trained on, in random order.
            folds: The pictures that each fold's members never saw.
        """
        mapper, members = cls(gan, {}), gan.views.members // len(folds)
        most = min(mapper._most(), *(len(own) for own in rows))
        learnt: dict[str, list[Tensor]] = {}
        for k in range(len(folds)):
            own = rows[k * members]  # those of one fold learn from the same pictures
            for name, pictures in mapper._views(values[own[:most]]).items():
                for member in range(k * members, (k + 1) * members):
                    usual = expectations(pictures[member], BLOCKS[name])
                    for key, value in usual.items():
                        learnt.setdefault(f"{name}.{key}", []).append(value)
        mapper.state = {key: torch.stack(parts) for key, parts in learnt.items()}
        raw = []
        for k, fold in enumerate(folds):
            found = mapper._distances(values[torch.from_numpy(fold[: mapper._most()])])
            raw.append(found[:, k * members : (k + 1) * members].mean(1))
        held = torch.cat(raw, 1).flatten(1)
        # All places have one scale: what a place may vary by is allowed for already, and a scale of
        # its own would cry out at a whisper where nothing ever happens.
        floor = held.median(1).values.clamp(min=1e-12)
        heights = (held + floor[:, None]).log().sort(1).values
        at = [round(share * (heights.shape[1] - 1)) for share in (0.25, 0.5, 0.75)]
        low, middle, high = heights[:, at].unbind(1)
        spread = (high - low).clamp(min=1e-3)
        mapper.state |= {"floor": floor, "centre": middle, "spread": spread}
        return mapper

    def __call__(self, values: Tensor) -> NDArray[np.float32]:
        """Maps of encoded pictures, ``(n, D) -> (n, H, W)``; larger is more abnormal.

        0 is usual on normal pictures, 1 an interquartile range of their places more abnormal.
        """
        return np.concatenate(by_block(self.gan, values, self._drawn), -1).transpose(2, 0, 1)

    def _drawn(self, block: Tensor) -> NDArray[np.float32]:
        """Maps of one block, ``(n, D) -> (H, W, n)``."""
        floor, centre, spread = (
            self.state[key][:, None, None, None] for key in ("floor", "centre", "spread")
        )
        scaled = ((self._distances(block).mean(1) + floor).log() - centre) / spread
        return np.asarray(scaled.mean(0).permute(1, 2, 0).cpu().numpy().astype(np.float32))

    def _views(self, values: Tensor) -> dict[str, Tensor]:
        """What is compared at each place, ``(M, n, d, h, w)`` each."""
        evidence = Evidence.gather(self.gan, values, rows_at_once(self.gan))
        grid = self._grid()
        shape = (*evidence.x.shape[:2], *grid)
        x, made = (
            part[..., : math.prod(grid)].double().reshape(shape)
            for part in (evidence.x, evidence.generated)
        )
        edges = root(gradients(x.flatten(0, 1), DIRECTIONS)).reshape(*shape[:2], -1, *grid[1:])
        return {"residual": _coarse(x - made, 1), "edges": _coarse(edges, 2)}

    def _distances(self, values: Tensor) -> Tensor:
        """The views' squared distances, smoothed, ``(n, D) -> (2, M, n, H, W)``."""
        _, height, width = self._grid()
        maps = []
        for name, pictures in self._views(values).items():
            usual = {
                key: self.state[f"{name}.{key}"].to(pictures)
                for key in ("mean", "directions", "kernel")
            }
            maps.append(_grown(surprise(pictures, usual), (height, width)))
        found = torch.stack(maps)
        smooth = _smooth(found.flatten(0, 2), BLUR * min(height, width))
        return smooth.reshape(found.shape).clamp(min=0)

    def _grid(self) -> tuple[int, int, int]:
        """Channels, height and width.

        Raises:
            ValueError: If the records are no pictures.
        """
        if self.gan.views.spec.grid is None:
            raise ValueError("only pictures have maps")
        return self.gan.views.spec.grid

    def _most(self) -> int:
        """How many pictures there is room for."""
        channels, height, width = self._grid()
        numbers = (2 * channels + DIRECTIONS) * height * width
        return min(LEARNT, max(32, ROOM // (self.gan.views.members * numbers)))

    def to(self, device: str) -> None:
        """Move to a device, in place."""
        self.state = {key: value.to(device) for key, value in self.state.items()}

    def arrays(self) -> dict[str, NDArray[np.floating[Any]]]:
        """The state as arrays, by name."""
        return {key: value.cpu().numpy() for key, value in self.state.items()}

    @classmethod
    def from_arrays(cls, gan: GAN, arrays: Mapping[str, NDArray[np.floating[Any]]]) -> Mapper:
        """Rebuild from :meth:`arrays`."""
        return cls(gan, {key: torch.tensor(value) for key, value in arrays.items()})


def _coarse(pictures: Tensor, times: int) -> Tensor:
    """Pictures averaged to places of so many pixels a side, ``(M, n, d, H, W)`` to ``h × w``.

    Larger ones if there are more than :data:`FINEST` along a side.
    """
    size = [min(FINEST, -(-side // times)) for side in pictures.shape[3:]]
    few = adaptive_avg_pool2d(pictures.flatten(0, 1), (size[0], size[1]))
    return few.reshape(*pictures.shape[:3], *size)


def _grown(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps in the picture's size, ``(M, n, h, w) -> (M, n, *size)``."""
    flat = maps.flatten(0, 1)[:, None]
    return interpolate(flat, size, mode="bilinear").reshape(*maps.shape[:2], *size)


def _smooth(maps: Tensor, sigma: float) -> Tensor:
    """Gaussian smoothing, ``(n, H, W)`` to the same."""
    reach = max(1, round(3 * sigma))
    at = torch.arange(-reach, reach + 1).to(maps)
    kernel = torch.exp(-0.5 * (at / max(sigma, 0.3)).square())
    kernel = kernel / kernel.sum()
    reach = min(reach, *(side - 1 for side in maps.shape[1:]))
    middle = len(kernel) // 2
    kernel = kernel[middle - reach : middle + reach + 1]
    wide = pad(maps[:, None], (reach, reach, reach, reach), mode="reflect")
    return conv2d(conv2d(wide, kernel[None, None, None]), kernel[None, None, :, None])[:, 0]
