"""Features of a picture's places from a backbone's maps, and which of them are padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

NEIGHBOURHOOD = 3
"""Places along each side over which features are averaged (Roth et al., "PatchCore", 2022)."""

RINGS = 4
"""Rings of places told apart by their distance from the picture's edge; the last is the inside."""


@dataclass(frozen=True)
class PlaceFeatures:
    """Features of n pictures' places.

    Attributes:
        places: Of each place, ``(n, h·w, C)``.
        fine: Of each place of the finest map, not averaged, ``(n, C, H, W)`` in float16.
        fine_rings: As `rings`, of these, ``(n, H·W)``.
        pooled: Means of the coarser maps, for the picture as a whole, ``(n, S)``.
        descriptors: Means and deviations over places, by which like pictures are found, ``(n, F)``.
        rings: How far each place is from the picture's edge, 0 to ``RINGS − 1``; −1 is padding,
            ``(n, h·w)``.
    """

    places: Tensor
    pooled: Tensor
    descriptors: Tensor
    rings: Tensor
    fine: Tensor
    fine_rings: Tensor

    @property
    def inside(self) -> Tensor:
        """Which places aren't padding, ``(n, h·w)``."""
        return self.rings >= 0

    def __getitem__(self, rows: Tensor | slice) -> PlaceFeatures:
        """Those of some of the pictures."""
        return PlaceFeatures(*(getattr(self, each.name)[rows] for each in fields(self)))

    @classmethod
    def join(cls, parts: Sequence[PlaceFeatures]) -> PlaceFeatures:
        """Those of several runs of pictures together."""
        return cls(*(torch.cat([getattr(p, each.name) for p in parts]) for each in fields(cls)))


def extract_places(maps: Sequence[Tensor], extents: Tensor) -> PlaceFeatures:
    """Features of places from a backbone's maps.

    Args:
        maps: Three maps of n pictures, finest first, ``(n, C, h, w)``.  Places are those of the
            second; the first is averaged to them, the third only counts for the picture as a whole.
        extents: Height and width of the part that isn't padding, as shares, ``(n, 2)``.
    """
    fine, middle, coarse = maps
    size = (middle.shape[2], middle.shape[3])
    joined = torch.cat([interpolate(fine, size, mode="area"), middle], 1)
    smooth = avg_pool2d(joined, NEIGHBOURHOOD, 1, NEIGHBOURHOOD // 2, count_include_pad=False)
    rings = measure_rings(extents, *size)
    places, inside = smooth.flatten(2).mT, (rings >= 0).flatten(1)
    mean, deviation = _mean_and_deviation(middle.flatten(2).mT, inside)
    fine_size = (fine.shape[2], fine.shape[3])
    enlarged = interpolate(middle, fine_size, mode="bilinear")
    deep_size = (coarse.shape[2], coarse.shape[3])
    deep_inside = (measure_rings(extents, *deep_size) >= 0).flatten(1)
    deep, _ = _mean_and_deviation(coarse.flatten(2).mT, deep_inside)
    return PlaceFeatures(
        places.contiguous(),
        torch.cat([mean, deep], 1),
        torch.cat([mean, deviation], 1),
        rings.flatten(1),
        torch.cat([fine, enlarged], 1).half(),
        measure_rings(extents, *fine_size).flatten(1),
    )


def measure_rings(extents: Tensor, height: int, width: int) -> Tensor:
    """Distance of places from the picture's edge, ``(n, h, w)``, as :class:`PlaceFeatures` has it.

    Args:
        extents: As of :func:`extract_places`.
        height: Places along the padded picture's height.
        width: Likewise.
    """
    rows, columns = (
        (extents[:, axis] * side - 1e-3).ceil().clamp(1, side).long()[:, None]
        for axis, side in enumerate((height, width))
    )
    down, across = torch.arange(height)[None], torch.arange(width)[None]
    vertical = torch.minimum(down, rows - 1 - down)
    horizontal = torch.minimum(across, columns - 1 - across)
    nearest = torch.minimum(vertical[:, :, None], horizontal[:, None, :])
    return nearest.clamp(-1, RINGS - 1)


def _mean_and_deviation(places: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    """Over the places inside, ``(n, P, C) -> (n, C)`` each."""
    weight = (inside.float() / inside.sum(1, keepdim=True))[..., None]
    mean = (places * weight).sum(1)
    square = ((places - mean[:, None]).square() * weight).sum(1)
    return mean, square.sqrt()
