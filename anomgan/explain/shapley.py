"""Shapley values: how much each player contributes to the worth of all together.

Exact for few players.  For more, they are means of what each adds when it joins, over random orders
of joining, each order together with its reverse (Mitchell et al., "Sampling permutations for
Shapley value estimation", 2022); orders come from a fixed seed, and sums stay exact.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

MAX_COALITIONS = 128
"""Upper bound, nearly, on the coalitions whose worth is needed."""


def list_coalitions(players: int) -> NDArray[np.bool_]:
    """Members of the coalitions whose worth :func:`shapley_values` needs, ``(S, P)`` bool."""
    if 2**players <= MAX_COALITIONS:
        return np.array(list(itertools.product([False, True], repeat=players)), dtype=bool)
    turn = np.argsort(_draw_orders(players), axis=1)
    joined = np.arange(players + 1)[:, None] > turn[:, None]
    return np.asarray(joined.reshape(-1, players))


def shapley_values(worth: NDArray[np.float64], players: int) -> NDArray[np.float64]:
    """Shapley values of P players, ``(P,)``; their sum is the worth of all less that of nobody.

    Args:
        worth: Worth of each of the :func:`list_coalitions`, ``(S,)``.
        players: Number of players, P.

    Example:
        >>> who = list_coalitions(3)
        >>> shapley_values(6.0 * who[:, 0] * who[:, 1] + who[:, 2], 3).round(9).tolist()
        [3.0, 3.0, 1.0]
    """
    values = np.zeros(players)
    if 2**players > MAX_COALITIONS:
        orders = _draw_orders(players)
        gains = np.diff(worth.reshape(len(orders), players + 1), axis=1)
        for order, gain in zip(orders, gains, strict=True):
            values[order] += gain / len(orders)
        return values
    coalitions = list_coalitions(players)
    sizes = coalitions.sum(1)
    for player in range(players):
        joined = np.flatnonzero(coalitions[:, player])
        without = joined - 2 ** (players - 1 - player)  # rows count in binary
        weight = [1 / (players * math.comb(players - 1, size)) for size in sizes[without]]
        values[player] = np.dot(weight, worth[joined] - worth[without])
    return values


def _draw_orders(players: int) -> NDArray[np.intp]:
    """Orders in which players join, ``(pairs · 2, P)``."""
    rng = np.random.default_rng(0)
    orders = [rng.permutation(players) for _ in range(max(1, MAX_COALITIONS // (2 * players)))]
    return np.stack([*orders, *(order[::-1] for order in orders)])
