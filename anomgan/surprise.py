"""How far each place of a picture is from what all that lies around it makes expected.

Pictures are taken as draws from a normal distribution of few directions and noise (Tipping &
Bishop, "Probabilistic principal component analysis", 1999).  A block around each place is left out
and predicted from the rest of the picture, and what is measured is how improbable the block's
middle is then (as kriging is cross-validated: Dubrule, "Cross validation of kriging in a unique
neighborhood", 1983).  Unlike a distance from the place's own mean this knows what else the picture
shows, and where a place may vary widely.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import unfold

NOISE = 1.0
"""Variance of the noise, as a share of the mean variance of all numbers.  So much of it makes
predictions lean on many places, of which a defect spoils few."""

DIRECTIONS = 128
"""Most directions kept."""

ROOM = 2**21
"""Numbers that the directions may hold, and that are worked on for some places at once: 16 MB."""

State = dict[str, Tensor]


def expectations(pictures: Tensor, block: int) -> State:
    """Learn what is usual from pictures of one size, ``(n, C, h, w)``.

    Args:
        pictures: At least two.
        block: Height and width of what is left out around each place, odd.

    Returns:
        ``mean``, ``(C, h, w)``; ``directions``, ``(k, C, h, w)``, each scaled by how much of a
        picture's share in it is signal; ``kernel``, ``(h·w, C·block², C)``, which takes what is
        left of a block to its middle's whitened residual.
    """
    channels, height, width = pictures.shape[1:]
    mean = pictures.mean(0)
    centred = (pictures - mean).flatten(1)
    # Where nothing varies any scale will do.
    noise = (NOISE * centred.square().mean()).clamp(min=1e-12)
    few = max(1, min(DIRECTIONS, ROOM // centred.shape[1]))
    variance, directions = _principal(centred, few)
    scaled = directions * (variance / (variance + noise)).sqrt()[:, None]
    scaled = scaled.reshape(-1, channels, height, width)
    blocks = _blocks(scaled, block).permute(1, 2, 0)  # of each place: (P, C·block², k)
    size = blocks.shape[1]
    middle = torch.arange(channels, device=mean.device) * block**2 + block**2 // 2
    same, kernels = torch.eye(size).to(mean), []
    for part in blocks.split(max(1, ROOM // (size * max(size, len(scaled))))):
        # Covariance of the block given all else, in units of the noise; beyond the picture's edge
        # the directions are 0, so that what isn't there takes no part.
        given = torch.linalg.inv(same - part @ part.mT)[..., middle]
        root = torch.linalg.cholesky(given[:, middle].inverse())
        kernels.append(given @ root / noise.sqrt())
    return {"mean": mean, "directions": scaled, "kernel": torch.cat(kernels)}


def surprise(pictures: Tensor, state: State) -> Tensor:
    """Squared Mahalanobis lengths of places given all but their blocks.

    Args:
        pictures: Of each member, ``(M, n, C, h, w)``.
        state: What :func:`expectations` gives, members stacked.

    Returns:
        ``(M, n, h, w)``; larger is more abnormal, C on average if pictures are as assumed.
    """
    found = []
    for own, mean, directions, kernel in zip(
        pictures, state["mean"], state["directions"], state["kernel"], strict=True
    ):
        flat, centred = directions.flatten(1), (own - mean).flatten(1)
        left = (centred - centred @ flat.mT @ flat).reshape(own.shape)
        block = round((kernel.shape[1] / own.shape[1]) ** 0.5)
        white = torch.einsum("pbn,pbc->npc", _blocks(left, block).permute(1, 2, 0), kernel)
        found.append(white.square().sum(-1).reshape(len(own), *own.shape[2:]))
    return torch.stack(found)


def _principal(centred: Tensor, few: int) -> tuple[Tensor, Tensor]:
    """The largest variances of ``(n, D)``, and their unit directions ``(k, D)``."""
    _, lengths, directions = torch.linalg.svd(centred, full_matrices=False)
    return lengths[:few].square() / max(1, len(centred) - 1), directions[:few]


def _blocks(pictures: Tensor, block: int) -> Tensor:
    """The block around each place, 0 beyond the edge: ``(n, C, h, w) -> (n, h·w, C·block²)``."""
    return unfold(pictures, block, padding=block // 2).mT
