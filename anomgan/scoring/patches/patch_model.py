"""Scores of pictures' places in a backbone's features: distances, discriminators, and maps."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from anomgan.gans.base import GAN
from anomgan.gans.blockwise import apply_in_blocks
from anomgan.gans.sampling import sample_records
from anomgan.nets.backbone import Backbone
from anomgan.nets.mlp import MLP
from anomgan.scoring.localization.patch_discriminator import mix_into
from anomgan.scoring.patches.discriminator import (
    build_discriminators,
    load_discriminators,
    train_discriminators,
)
from anomgan.scoring.patches.gallery import State, find_residuals, fit_gallery, max_gallery_pictures
from anomgan.scoring.patches.place_features import RINGS, PlaceFeatures, extract_places
from anomgan.scoring.whitening import fit_whitening, whiten
from anomgan.utils.serialization import below
from anomgan.utils.types import FloatArray, Floats, Folds

MAX_MIXED_PICTURES = 400
"""Upper bound on the pictures that foreign parts are mixed into."""

SMALLEST_PART = 0.008
"""Least half axis of a foreign part, as a share of the picture's side."""

MIN_FOREIGN_SHARE = 0.1
"""Share of a place from which on it counts as foreign."""

TOP_SHARE = 0.1
"""Share of a picture's places, the most foreign, whose mean is its score by the discriminators."""

MAX_LOG = 50.0
"""Bound on a place's scaled log odds, so that their exponential stays finite."""

UNIT_QUANTILE = 0.99
"""Share of normal pictures' places at which a map is below 1."""

MIN_RING_PLACES = 50
"""Places that a ring needs for a scale of its own."""


@dataclass(frozen=True)
class PlaceScores:
    """Scores of n pictures by the members of each of K folds; larger is more abnormal.

    Attributes:
        distance: Root mean square of all places' residuals, ``(K, n)``.
        foreign: Exponential of the most foreign places' mean scaled log odds, ``(K, n)``.
        whole: How unusual the pooled maps are, ``(K, n)``.
        maps: Scaled places, 0 for padding, ``(n, h, w)``.
    """

    distance: Tensor
    foreign: Tensor
    whole: Tensor
    maps: Tensor


@dataclass
class PatchModel:
    """A fitted gallery and discriminators of places.

    Attributes:
        backbone: The frozen network.
        gan: Trained networks, whose scaler prepares pictures.
        state: Fitted tensors: those of :func:`.gallery.fit_gallery`; ``whole.mean`` and
            ``whole.map`` whiten pooled maps; ``unit`` is the residuals' scale in each fold;
            ``ring``, the median and spread of distances and log odds in each ring,
            ``(2, RINGS, 2)``.
        discriminators: One for each fold.
        seen: Features of training pictures by the hash of their pixels, while fitting lasts.
    """

    backbone: Backbone
    gan: GAN
    state: State
    discriminators: MLP
    seen: dict[bytes, PlaceFeatures] = field(default_factory=dict)

    @classmethod
    def fit(
        cls, backbone: Backbone, gan: GAN, values: Floats, rows: Sequence[Tensor], folds: Folds
    ) -> PatchModel:
        """Fit to the members' training pictures, and scale by those held out from them.

        Args:
            backbone: The frozen network.
            gan: Trained networks.
            values: Encoded training pictures, ``(n, D)``.
            rows: For each member, the pictures it was trained on, in random order.
            folds: For each fold, the pictures that its members never saw.
        """
        fold_rows = list(rows[:: gan.views.members // len(folds)])
        model = cls(backbone, gan, {}, build_discriminators(1, len(folds)))
        held_out = [torch.from_numpy(fold) for fold in folds]
        first = model.extract(values[:1])
        limit = max_gallery_pictures(first)
        # All folds' pictures together; of each a random part where they are too many.
        kept = torch.cat([part[: -(-limit // len(folds))] for part in fold_rows]).unique()
        if limit >= len(values):
            kept = torch.cat(fold_rows).unique()
        parts = [(kept[:, None] == part[None]).any(1).nonzero().flatten() for part in fold_rows]
        features = model.extract(values[kept.numpy()], keep=True)
        model.state = fit_gallery(features, parts)
        pooled = fit_whitening(features.pooled.expand(len(folds), -1, -1), parts)
        model.state |= {f"whole.{key}": value for key, value in pooled.items()}
        model.state["whole.pictures"] = features.pooled
        model.state["size"] = torch.tensor(model._measure_maps(values[:1])).float()
        model._train(values[kept.numpy()], features, parts)
        model._calibrate(values, held_out)
        return model

    def _train(self, values: Floats, features: PlaceFeatures, parts: Sequence[Tensor]) -> None:
        """Train the discriminators on the gallery's pictures and such with foreign parts."""
        count = min(len(values), MAX_MIXED_PICTURES)
        own = torch.linspace(0, len(values) - 1, count).long()
        mixed, share = self._mix_foreign_parts(values, own)
        real = find_residuals(features, self.state, torch.arange(len(values)))
        foreign = find_residuals(mixed, self.state, own)
        normal_places, foreign_places, units = [], [], []
        for k, part in enumerate(parts):
            of_fold = torch.isin(own, part)[:, None]
            normal = real[k][part][features.inside[part]]
            clean = foreign[k][of_fold & mixed.inside & (share == 0)]
            marked = foreign[k][of_fold & mixed.inside & (share >= MIN_FOREIGN_SHARE)]
            unit = normal.square().mean().sqrt().clamp(min=1e-6)
            units.append(unit)
            normal_places.append(torch.cat([normal, clean]) / unit)
            foreign_places.append((marked if len(marked) else 3 * normal) / unit)
        self.state["unit"] = torch.stack(units)
        self.discriminators = train_discriminators(
            normal_places, foreign_places, self.gan.config.steps
        )

    def _mix_foreign_parts(self, values: Floats, own: Tensor) -> tuple[PlaceFeatures, Tensor]:
        """Pictures with foreign parts, and the foreign share of each place, ``(n, P)``.

        Args:
            values: Encoded pictures.
            own: Which of them get foreign parts.
        """
        generator = torch.Generator().manual_seed(0)
        drawn = np.concatenate(list(sample_records(self.gan, 32, seed=0))).astype(np.float32)
        generated = self._scale(torch.from_numpy(drawn))
        pictures = self._scale(torch.from_numpy(values))
        mixed, foreign = [], []
        for part in own.split(32):
            x, mask = mix_into(pictures[part], pictures, generated, generator, SMALLEST_PART)
            mixed.append(x)
            foreign.append(mask.float())
        extents = torch.from_numpy(self.gan.views.encoded.extents(values))[own]
        features = self._extract_scaled(torch.cat(mixed), extents)
        masks = torch.cat(foreign)[:, None]
        size = self._map_size
        return features, interpolate(masks, size, mode="area").flatten(1)

    def _calibrate(self, values: Floats, held_out: Sequence[Tensor]) -> None:
        """Fit the scales of places, ring by ring, and of maps to held-out pictures."""
        raw: list[list[Tensor]] = [[], []]
        rings = []
        limit = max_gallery_pictures(self.extract(values[:1]))
        parts = [part[:: -(-len(part) // limit)] for part in held_out]
        for k, part in enumerate(parts):
            features = self.extract(values[part.numpy()], keep=True)
            distances, log_odds = self._raw_places(features)
            raw[0].append(distances[k].flatten())
            raw[1].append(log_odds[k].flatten())
            rings.append(features.rings.flatten())
        ring = torch.cat(rings)
        scales = torch.zeros(2, RINGS, 2)
        for kind, heights in enumerate(map(torch.cat, raw)):
            for at in range(RINGS):
                chosen = heights[ring == at]
                if len(chosen) < MIN_RING_PLACES:
                    chosen = heights[ring >= 0]
                ascending = chosen.sort().values
                middle, high = (
                    ascending[round(share * (len(ascending) - 1))] for share in (0.5, UNIT_QUANTILE)
                )
                scales[kind, at] = torch.stack([middle, (high - middle).clamp(min=1e-3)])
        self.state["ring"] = scales
        self.state["map"] = torch.tensor([0.0, 1.0])
        joint_places = []
        for k, part in enumerate(parts):
            features = self.extract(values[part.numpy()])
            joint = torch.stack(self._scale_places(self._raw_places(features), features.rings))
            joint_places.append(joint.mean(0)[k][features.inside])
        ascending = torch.cat(joint_places).sort().values
        middle, high = (ascending[round(q * (len(ascending) - 1))] for q in (0.5, UNIT_QUANTILE))
        self.state["map"] = torch.stack([middle, (high - middle).clamp(min=1e-3)])

    def _raw_places(self, features: PlaceFeatures) -> tuple[Tensor, Tensor]:
        """Logarithms of distances, and log odds, ``(K, n, P)`` each."""
        residuals = find_residuals(features, self.state) / self.state["unit"][:, None, None, None]
        distance = residuals.square().mean(-1).add(1e-6).log() / 2
        log_odds: Tensor = self.discriminators(residuals.abs().flatten(1, 2))[..., 0]
        return distance, log_odds.unflatten(1, residuals.shape[1:3])

    def _scale_places(self, raw: tuple[Tensor, Tensor], rings: Tensor) -> tuple[Tensor, Tensor]:
        """The same on the scale of normal pictures' places in the same ring."""
        middle, spread = self.state["ring"][:, rings.clamp(min=0)].unbind(-1)
        distance, log_odds = (
            (heights - middle[kind]) / spread[kind] for kind, heights in enumerate(raw)
        )
        return distance, log_odds

    def __call__(self, values: Tensor) -> PlaceScores:
        """Scores of encoded pictures, ``(n, D)``."""
        features = self.extract(values.cpu().numpy())
        raw = self._raw_places(features)
        distance, log_odds = self._scale_places(raw, features.rings)
        inside = features.inside
        weight = inside.float() / inside.sum(1, keepdim=True)
        mean = (raw[0] * weight).sum(-1).exp()
        foreign = []
        for at, within in enumerate(inside):
            heights = log_odds[:, at, within]
            count = max(1, math.ceil(TOP_SHARE * heights.shape[1]))
            foreign.append(heights.topk(count, 1).values.mean(1))
        whole = self._measure_whole(features.pooled)
        middle, unit = self.state["map"]
        joint = (torch.stack([distance, log_odds]).mean((0, 1)) - middle) / unit
        maps = torch.where(inside, joint, 0.0).unflatten(1, self._map_size)
        odds = torch.stack(foreign, 1).clamp(-MAX_LOG, MAX_LOG).exp()
        return PlaceScores(mean, odds, whole, maps)

    def _measure_whole(self, pooled: Tensor) -> Tensor:
        """How unusual pooled maps are, ``(n, S) -> (K, n)``.

        Geometric mean of their length and of the distance to the nearest known picture, both
        whitened: the one knows the whole of normal pictures, the other single groups among them.
        """
        whitening = {key: self.state[f"whole.{key}"] for key in ("mean", "map")}
        new, known = (
            whiten(each.expand(len(self.state["mean"]), -1, -1), whitening)
            for each in (pooled, self.state["whole.pictures"])
        )
        length = new.square().sum(-1).sqrt()
        distance = torch.stack(
            [
                torch.cdist(new[k], known[k][member > 0]).amin(1)
                for k, member in enumerate(self.state["member"])
            ]
        )
        return (length * distance).sqrt()

    def draw_maps(self, values: Tensor) -> NDArray[np.float32]:
        """Anomaly maps of encoded pictures, ``(n, D) -> (n, H, W)``; larger is more abnormal.

        0 is the median of normal pictures' places, and one in a hundred of these is above 1.
        Padding has 0.
        """
        _, height, width = self.gan.views.encoded.grid or (0, 0, 0)

        def draw(block: Tensor) -> NDArray[np.float32]:
            """Of one block, ``(n, D) -> (H, W, n)``."""
            maps = interpolate(self(block).maps[:, None], (height, width), mode="bilinear")[:, 0]
            extents = torch.from_numpy(self.gan.views.encoded.extents(block.cpu().numpy()))
            down, across = torch.arange(height), torch.arange(width)
            inside = (down[None] < extents[:, :1] * height + 0.5)[:, :, None]
            inside = inside & (across[None] < extents[:, 1:] * width + 0.5)[:, None, :]
            shown = torch.where(inside, maps, 0.0)
            return np.asarray(shown.permute(1, 2, 0).numpy().astype(np.float32))

        return np.concatenate(apply_in_blocks(self.gan, values, draw), -1).transpose(2, 0, 1)

    # --- features ---------------------------------------------------------------------------------

    def extract(self, values: Floats, *, keep: bool = False) -> PlaceFeatures:
        """Features of encoded pictures' places.

        Args:
            values: ``(n, D)``.
            keep: Whether to remember them until :meth:`forget`.
        """
        keys = [hashlib.sha256(np.ascontiguousarray(row).tobytes()).digest() for row in values]
        missing = [at for at, key in enumerate(keys) if key not in self.seen]
        new: dict[bytes, PlaceFeatures] = {}
        if missing:
            extents = torch.from_numpy(self.gan.views.encoded.extents(values[missing]))
            features = self._extract_scaled(self._scale(torch.from_numpy(values[missing])), extents)
            new = {keys[at]: features[i : i + 1] for i, at in enumerate(missing)}
        if keep:
            self.seen |= new
        return PlaceFeatures.join(
            [self.seen[key] if key in self.seen else new[key] for key in keys]
        )

    def forget(self) -> None:
        """Drop the features of training pictures."""
        self.seen.clear()

    def _scale(self, values: Tensor) -> Tensor:
        """Encoded pictures in full size and [-1, 1], ``(n, C, H, W)`` on the CPU."""
        return self.gan.views.scale_pictures(values.to(self.gan.views.loc.device)).cpu()

    def _extract_scaled(self, pictures: Tensor, extents: Tensor) -> PlaceFeatures:
        maps = self.backbone(pictures)
        return extract_places(maps, extents)

    @property
    def _map_size(self) -> tuple[int, int]:
        """Places along height and width."""
        height, width = self.state["size"].long().tolist()
        return height, width

    def _measure_maps(self, values: Floats) -> tuple[int, int]:
        """Places along height and width of pictures like these."""
        height, width = self.backbone(self._scale(torch.from_numpy(values)))[1].shape[2:]
        return height, width

    # --- as arrays --------------------------------------------------------------------------------

    def to_arrays(self) -> dict[str, FloatArray]:
        """The fitted state and the discriminators' weights, by name."""
        weights = self.discriminators.state_dict()
        return {
            **{key: value.float().cpu().numpy() for key, value in self.state.items()},
            **{f"discriminator.{key}": value.cpu().numpy() for key, value in weights.items()},
        }

    @classmethod
    def from_arrays(
        cls, backbone: Backbone, gan: GAN, arrays: Mapping[str, FloatArray]
    ) -> PatchModel:
        """Rebuild from :meth:`to_arrays`.

        Raises:
            KeyError: If arrays are missing.
            ValueError: If they don't belong together.
        """
        prefix = "discriminator."
        state = {k: torch.tensor(v) for k, v in arrays.items() if not k.startswith(prefix)}
        folds, channels = state["mean"].shape
        if folds != gan.views.members // gan.config.members:
            raise ValueError("places of other folds")
        pictures, places = state["rings"].shape
        if state["places"].shape != (pictures, places, channels) or places != int(
            state["size"].prod()
        ):
            raise ValueError("a gallery of other pictures")
        sample = state["sample"]
        if (sample < 0).any() or (sample >= pictures * places).any():
            raise ValueError("sampled places that aren't in the gallery")
        weights = {k: torch.tensor(v) for k, v in below(prefix, arrays).items()}
        return cls(backbone, gan, state, load_discriminators(weights, channels, folds))
