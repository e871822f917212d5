"""Where a picture is abnormal: maps of it, calibrated place by place.

Three views of each place, as whole pictures are scored: what generation can't reproduce, what the
discriminator sees change, and how unusual what it sees is for that place (Defard et al., "PaDiM",
2021, with the discriminator's own maps).  Each is smoothed and brought to the scale of normal
pictures that no member was fitted on; a map is their mean.
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
from anomgan.nets import blocks
from anomgan.score import rows_at_once

LEARNT = 1000
"""Most pictures from which is learnt what is usual of each place, and most that calibrate."""

ROOM = 2**25
"""Numbers that all places of these pictures may hold: 256 MB."""

FINEST = 64
"""Most places along each side whose covariances are kept; finer maps are averaged."""

SHRUNK = 0.1
"""Share of the covariance of all places in that of each: one place alone has too few pictures."""

BLUR = 1 / 24
"""Standard deviation of the smoothing, as a share of the picture's shorter side."""

FLOOR = 4.0
"""How many of the usual distances of all places are added to each before the logarithm, so that
places where nothing ever happens don't cry out at a whisper."""

State = dict[str, Tensor]


@dataclass
class Mapper:
    """What is usual at each place.

    Attributes:
        gan: Trained networks that learnt pictures.
        state: Fitted tensors: ``mean`` and ``map`` of each place's whitening, of what is seen and
            of its differences; ``centre`` and ``spread`` of the three distances' logarithms.
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
        most = mapper._most()
        fitted, raw = [], []
        for k in range(len(folds)):
            own = rows[k * members]  # those of one fold learn from the same pictures
            both = mapper._places(mapper._evidence(values[own[:most]]))
            for member in range(k * members, (k + 1) * members):
                fitted.append([part for places in both for part in _usual(places[member])])
        names = ("seen.mean", "seen.map", "change.mean", "change.map")
        mapper.state = dict(zip(names, map(torch.stack, zip(*fitted, strict=True)), strict=True))
        for k, fold in enumerate(folds):
            found = mapper._distances(values[torch.from_numpy(fold[:most])])
            raw.append(found[:, k * members : (k + 1) * members].mean(1))
        held = torch.cat(raw, 1)
        floor = FLOOR * held.flatten(1).median(1).values
        logs = (held + floor[:, None, None, None]).log()
        low, middle, high = torch.quantile(
            logs, torch.tensor([0.25, 0.5, 0.75], dtype=logs.dtype, device=logs.device), dim=1
        )
        # Heights of one place are few; how much they vary is taken from all places.
        spread = (high - low).flatten(1).mean(1).clamp(min=1e-3)
        mapper.state |= {"floor": floor, "centre": middle, "spread": spread}
        return mapper

    def __call__(self, values: Tensor) -> NDArray[np.float32]:
        """Maps of encoded pictures, ``(n, D) -> (n, H, W)``; larger is more abnormal.

        0 is usual for a place on a normal picture, 1 an interquartile range more abnormal.
        """
        parts = []
        for part in values.split(rows_at_once(self.gan)):
            raw = self._distances(part).mean(1)
            logs = (raw + self.state["floor"][:, None, None, None]).log()
            scaled = logs - self.state["centre"][:, None]
            scaled = scaled / self.state["spread"][:, None, None, None]
            parts.append(scaled.mean(0).cpu().numpy().astype(np.float32))
        return np.concatenate(parts)

    def _evidence(self, values: Tensor) -> Evidence:
        return Evidence.gather(self.gan, values, rows_at_once(self.gan))

    def _places(self, evidence: Evidence) -> tuple[Tensor, Tensor]:
        """What is seen of each place, and how G(z*) differs: ``(M, n, h·w, d)`` each."""
        with torch.no_grad():
            seen, made = (
                _coarse(blocks.places(self.gan.discriminator, x))
                for x in (evidence.x, evidence.generated)
            )
        return seen, seen - made

    def _distances(self, values: Tensor) -> Tensor:
        """The three distances, smoothed, ``(n, D) -> (3, M, n, H, W)``."""
        evidence, (channels, height, width) = self._evidence(values), self._grid()
        shape = (*evidence.x.shape[:2], channels, height, width)
        residual = (evidence.x - evidence.generated)[..., : math.prod(shape[2:])]
        maps = [residual.reshape(shape).square().mean(2)]
        side = _coarser(_halved(height, width))
        for name, places in zip(("seen", "change"), self._places(evidence), strict=True):
            mean, white = (self.state[f"{name}.{key}"].to(places) for key in ("mean", "map"))
            far = torch.einsum("mnpd,mpde->mnpe", places - mean[:, None], white).square().sum(-1)
            maps.append(_grown(far.reshape(*shape[:2], *side), (height, width)))
        smooth = _smooth(torch.stack(maps).flatten(0, 2), BLUR * min(height, width))
        return smooth.reshape(len(maps), *shape[:2], height, width).clamp(min=0).sqrt()

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
        _, height, width = self._grid()
        places = math.prod(_coarser(_halved(height, width))) * (2 + self.gan.config.channels)
        return min(LEARNT, max(32, ROOM // (self.gan.views.members * places)))

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


def _usual(places: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and whitening matrix of each place, ``(n, P, d) -> (P, d), (P, d, d)``."""
    mean = places.mean(0)
    centred = (places - mean).transpose(0, 1)
    own = centred.mT @ centred / max(1, len(places) - 1)
    every = own.mean(0)
    trace = every.diagonal().mean().clamp(min=1e-9)
    same = torch.eye(len(every)).to(every)
    mixed = (1 - SHRUNK) * own + SHRUNK * every + 1e-3 * trace * same
    root = torch.linalg.cholesky(mixed)
    return mean, torch.linalg.solve_triangular(root, same.expand_as(root), upper=False).mT


def _halved(height: int, width: int) -> tuple[int, int]:
    """The size of the first maps."""
    return -(-height // 2), -(-width // 2)


def _coarser(size: tuple[int, int]) -> tuple[int, int]:
    """The size in which places are kept."""
    return min(FINEST, size[0]), min(FINEST, size[1])


def _coarse(places: Tensor) -> Tensor:
    """Places in the size they are kept in, ``(M, n, d, h, w) -> (M, n, h'·w', d)``."""
    few = adaptive_avg_pool2d(places.flatten(0, 1), _coarser((places.shape[3], places.shape[4])))
    return few.flatten(2).mT.reshape(*places.shape[:2], -1, places.shape[2])


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
