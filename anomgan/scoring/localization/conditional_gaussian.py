"""Whitened residuals of each place of a picture, given everything around it.

Pictures are modelled as draws from a normal distribution of few directions plus noise (Tipping &
Bishop, "Probabilistic principal component analysis", 1999).  A block around each place is left out
and predicted from the rest of the picture, and the residual of the block's middle is divided by its
conditional standard deviation (as kriging is cross-validated: Dubrule, "Cross validation of kriging
in a unique neighborhood", 1983).  Unlike a distance from the place's own mean, this takes into
account the rest of the picture and how much a place varies.

A defect would distort the predictions beside it and get a halo.  So the excess of large residuals
is subtracted and the rest predicted again (an M-estimate: Huber, "Robust statistics", 1981).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import unfold

NOISE_SHARE = 1.0
"""Variance of the noise, as a share of the mean variance of all values.  With this much of it,
predictions depend on many places, of which a defect spoils few."""

MAX_DIRECTIONS = 128
"""Upper bound on the principal directions kept."""

MIN_SQUARE = 1e-12
"""Lower bound on variances and squared singular values, for pictures in which nothing varies."""

LIMIT_PICTURES = 200
"""Upper bound on the pictures from which the limit of residuals is estimated."""

EXCESS_LENGTH = 2.0
"""Residuals longer than this many root mean squares of normal pictures' have an excess."""

EXCESS_ROUNDS = 3
"""How often the excess is subtracted."""

CHUNK_VALUES = 2**21
"""Upper bound on the values of all directions, and of the places processed at once: 16 MB."""

GaussianState = dict[str, Tensor]


def fit_gaussian(pictures: Tensor, block: int) -> GaussianState:
    """Fit the distribution of normal pictures, ``(n, C, h, w)``.

    Args:
        pictures: At least two.
        block: Height and width of the block left out around each place, odd.

    Returns:
        ``mean``, ``(C, h, w)``; ``directions``, ``(k, C, h, w)``, each scaled by the root of its
        signal's share of the variance; ``kernel``, ``(h·w, C·block², C)``, which maps the
        unexplained part of a block to its middle's whitened residual; ``noise``, ``(1,)``, its
        variance; and ``limit``, ``(1,)``, the length above which residuals have an excess.
    """
    channels, height, width = pictures.shape[1:]
    mean = pictures.mean(0)
    centred = (pictures - mean).flatten(1)
    noise = (NOISE_SHARE * centred.square().mean()).clamp(min=MIN_SQUARE)
    count = max(1, min(MAX_DIRECTIONS, CHUNK_VALUES // centred.shape[1]))
    variance, directions = _principal_directions(centred, count)
    scaled = directions * (variance / (variance + noise)).sqrt()[:, None]
    scaled = scaled.reshape(-1, channels, height, width)
    blocks = _extract_blocks(scaled, block).permute(1, 2, 0)  # of each place: (P, C·block², k)
    size = blocks.shape[1]
    middle = _middle_entries(channels, block, mean)
    identity, kernels = torch.eye(size).to(mean), []
    for chunk in blocks.split(max(1, CHUNK_VALUES // (size * max(size, len(scaled))))):
        # Covariance of the block given all else, in units of the noise.  Beyond the picture's edge
        # the directions are 0, so that padding has no influence.
        conditional = torch.linalg.inv(identity - chunk @ chunk.mT)[..., middle]
        root = torch.linalg.cholesky(conditional[:, middle].inverse())
        kernels.append(conditional @ root / noise.sqrt())
    state = {"mean": mean, "directions": scaled, "kernel": torch.cat(kernels)}
    sample = pictures[None, :LIMIT_PICTURES]
    residuals = whiten_places(sample, {key: value[None] for key, value in state.items()})
    mean_square = residuals.square().sum(2).mean()
    limit = EXCESS_LENGTH * mean_square.sqrt().clamp(min=1e-6)
    return state | {"noise": noise[None], "limit": limit[None]}


def whiten_places(pictures: Tensor, state: GaussianState) -> Tensor:
    """Whitened residuals of places given all but their blocks, ``(M, n, C, h, w)`` to the same.

    Their squared length is a squared Mahalanobis distance: larger is more abnormal, C on average
    for pictures that are distributed as the model assumes.

    Args:
        pictures: Those of each member, ``(M, n, C, h, w)``.
        state: What :func:`fit_gaussian` returns, members stacked.  Without ``limit`` no excess is
            subtracted.
    """
    members = [
        {key: value[member] for key, value in state.items()} for member in range(len(pictures))
    ]
    return torch.stack([_whiten_member(*each) for each in zip(pictures, members, strict=True)])


def _whiten_member(pictures: Tensor, state: GaussianState) -> Tensor:
    """Whitened residuals of one member's pictures, ``(n, C, h, w)`` to the same."""
    flat, kernel = state["directions"].flatten(1), state["kernel"]
    channels = pictures.shape[1]
    block = round((kernel.shape[1] / channels) ** 0.5)

    def predict_residuals(centred: Tensor) -> Tensor:
        """Whitened residuals of the middles, ``(n, P, C)``."""
        rest = (centred - centred @ flat.mT @ flat).reshape(pictures.shape)
        blocks = _extract_blocks(rest, block).permute(1, 2, 0)
        return torch.einsum("pbn,pbc->npc", blocks, kernel)

    centred = (pictures - state["mean"]).flatten(1)
    white = predict_residuals(centred)
    if "limit" in state:
        # The middles' part of the kernel maps whitened residuals back to pixels.
        back = kernel[:, _middle_entries(channels, block, kernel)] * state["noise"]
        for _ in range(EXCESS_ROUNDS):
            length = white.square().sum(-1, keepdim=True).sqrt()
            excess = white * (1 - state["limit"] / length.maximum(state["limit"]))
            subtracted = torch.einsum("npc,pdc->ndp", excess, back).flatten(1)
            white = predict_residuals(centred - subtracted) + excess
    return white.mT.reshape(pictures.shape)


def _principal_directions(centred: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The largest variances of ``(n, D)``, and their unit directions ``(k, D)``."""
    # By the smaller of the two products: there may be many more pixels than pictures, or fewer.
    if few_rows := len(centred) <= centred.shape[1]:
        squares, vectors = torch.linalg.eigh(centred @ centred.mT)
    else:
        squares, vectors = torch.linalg.eigh(centred.mT @ centred)
    squares, vectors = squares[-count:].flip(0).clamp(min=0), vectors[:, -count:].flip(1).mT
    if few_rows:
        vectors = vectors @ centred / squares.sqrt().clamp(min=MIN_SQUARE)[:, None]
    return squares / max(1, len(centred) - 1), vectors


def _extract_blocks(pictures: Tensor, block: int) -> Tensor:
    """The block around each place, 0 beyond the edge: ``(n, C, h, w) -> (n, h·w, C·block²)``."""
    return unfold(pictures, block, padding=block // 2).mT


def _middle_entries(channels: int, block: int, like: Tensor) -> Tensor:
    """Indices of a block's middle among its C·block² entries, ``(C,)``."""
    return torch.arange(channels, device=like.device) * block**2 + block**2 // 2
