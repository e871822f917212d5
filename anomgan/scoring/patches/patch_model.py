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
from anomgan.scoring.localization.patch_discriminator import FINE_PARTS, mix_into
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

MIN_FOREIGN_SHARE = 0.1
"""Share of a place from which on it counts as foreign."""

TOP_SHARE = 0.1
"""Share of a picture's places, the most foreign, whose mean is its score by the discriminators."""

MAX_LOG = 50.0
"""Bound on a place's scaled log odds, so that their exponential stays finite."""

UNIT_QUANTILE = 0.99
"""Share of normal pictures' places at which a map is below 1."""

MAX_FINE_PLACES = 100_000
"""Upper bound on the places of a kind that the fine discriminators of a fold learn from."""

FINE_AT_ONCE = 16
"""Pictures whose finest places pass through the discriminators at once."""

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
            ``ring``, the median and spread of distances, log odds and fine log odds in each ring,
            ``(3, RINGS, 2)``; ``size``, places along the sides of either grain.
        discriminators: One for each fold, of residuals.
        fine: One for each fold, of features at the finest map's grain; for maps.
        seen: Features of training pictures by the hash of their pixels, while fitting lasts.
    """

    backbone: Backbone
    gan: GAN
    state: State
    discriminators: MLP
    fine: MLP
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
        untrained = build_discriminators(1, len(folds))
        model = cls(backbone, gan, {}, untrained, untrained)
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
        sizes = [*model._measure_maps(values[:1]), *features.fine.shape[2:]]
        model.state["size"] = torch.tensor(sizes).float()
        model._train(values[kept.numpy()], features, parts)
        model._calibrate(values, held_out)
        return model

    def _train(self, values: Floats, features: PlaceFeatures, parts: Sequence[Tensor]) -> None:
        """Train the discriminators on the gallery's pictures and such with foreign parts."""
        count = min(len(values), MAX_MIXED_PICTURES)
        own = torch.linspace(0, len(values) - 1, count).long()
        mixed, masks = self._mix_foreign_parts(values, own)
        share = interpolate(masks, self._map_size, mode="area").flatten(1)
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
        steps = self.gan.config.steps
        self.discriminators = train_discriminators(normal_places, foreign_places, steps)
        self._train_fine(features, mixed, own, masks, parts)

    def _train_fine(
        self,
        features: PlaceFeatures,
        mixed: PlaceFeatures,
        own: Tensor,
        masks: Tensor,
        parts: Sequence[Tensor],
    ) -> None:
        """Train the discriminators at the finest grain.

        Args:
            features: Those of the gallery's pictures.
            mixed: Those of pictures with foreign parts.
            own: The pictures that these were made of.
            masks: Where the foreign parts are, ``(n, 1, H, W)``.
            parts: The pictures of each fold.
        """
        size = (features.fine.shape[2], features.fine.shape[3])
        share = interpolate(masks, size, mode="area").flatten(1)
        generator = torch.Generator().manual_seed(1)
        normal_places, foreign_places, means, scales = [], [], [], []
        for part in parts:
            of_fold = torch.isin(own, part)[:, None] & (mixed.fine_rings >= 0)
            inside = torch.zeros_like(features.fine_rings, dtype=torch.bool)
            inside[part] = features.fine_rings[part] >= 0
            normal = _pick_places(features.fine, inside, generator)
            clean = _pick_places(mixed.fine, of_fold & (share == 0), generator)
            marked = _pick_places(mixed.fine, of_fold & (share >= MIN_FOREIGN_SHARE), generator)
            mean, scale = normal.mean(0), normal.std(0).clamp(min=1e-4)
            means.append(mean)
            scales.append(scale)
            normal_places.append((torch.cat([normal, clean]) - mean) / scale)
            foreign_places.append(((marked if len(marked) else 3 * normal) - mean) / scale)
        self.state |= {"fine.mean": torch.stack(means), "fine.scale": torch.stack(scales)}
        self.fine = train_discriminators(
            normal_places, foreign_places, self.gan.config.steps, signed=True
        )

    def _mix_foreign_parts(self, values: Floats, own: Tensor) -> tuple[PlaceFeatures, Tensor]:
        """Pictures with foreign parts, and where these are, ``(n, 1, H, W)``.

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
            x, mask = mix_into(pictures[part], pictures, generated, generator, FINE_PARTS)
            mixed.append(x)
            foreign.append(mask.float())
        extents = torch.from_numpy(self.gan.views.encoded.extents(values))[own]
        return self._extract_scaled(torch.cat(mixed), extents), torch.cat(foreign)[:, None]

    def _calibrate(self, values: Floats, held_out: Sequence[Tensor]) -> None:
        """Fit the scales of places, ring by ring, and of maps to held-out pictures."""
        limit = max_gallery_pictures(self.extract(values[:1]))
        parts = [part[:: -(-len(part) // limit)] for part in held_out]
        raw: list[list[Tensor]] = [[], [], []]
        rings: list[list[Tensor]] = [[], [], []]
        for k, part in enumerate(parts):
            features = self.extract(values[part.numpy()], keep=True)
            of_kinds = features.rings, features.rings, features.fine_rings
            for kind, heights in enumerate(self._raw_places(features)):
                raw[kind].append(heights[k].flatten())
                rings[kind].append(of_kinds[kind].flatten())
        scales = torch.zeros(3, RINGS, 2)
        for kind in range(3):
            heights, ring = torch.cat(raw[kind]), torch.cat(rings[kind])
            for at in range(RINGS):
                chosen = heights[ring == at]
                if len(chosen) < MIN_RING_PLACES:
                    chosen = heights[ring >= 0]
                scales[kind, at] = _find_unit(chosen)
        self.state["ring"] = scales
        joint = []
        for k, part in enumerate(parts):
            features = self.extract(values[part.numpy()])
            distance, _, fine = self._scale_places(self._raw_places(features), features)
            maps = self._join_maps(distance, fine)
            joint.append(maps[k].flatten(1)[features.fine_rings >= 0])
        self.state["map"] = _find_unit(torch.cat(joint))

    def _raw_places(self, features: PlaceFeatures) -> tuple[Tensor, Tensor, Tensor]:
        """Logarithms of distances, log odds, and those of the finest grain, ``(K, n, P)`` each."""
        residuals = find_residuals(features, self.state) / self.state["unit"][:, None, None, None]
        distance = residuals.square().mean(-1).add(1e-6).log() / 2
        log_odds: Tensor = self.discriminators(residuals.abs().flatten(1, 2))[..., 0]
        fine = []
        mean, scale = self.state["fine.mean"][:, None], self.state["fine.scale"][:, None]
        for part in features.fine.flatten(2).mT.split(FINE_AT_ONCE):
            shown = (part.float().flatten(0, 1) - mean) / scale
            fine.append(self.fine(shown)[..., 0].unflatten(1, part.shape[:2]))
        return distance, log_odds.unflatten(1, residuals.shape[1:3]), torch.cat(fine, 1)

    def _scale_places(
        self, raw: tuple[Tensor, Tensor, Tensor], features: PlaceFeatures
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same on the scale of normal pictures' places in the same ring."""
        of_kinds = features.rings, features.rings, features.fine_rings
        scaled = []
        for kind, (heights, rings) in enumerate(zip(raw, of_kinds, strict=True)):
            middle, spread = self.state["ring"][kind, rings.clamp(min=0)].unbind(-1)
            scaled.append((heights - middle) / spread)
        distance, log_odds, fine = scaled
        return distance, log_odds, fine

    def _join_maps(self, distance: Tensor, fine: Tensor) -> Tensor:
        """One map of each fold at the finest grain, ``(K, n, H, W)``: log odds and distances."""
        size = self._fine_size
        coarse = distance.flatten(0, 1).unflatten(1, self._map_size)[:, None]
        large = interpolate(coarse, size, mode="bilinear")[:, 0].unflatten(0, distance.shape[:2])
        joined: Tensor = (large + fine.unflatten(2, size)) / 2
        return joined

    def __call__(self, values: Tensor) -> PlaceScores:
        """Scores of encoded pictures, ``(n, D)``."""
        features = self.extract(values.cpu().numpy())
        raw = self._raw_places(features)
        distance, log_odds, fine = self._scale_places(raw, features)
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
        joint = (self._join_maps(distance, fine).mean(0) - middle) / unit
        shown = (features.fine_rings >= 0).unflatten(1, self._fine_size)
        maps = torch.where(shown, joint, 0.0)
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
        height, width = self.state["size"][:2].long().tolist()
        return height, width

    @property
    def _fine_size(self) -> tuple[int, int]:
        """Places along height and width of the finest map."""
        height, width = self.state["size"][2:].long().tolist()
        return height, width

    def _measure_maps(self, values: Floats) -> tuple[int, int]:
        """Places along height and width of pictures like these."""
        height, width = self.backbone(self._scale(torch.from_numpy(values)))[1].shape[2:]
        return height, width

    # --- as arrays --------------------------------------------------------------------------------

    def to_arrays(self) -> dict[str, FloatArray]:
        """The fitted state and the discriminators' weights, by name."""
        networks = {"discriminator": self.discriminators, "fine_discriminator": self.fine}
        return {
            **{key: value.float().cpu().numpy() for key, value in self.state.items()},
            **{
                f"{name}.{key}": value.cpu().numpy()
                for name, network in networks.items()
                for key, value in network.state_dict().items()
            },
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
        prefixes = "discriminator.", "fine_discriminator."
        state = {k: torch.tensor(v) for k, v in arrays.items() if not k.startswith(prefixes)}
        folds, channels = state["mean"].shape
        if folds != gan.views.members // gan.config.members:
            raise ValueError("places of other folds")
        pictures, places = state["rings"].shape
        if state["places"].shape != (pictures, places, channels) or places != int(
            state["size"][:2].prod()
        ):
            raise ValueError("a gallery of other pictures")
        sample = state["sample"]
        if (sample < 0).any() or (sample >= pictures * places).any():
            raise ValueError("sampled places that aren't in the gallery")
        coarse, fine = (
            load_discriminators(
                {k: torch.tensor(v) for k, v in below(prefix, arrays).items()}, channels, folds
            )
            for prefix in prefixes
        )
        return cls(backbone, gan, state, coarse, fine)


def _find_unit(heights: Tensor) -> Tensor:
    """The median of normal places' heights, and how far above it `UNIT_QUANTILE` is, ``(2,)``."""
    ascending = heights.sort().values
    middle, high = (ascending[round(q * (len(ascending) - 1))] for q in (0.5, UNIT_QUANTILE))
    return torch.stack([middle, (high - middle).clamp(min=1e-3)])


def _pick_places(fine: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """A sample of the chosen places' features, ``(m, C)`` float32.

    Args:
        fine: Features, ``(n, C, H, W)``.
        chosen: Which places, ``(n, H·W)``.
        generator: Source of randomness.
    """
    picture, place = chosen.nonzero(as_tuple=True)
    order = torch.randperm(len(picture), generator=generator)[:MAX_FINE_PLACES]
    picked: Tensor = fine.flatten(2)[picture[order], :, place[order]].float()
    return picked
