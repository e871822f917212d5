"""What is seen of pictures: three views of each place, compared with what is expected there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from anomgan.nets.hog import compute_gradients, safe_sqrt
from anomgan.scoring.localization.conditional_gaussian import State, whitened

FINEST = 64
"""Most places along each side; finer pictures are averaged."""

DIRECTIONS = 4
"""Directions of edges."""

SCALINGS = ("pixels", "residual", "edges")
"""What is compared; edges in places of two pixels a side."""


@dataclass(frozen=True)
class FeatureMaps:
    """What some folds see of pictures.

    Attributes:
        states: Of each view what its folds or members expect, stacked.
    """

    states: Mapping[str, State]

    def whites(self, x: Tensor, made: Tensor) -> dict[str, Tensor]:
        """How places differ from what is expected, ``(M or K, n, d, h, w)`` each, whitened."""
        found = {}
        for name, state in self.states.items():
            step = len(x) // len(state["mean"])  # folds or members
            found[name] = whitened(view_of(name, x[::step], made[::step]), state)
        return found

    def shown(self, x: Tensor, whites: Mapping[str, Tensor]) -> Tensor:
        """What the critic is shown: pixels, how these differ, and how much edges do.

        Args:
            x: Pictures as each fold sees them, ``(K, n, C, H, W)``.
            whites: What :meth:`whites` gives of pixels and edges.

        Returns:
            ``(K, n, 2 · C + 1, h, w)``.
        """
        pixels, edges = self.states["pixels"], self.states["edges"]
        middle = pixels["mean"].mean((1, 2, 3))
        plain = (view_of("pixels", x, x) - _tall(middle)) / _tall(pixels["noise"].sqrt())
        differs = whites["pixels"] / _tall(pixels["limit"])
        turned = (whites["edges"] / _tall(edges["limit"])).square().sum(2)
        heights = grown((turned + 0.025).log(), (plain.shape[3], plain.shape[4]))
        return torch.cat([plain, differs.sign() * differs.abs().sqrt(), heights[:, :, None]], 2)

    def __call__(self, pictures: Tensor) -> Tensor:
        """The same of one fold's, from pictures alone: ``(n, C, H, W) -> (n, 2 · C + 1, h, w)``."""
        x = pictures[None]
        few = FeatureMaps({name: self.states[name] for name in ("pixels", "edges")})
        return few.shown(x, few.whites(x, x))[0]


def view_of(name: str, x: Tensor, made: Tensor) -> Tensor:
    """One of :data:`SCALINGS` of pictures ``(M, n, C, H, W)``: ``(M, n, d, h, w)``."""
    if name == "edges":
        edges = safe_sqrt(compute_gradients(x.flatten(0, 1), DIRECTIONS))
        return _coarse(edges.unflatten(0, x.shape[:2]), 2)
    return _coarse(x - made if name == "residual" else x, 1)


def _tall(each: Tensor) -> Tensor:
    """A number for each fold, ``(K, …)``, beside its pictures."""
    return each.reshape(-1, 1, 1, 1, 1)


def _coarse(pictures: Tensor, times: int) -> Tensor:
    """Pictures averaged to places of so many pixels a side, ``(M, n, d, H, W)`` to ``h × w``.

    Larger ones if there are more than :data:`FINEST` along a side.
    """
    size = [min(FINEST, -(-side // times)) for side in pictures.shape[3:]]
    few = adaptive_avg_pool2d(pictures.flatten(0, 1), (size[0], size[1]))
    return few.reshape(*pictures.shape[:3], *size)


def grown(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps in the picture's size, ``(M, n, h, w) -> (M, n, *size)``."""
    flat = maps.flatten(0, 1)[:, None]
    return interpolate(flat, size, mode="bilinear").reshape(*maps.shape[:2], *size)
