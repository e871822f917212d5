"""Feature maps of pictures: pixels, reconstruction residuals and edges, whitened place by place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from anomgan.nets.hog import compute_gradients, safe_sqrt
from anomgan.scoring.localization.conditional_gaussian import GaussianState, whiten_places

MAX_SIDE = 64
"""Upper bound on the places along each side; finer pictures are averaged."""

EDGE_DIRECTIONS = 4
"""Directions of the gradients in the edge maps."""

FEATURES = ("pixels", "residual", "edges")
"""Names of the feature maps; edges have places of two pixels a side."""


@dataclass(frozen=True)
class FeatureMaps:
    """Computes the whitened feature maps of some folds' members.

    Attributes:
        states: Name of a feature -> its fitted Gaussians, folds or members stacked.
    """

    states: Mapping[str, GaussianState]

    def whiten(self, x: Tensor, generated: Tensor) -> dict[str, Tensor]:
        """Whitened residuals of each feature, ``(M or K, n, d, h, w)`` each.

        Args:
            x: Pictures as scaled for each member, ``(M, n, C, H, W)``.
            generated: The nearest generated pictures, likewise.
        """
        result = {}
        for name, state in self.states.items():
            step = len(x) // len(state["mean"])  # folds or members
            features = extract_features(name, x[::step], generated[::step])
            result[name] = whiten_places(features, state)
        return result

    def discriminator_input(self, x: Tensor, white: Mapping[str, Tensor]) -> Tensor:
        """Input of the patch discriminator: pixels, their residuals, and the length of edges'.

        Args:
            x: Pictures as scaled for each fold, ``(K, n, C, H, W)``.
            white: What :meth:`whiten` returns for pixels and edges.

        Returns:
            ``(K, n, 2 · C + 1, h, w)``.
        """
        pixels, edges = self.states["pixels"], self.states["edges"]
        middle = pixels["mean"].mean((1, 2, 3))
        plain = extract_features("pixels", x, x)
        plain = (plain - _per_fold(middle)) / _per_fold(pixels["noise"].sqrt())
        residual = white["pixels"] / _per_fold(pixels["limit"])
        edge_square = (white["edges"] / _per_fold(edges["limit"])).square().sum(2)
        edge_log = resize_maps((edge_square + 0.025).log(), (plain.shape[3], plain.shape[4]))
        return torch.cat([plain, residual.sign() * residual.abs().sqrt(), edge_log[:, :, None]], 2)

    def __call__(self, pictures: Tensor) -> Tensor:
        """The discriminator's input for one fold, ``(n, C, H, W) -> (n, 2 · C + 1, h, w)``."""
        x = pictures[None]
        maps = FeatureMaps({name: self.states[name] for name in ("pixels", "edges")})
        return maps.discriminator_input(x, maps.whiten(x, x))[0]


def extract_features(name: str, x: Tensor, generated: Tensor) -> Tensor:
    """One of :data:`FEATURES` of pictures, ``(M, n, C, H, W) -> (M, n, d, h, w)``."""
    if name == "edges":
        edges = safe_sqrt(compute_gradients(x.flatten(0, 1), EDGE_DIRECTIONS))
        return _average(edges.unflatten(0, x.shape[:2]), 2)
    return _average(x - generated if name == "residual" else x, 1)


def resize_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Interpolate maps to the picture's size, ``(M, n, h, w) -> (M, n, *size)``."""
    flat = maps.flatten(0, 1)[:, None]
    return interpolate(flat, size, mode="bilinear").reshape(*maps.shape[:2], *size)


def _per_fold(numbers: Tensor) -> Tensor:
    """Shape a number for each fold, ``(K, …)``, to broadcast over its pictures."""
    return numbers.reshape(-1, 1, 1, 1, 1)


def _average(pictures: Tensor, pixels: int) -> Tensor:
    """Average pictures to places of so many pixels a side, ``(M, n, d, H, W)`` to ``h × w``.

    Places are larger where there would be more than :data:`MAX_SIDE` along a side.
    """
    size = [min(MAX_SIDE, -(-side // pixels)) for side in pictures.shape[3:]]
    small = adaptive_avg_pool2d(pictures.flatten(0, 1), (size[0], size[1]))
    return small.reshape(*pictures.shape[:3], *size)
