"""Anomaly maps: where a picture is abnormal, calibrated on pictures that no member was fitted on.

Each place has three features: its pixels, the residual of its reconstruction, and its edges.  Each
is compared with its prediction from the rest of the picture (:mod:`.conditional_gaussian`).  From
these residuals a discriminator of patches (:mod:`.patch_discriminator`) classifies each place as
normal or foreign.  A map is the mean of the features' part and the discriminator's, each on the
scale of normal pictures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from anomgan.gans.base import GAN
from anomgan.gans.blockwise import apply_in_blocks, rows_per_block
from anomgan.scoring.features import RecordFeatures
from anomgan.scoring.localization.conditional_gaussian import GaussianState, fit_gaussian
from anomgan.scoring.localization.feature_maps import (
    EDGE_DIRECTIONS,
    FEATURES,
    MAX_SIDE,
    FeatureMaps,
    extract_features,
    resize_maps,
)
from anomgan.scoring.localization.patch_discriminator import (
    load_discriminators,
    predict_log_odds,
    train_discriminators,
)
from anomgan.utils.serialization import below
from anomgan.utils.types import FloatArray, Folds

MAX_FIT_PICTURES = 1000
"""Upper bound on the pictures that maps are fitted to, and on those that calibrate them."""

MAX_FIT_VALUES = 2**25
"""Upper bound on the float64 values of all places of these pictures: 256 MB."""

DISCRIMINATOR = "critic"
"""Name of the discriminator's map beside those of the features, and of its weights in files."""

BLOCK_SIDE = 3
"""Places along each side of the block that is left out around a place."""

SMOOTHING = 1 / 24
"""Standard deviation of the smoothing, as a share of the picture's shorter side."""

SMOOTHED_POWER = 0.25
"""Power of distances that is smoothed, so that large ones don't get a wide halo."""

UNIT_QUANTILE = 0.99
"""Share of normal pictures' places at which a map is below 1."""


@dataclass
class AnomalyMapper:
    """Draws anomaly maps of pictures.

    Attributes:
        gan: Networks trained on pictures.
        state: Fitted tensors: of each feature what :func:`.conditional_gaussian.fit_gaussian`
            returned, folds or members stacked; ``floor``, ``centre`` and ``spread`` of each map,
            the discriminator's last; ``unit``, where 0 and 1 of the joint map lie.
        discriminator: A discriminator of patches for each fold.
    """

    gan: GAN
    state: dict[str, Tensor]
    discriminator: nn.Module

    @classmethod
    def fit(cls, gan: GAN, values: Tensor, rows: Sequence[Tensor], folds: Folds) -> AnomalyMapper:
        """Fit to the members' training pictures, and calibrate with those held out from them.

        Args:
            gan: Trained networks.
            values: Encoded training pictures, ``(n, D)``.
            rows: For each member, the pictures it was trained on, in random order.
            folds: For each fold, the pictures that its members never saw.
        """
        members, limit = gan.views.members // len(folds), _max_pictures(gan)
        count = min(limit, *(len(member_rows) for member_rows in rows))
        # The members of one fold were trained on the same pictures.
        fit_rows = [member_rows[:count] for member_rows in rows[::members]]
        held_out = [torch.from_numpy(fold[:limit]) for fold in folds]
        used, places = torch.cat([*fit_rows, *held_out]).unique(return_inverse=True)
        parts = places.split([len(part) for part in (*fit_rows, *held_out)])
        fit_places, held_out_places = parts[: len(folds)], parts[len(folds) :]
        x, generated = _scale_pictures(gan, values[used])
        fitted: dict[str, list[Tensor]] = {}
        for member in range(gan.views.members):
            at = slice(member, member + 1), fit_places[member // members]
            # Only residuals differ among the members of a fold.
            for name in FEATURES if member % members == 0 else ("residual",):
                features = extract_features(name, x[at], generated[at])
                for key, value in fit_gaussian(features[0], BLOCK_SIDE).items():
                    fitted.setdefault(f"{name}.{key}", []).append(value)
        state = {key: torch.stack(parts) for key, parts in fitted.items()}
        fold_x, fold_generated = (
            [part[k * members, rows_of_fold].float() for k, rows_of_fold in enumerate(fit_places)]
            for part in (x, generated)
        )
        maps = [
            FeatureMaps(_select_folds(state, [k], len(folds), torch.float32))
            for k in range(len(folds))
        ]
        discriminator = train_discriminators(fold_x, fold_generated, maps, gan.config).double()
        mapper = cls(gan, state, discriminator)
        raw: dict[str, list[Tensor]] = {}
        for k, fold_places in enumerate(held_out_places):
            at = slice(k * members, (k + 1) * members), fold_places
            for name, heights in mapper._raw_maps(x[at], generated[at], [k]).items():
                raw.setdefault(name, []).append(heights)
        mapper._calibrate({name: torch.cat(parts) for name, parts in raw.items()})
        return mapper

    def _calibrate(self, raw: Mapping[str, Tensor]) -> None:
        """Fit the scales of maps to those of held-out pictures, ``(n, H, W)`` each."""
        scales = []
        for name, heights in raw.items():
            # One scale for all places: the predictions allow for how much a place varies, and a
            # scale of its own would exaggerate faint changes where nothing ever happens.
            floor = heights.median().clamp(min=1e-12)
            low, middle, high = _quantiles(_take_log(name, heights, floor), 0.25, 0.5, 0.75)
            scales.append(torch.stack([floor, middle, (high - low).clamp(min=1e-3)]))
        floors, centres, spreads = torch.stack(scales, 1)
        self.state |= {"floor": floors, "centre": centres, "spread": spreads}
        middle, high = _quantiles(self._combine(raw), 0.5, UNIT_QUANTILE)
        self.state["unit"] = torch.stack([middle, (high - middle).clamp(min=1e-3)])

    def __call__(self, values: Tensor) -> NDArray[np.float32]:
        """Maps of encoded pictures, ``(n, D) -> (n, H, W)``; larger is more abnormal.

        0 is the median of normal pictures' places, and one in a hundred of these is above 1.
        """

        def draw_maps(block: Tensor) -> NDArray[np.float32]:
            """Maps of one block, ``(n, D) -> (H, W, n)``."""
            combined = self._combine(
                self._raw_maps(*_scale_pictures(self.gan, block), range(self._folds))
            )
            middle, unit = self.state["unit"]
            heights = (combined - middle) / unit
            return np.asarray(heights.permute(1, 2, 0).cpu().numpy().astype(np.float32))

        return np.concatenate(apply_in_blocks(self.gan, values, draw_maps), -1).transpose(2, 0, 1)

    def _combine(self, raw: Mapping[str, Tensor]) -> Tensor:
        """One map from those of :meth:`_raw_maps`, ``(n, H, W)``, not yet in its unit."""
        scales = (self.state[key].unbind() for key in ("floor", "centre", "spread"))
        scaled = {
            name: (_take_log(name, heights, floor) - centre) / spread
            for (name, heights), floor, centre, spread in zip(raw.items(), *scales, strict=True)
        }
        log_odds: Tensor = scaled.pop(DISCRIMINATOR)
        return (torch.stack(list(scaled.values())).mean(0) + log_odds) / 2

    def _raw_maps(self, x: Tensor, generated: Tensor, folds: Sequence[int]) -> dict[str, Tensor]:
        """Distances of each feature and the discriminator's log odds, ``(n, H, W)`` each.

        Args:
            x: Pictures as scaled for these folds' members, ``(M, n, C, H, W)``.
            generated: The nearest generated pictures, likewise.
            folds: Which folds.
        """
        size = x.shape[3], x.shape[4]
        maps = FeatureMaps(_select_folds(self.state, folds, self._folds, x.dtype))
        raw, white = {}, maps.whiten(x, generated)
        for name, residuals in white.items():
            distances = resize_maps(residuals.square().sum(2), size).flatten(0, 1)
            smooth = _smooth(distances**SMOOTHED_POWER, SMOOTHING * min(size))
            smooth = smooth.clamp(min=0) ** (1 / SMOOTHED_POWER)
            raw[name] = smooth.unflatten(0, residuals.shape[:2]).mean(0)
        # The networks of all folds compute together; of one fold's input they all get a copy.
        features = maps.discriminator_input(x[:: len(x) // len(folds)], white)
        features = features.expand(self._folds, *features.shape[1:])
        log_odds = predict_log_odds(self.discriminator, features)[list(folds)]
        raw[DISCRIMINATOR] = resize_maps(log_odds, size).mean(0)
        return raw

    @property
    def _folds(self) -> int:
        return self.gan.views.members // self.gan.config.members

    def to(self, device: str) -> None:
        """Move to a device, in place."""
        self.state = {key: value.to(device) for key, value in self.state.items()}
        self.discriminator.to(device)

    def to_arrays(self) -> dict[str, FloatArray]:
        """The fitted state by name; the discriminator's weights are float32, as trained."""
        weights = self.discriminator.state_dict()
        return {
            **{key: value.cpu().numpy() for key, value in self.state.items()},
            **{f"{DISCRIMINATOR}.{key}": v.float().cpu().numpy() for key, v in weights.items()},
        }

    @classmethod
    def from_arrays(cls, gan: GAN, arrays: Mapping[str, FloatArray]) -> AnomalyMapper:
        """Rebuild from :meth:`to_arrays`.

        Raises:
            ValueError: If they don't belong to these pictures.
        """
        prefix = f"{DISCRIMINATOR}."
        state = {k: torch.tensor(v) for k, v in arrays.items() if not k.startswith(prefix)}
        weights = {k: torch.tensor(v).double() for k, v in below(prefix, arrays).items()}
        channels, height, width = _grid(gan)
        shape = 2 * channels + 1, min(MAX_SIDE, height), min(MAX_SIDE, width)
        folds = gan.views.members // gan.config.members
        return cls(gan, state, load_discriminators(weights, shape, folds, gan.config.channels))


def _grid(gan: GAN) -> tuple[int, int, int]:
    """Channels, height and width.

    Raises:
        ValueError: If the records aren't pictures.
    """
    if gan.views.spec.grid is None:
        raise ValueError("only pictures have maps")
    return gan.views.spec.grid


def _max_pictures(gan: GAN) -> int:
    """How many pictures a mapper may be fitted to."""
    channels, height, width = _grid(gan)
    values = (2 * channels + EDGE_DIRECTIONS) * height * width
    return min(MAX_FIT_PICTURES, max(32, MAX_FIT_VALUES // (gan.views.members * values)))


def _scale_pictures(gan: GAN, values: Tensor) -> tuple[Tensor, Tensor]:
    """Scaled pictures and the nearest generated ones, ``(M, n, C, H, W)`` float64."""
    grid, features = _grid(gan), RecordFeatures.from_encoded(gan, values, rows_per_block(gan))
    x, generated = (
        part[..., : math.prod(grid)].double().unflatten(-1, grid)
        for part in (features.x, features.generated)
    )
    return x, generated


def _select_folds(
    state: Mapping[str, Tensor], chosen: Sequence[int], folds: int, dtype: torch.dtype
) -> dict[str, GaussianState]:
    """Each feature's Gaussians of the chosen folds, of which there are so many."""
    states = {}
    for name in FEATURES:
        gaussians = below(f"{name}.", state)
        members = len(gaussians["mean"]) // folds  # 1 where those of a fold share theirs
        at = [fold * members + member for fold in chosen for member in range(members)]
        states[name] = {key: value[at].to(dtype) for key, value in gaussians.items()}
    return states


def _take_log(name: str, raw: Tensor, floor: Tensor) -> Tensor:
    """Logarithms of distances; the discriminator's log odds as they are."""
    return raw if name == DISCRIMINATOR else (raw + floor).log()


def _quantiles(heights: Tensor, *shares: float) -> list[Tensor]:
    """Quantiles of all heights, of which there may be more than torch.quantile takes."""
    ascending = heights.flatten().sort().values
    return [ascending[round(share * (len(ascending) - 1))] for share in shares]


def _smooth(maps: Tensor, sigma: float) -> Tensor:
    """Gaussian smoothing, ``(n, H, W)`` to the same."""
    reach = max(1, round(3 * sigma))
    at = torch.arange(-reach, reach + 1).to(maps)
    kernel = torch.exp(-0.5 * (at / max(sigma, 0.3)).square())
    kernel = kernel / kernel.sum()
    reach = min(reach, *(side - 1 for side in maps.shape[1:]))
    middle = len(kernel) // 2
    kernel = kernel[middle - reach : middle + reach + 1]
    padded = pad(maps[:, None], (reach, reach, reach, reach), mode="reflect")
    return conv2d(conv2d(padded, kernel[None, None, None]), kernel[None, None, :, None])[:, 0]
