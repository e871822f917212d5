"""Anomaly maps: where a picture is abnormal, calibrated on pictures that no member was fitted on.

Each place is seen in three ways: its pixels, the residual of its reconstruction, and its edges.  In
each it is compared with what the rest of the picture predicts (:mod:`.conditional_gaussian`).  A
discriminator of patches (:mod:`.patch_discriminator`) is given the result and classifies each place
as normal or foreign.  A map is the mean of all four, each on the scale of normal pictures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from anomgan.gans.base import GAN
from anomgan.gans.blockwise import apply_in_blocks, rows_per_block
from anomgan.scoring.features import RecordFeatures
from anomgan.scoring.localization import patch_discriminator as cutmix
from anomgan.scoring.localization.conditional_gaussian import State, expectations
from anomgan.scoring.localization.feature_maps import (
    DIRECTIONS,
    FINEST,
    SCALINGS,
    FeatureMaps,
    grown,
    view_of,
)
from anomgan.utils.serialization import below

LEARNT = 1000
"""Most pictures from which is learnt what is usual, and most that calibrate."""

ROOM = 2**25
"""Numbers that all places of these pictures may hold: 256 MB."""

CRITIC = "critic"
"""Stands for the critic among the views."""

BLOCK = 3
"""Places along each side of the block that is left out around a place."""

BLUR = 1 / 24
"""Standard deviation of the smoothing, as a share of the picture's shorter side."""

POWER = 0.25
"""Power of distances that is smoothed, so that what stands out isn't given a wide halo."""

NORMAL = 0.99
"""Share of normal pictures' places whose heights are below 1."""


@dataclass
class AnomalyMapper:
    """What is usual at each place.

    Attributes:
        gan: Trained networks that learnt pictures.
        state: Fitted tensors: of each view what :func:`.conditional_gaussian.expectations` learnt,
            folds or members stacked; ``floor``, ``centre`` and ``spread`` of each view's heights,
            those of the critic last; ``unit``, where 0 and 1 of a map lie.
        critic: One for each fold; None in models of earlier versions, whose maps are as they were.
    """

    gan: GAN
    state: State
    critic: nn.Module | None = None

    @classmethod
    def fit(
        cls,
        gan: GAN,
        values: Tensor,
        rows: Sequence[Tensor],
        folds: Sequence[NDArray[np.int64]],
    ) -> AnomalyMapper:
        """Learn from the members' own pictures, and calibrate with those that they never saw.

        Args:
            gan: Trained networks.
            values: Encoded training pictures, ``(n, D)``.
            rows: For each member the pictures it was trained on, in random order.
            folds: The pictures that each fold's members never saw.
        """
        mapper, each = cls(gan, {}), gan.views.members // len(folds)
        most = min(mapper._most(), *(len(own) for own in rows))
        # Those of one fold learn from the same pictures.
        known = [own[:most] for own in rows[::each]]
        unseen = [torch.from_numpy(fold[: mapper._most()]) for fold in folds]
        used, at = torch.cat([*known, *unseen]).unique(return_inverse=True)
        places = at.split([len(part) for part in (*known, *unseen)])
        x, made = mapper._pictures(values[used])
        learnt: dict[str, list[Tensor]] = {}
        for member in range(gan.views.members):
            own = places[member // each]
            for name in SCALINGS if member % each == 0 else ("residual",):
                view = view_of(name, x[member : member + 1, own], made[member : member + 1, own])
                for key, value in expectations(view[0], BLOCK).items():
                    learnt.setdefault(f"{name}.{key}", []).append(value)
        mapper.state = {key: torch.stack(parts) for key, parts in learnt.items()}
        own_x, own_made = (
            [part[k * each, places[k]].float() for k in range(len(folds))] for part in (x, made)
        )
        sights = [FeatureMaps(mapper._states([k], torch.float32)) for k in range(len(folds))]
        mapper.critic = cutmix.trained(own_x, own_made, sights, gan.config).double()
        held: dict[str, list[Tensor]] = {}
        for k, own in enumerate(places[len(folds) :]):
            members = slice(k * each, (k + 1) * each)
            for name, heights in mapper._raw(x[members, own], made[members, own], [k]).items():
                held.setdefault(name, []).append(heights)
        mapper._calibrate({name: torch.cat(parts) for name, parts in held.items()})
        return mapper

    def _calibrate(self, held: Mapping[str, Tensor]) -> None:
        """Learn how high maps are of pictures that nobody was fitted on."""
        scales = []
        for name, heights in held.items():
            # All places have one scale: what a place may vary by is allowed for already, and one of
            # its own would cry out at a whisper where nothing ever happens.
            floor = heights.median().clamp(min=1e-12)
            low, middle, high = _quantiles(_heights(name, heights, floor), 0.25, 0.5, 0.75)
            scales.append(torch.stack([floor, middle, (high - low).clamp(min=1e-3)]))
        floors, centres, spreads = torch.stack(scales, 1)
        self.state |= {"floor": floors, "centre": centres, "spread": spreads}
        middle, high = _quantiles(self._joined(held), 0.5, NORMAL)
        self.state["unit"] = torch.stack([middle, (high - middle).clamp(min=1e-3)])

    def __call__(self, values: Tensor) -> NDArray[np.float32]:
        """Maps of encoded pictures, ``(n, D) -> (n, H, W)``; larger is more abnormal.

        0 is usual on normal pictures, and one in a hundred of their places is above 1.
        """
        return np.concatenate(apply_in_blocks(self.gan, values, self._drawn), -1).transpose(2, 0, 1)

    def _drawn(self, block: Tensor) -> NDArray[np.float32]:
        """Maps of one block, ``(n, D) -> (H, W, n)``."""
        heights = self._joined(self._raw(*self._pictures(block), range(self._folds)))
        return np.asarray(heights.permute(1, 2, 0).cpu().numpy().astype(np.float32))

    def _joined(self, raw: Mapping[str, Tensor]) -> Tensor:
        """One map of what :meth:`_raw` gives, ``(n, H, W)``."""
        scales = (self.state[key].unbind() for key in ("floor", "centre", "spread"))
        scaled = {
            name: (_heights(name, own, floor) - centre) / spread
            for (name, own), floor, centre, spread in zip(raw.items(), *scales, strict=True)
        }
        opinion = scaled.pop(CRITIC, None)
        views = torch.stack(list(scaled.values())).mean(0)
        if opinion is None:
            return views
        middle, unit = self.state.get("unit", views.new_tensor([0, 1]))  # not yet known in fit
        joined: Tensor = ((views + opinion) / 2 - middle) / unit
        return joined

    def _raw(self, x: Tensor, made: Tensor, folds: Sequence[int]) -> dict[str, Tensor]:
        """Distances and the critic's opinions before they are scaled, ``(n, H, W)`` each.

        Args:
            x: Pictures as these folds' members see them, ``(M, n, C, H, W)``.
            made: The nearest that they generate, likewise.
            folds: Which folds.
        """
        size = x.shape[3], x.shape[4]
        sight = FeatureMaps(self._states(folds, x.dtype))
        power = 1 if self.critic is None else POWER
        found, whites = {}, sight.whites(x, made)
        for name, white in whites.items():
            distances = grown(white.square().sum(2), size).flatten(0, 1) ** power
            smooth = _smooth(distances, BLUR * min(size)).clamp(min=0) ** (1 / power)
            found[name] = smooth.unflatten(0, white.shape[:2]).mean(0)
        if self.critic is not None:
            # It takes all folds at once; where only one is asked for, the others look on.
            shown = sight.shown(x[:: len(x) // len(folds)], whites)
            shown = shown.expand(self._folds, *shown.shape[1:])
            said = cutmix.opinions(self.critic, shown)[list(folds)]
            found[CRITIC] = grown(said, size).mean(0)
        return found

    def _pictures(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled pictures and the nearest generated ones, ``(M, n, C, H, W)``."""
        evidence, grid = (
            RecordFeatures.encode(self.gan, values, rows_per_block(self.gan)),
            self._grid(),
        )
        x, made = (
            part[..., : math.prod(grid)].double().unflatten(-1, grid)
            for part in (evidence.x, evidence.generated)
        )
        return x, made

    def _states(self, folds: Sequence[int], dtype: torch.dtype) -> dict[str, State]:
        """What each view learnt for some folds."""
        states = {}
        for name in SCALINGS:
            own = below(f"{name}.", self.state)
            if own:
                each = len(own["mean"]) // self._folds
                at = [fold * each + member for fold in folds for member in range(each)]
                states[name] = {key: value[at].to(dtype) for key, value in own.items()}
        return states

    @property
    def _folds(self) -> int:
        return self.gan.views.members // self.gan.config.members

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
        if self.critic is not None:
            self.critic.to(device)

    def arrays(self) -> dict[str, NDArray[np.floating[Any]]]:
        """The state as arrays, by name; the critic's weights are float32, as they were trained."""
        found = {key: value.cpu().numpy() for key, value in self.state.items()}
        weights = {} if self.critic is None else self.critic.state_dict()
        return found | {f"{CRITIC}.{k}": v.float().cpu().numpy() for k, v in weights.items()}

    @classmethod
    def from_arrays(
        cls, gan: GAN, arrays: Mapping[str, NDArray[np.floating[Any]]]
    ) -> AnomalyMapper:
        """Rebuild from :meth:`arrays`.

        Raises:
            ValueError: If they don't belong to these pictures.
        """
        start, state = f"{CRITIC}.", {key: torch.tensor(value) for key, value in arrays.items()}
        weights = {k.removeprefix(start): state.pop(k) for k in arrays if k.startswith(start)}
        mapper = cls(gan, state)
        if weights:
            channels, height, width = mapper._grid()
            shown = 2 * channels + 1, min(FINEST, height), min(FINEST, width)
            doubles = {key: value.double() for key, value in weights.items()}
            mapper.critic = cutmix.rebuilt(doubles, shown, mapper._folds, gan.config.channels)
        return mapper


def _heights(name: str, raw: Tensor, floor: Tensor) -> Tensor:
    """Logarithms of distances; the critic's log odds as they are."""
    return raw if name == CRITIC else (raw + floor).log()


def _quantiles(heights: Tensor, *shares: float) -> list[Tensor]:
    """Quantiles of all heights, of which there may be more than torch's own function takes."""
    own = heights.flatten().sort().values
    return [own[round(share * (len(own) - 1))] for share in shares]


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
