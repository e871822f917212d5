"""How far each place of a picture is from what all that lies around it makes expected.

Pictures are taken as draws from a normal distribution of few directions and noise (Tipping &
Bishop, "Probabilistic principal component analysis", 1999).  A block around each place is left out
and predicted from the rest of the picture, and what is measured is how improbable the block's
middle is then (as kriging is cross-validated: Dubrule, "Cross validation of kriging in a unique
neighborhood", 1983).  Unlike a distance from the place's own mean this knows what else the picture
shows, and where a place may vary widely.

What is far from all expectation would mislead what is expected beside it, and give a defect a halo.
So its excess is taken off, and the rest is predicted again (an M-estimate: Huber, "Robust
statistics", 1981).
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

TINY = 1e-12
"""Keeps directions in which nothing varies finite."""

SOME = 200
"""Pictures that tell how long lengths are."""

EXCESS = 2.0
"""Length, in root mean squares of normal pictures', beyond which it is excess."""

ROUNDS = 3
"""How often excess is taken off."""

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
        left of a block to its middle's whitened residual; ``noise``, ``(1,)``, its variance; and
        ``limit``, ``(1,)``, the length beyond which residuals are excess.
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
    state = {"mean": mean, "directions": scaled, "kernel": torch.cat(kernels)}
    usual = whitened(pictures[None, :SOME], {key: value[None] for key, value in state.items()})
    length = usual.square().sum(2).mean()
    limit = EXCESS * length.sqrt().clamp(min=1e-6)
    return state | {"noise": noise[None], "limit": limit[None]}


def surprise(pictures: Tensor, state: State) -> Tensor:
    """Squared Mahalanobis lengths of places given all but their blocks.

    Args:
        pictures: Of each member, ``(M, n, C, h, w)``.
        state: What :func:`expectations` gives, members stacked.

    Returns:
        ``(M, n, h, w)``; larger is more abnormal, C on average if pictures are as assumed.
    """
    return whitened(pictures, state).square().sum(2)


def whitened(pictures: Tensor, state: State) -> Tensor:
    """What :func:`surprise` takes the lengths of, ``(M, n, C, h, w)`` to the same.

    Without a ``limit`` in the state nothing is excess.
    """
    members = [
        {key: value[member] for key, value in state.items()} for member in range(len(pictures))
    ]
    return torch.stack([_whitened(*own) for own in zip(pictures, members, strict=True)])


def _whitened(pictures: Tensor, state: State) -> Tensor:
    """Of one member."""
    flat, kernel = state["directions"].flatten(1), state["kernel"]
    channels = pictures.shape[1]
    block = round((kernel.shape[1] / channels) ** 0.5)

    def left(given: Tensor) -> Tensor:
        """Whitened residuals of the middles, ``(n, P, C)``."""
        rest = (given - given @ flat.mT @ flat).reshape(pictures.shape)
        return torch.einsum("pbn,pbc->npc", _blocks(rest, block).permute(1, 2, 0), kernel)

    centred = (pictures - state["mean"]).flatten(1)
    white = left(centred)
    if "limit" in state:
        # The middles' part of the kernel takes whitened residuals back to pixels.
        middle = torch.arange(channels, device=kernel.device) * block**2 + block**2 // 2
        back = kernel[:, middle] * state["noise"]
        for _ in range(ROUNDS):
            length = white.square().sum(-1, keepdim=True).sqrt()
            excess = white * (1 - state["limit"] / length.maximum(state["limit"]))
            taken = torch.einsum("npc,pdc->ndp", excess, back).flatten(1)
            white = left(centred - taken) + excess
    return white.mT.reshape(pictures.shape)


def _principal(centred: Tensor, few: int) -> tuple[Tensor, Tensor]:
    """The largest variances of ``(n, D)``, and their unit directions ``(k, D)``."""
    # By the smaller of the two products: of many more pixels than pictures, or the other way round.
    if few_rows := len(centred) <= centred.shape[1]:
        squares, vectors = torch.linalg.eigh(centred @ centred.mT)
    else:
        squares, vectors = torch.linalg.eigh(centred.mT @ centred)
    squares, vectors = squares[-few:].flip(0).clamp(min=0), vectors[:, -few:].flip(1).mT
    if few_rows:
        vectors = vectors @ centred / squares.sqrt().clamp(min=TINY)[:, None]
    return squares / max(1, len(centred) - 1), vectors


def _blocks(pictures: Tensor, block: int) -> Tensor:
    """The block around each place, 0 beyond the edge: ``(n, C, h, w) -> (n, h·w, C·block²)``."""
    return unfold(pictures, block, padding=block // 2).mT
