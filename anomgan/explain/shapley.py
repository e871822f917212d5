"""Shapley values: how much each of several causes adds to what they bring about together.

Exact for few players.  For more, they are means of what each adds when it joins, over random orders
of joining, each order together with its reverse (Mitchell et al., "Sampling permutations for
Shapley value estimation", 2022); orders come from a fixed seed, and sums stay exact.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

MOST = 128
"""About how many coalitions are tried at most."""


def coalitions(players: int) -> NDArray[np.bool_]:
    """Who takes part in the coalitions that :func:`shapley` wants to know about, ``(S, P)``."""
    if 2**players <= MOST:
        return np.array(list(itertools.product([False, True], repeat=players)), dtype=bool)
    place = np.argsort(_orders(players), axis=1)
    joined = np.arange(players + 1)[:, None] > place[:, None]
    return np.asarray(joined.reshape(-1, players))


def shapley(worth: NDArray[np.float64], players: int) -> NDArray[np.float64]:
    """Shapley values of P players, ``(P,)``; they add up to what all are worth more than nobody.

    Args:
        worth: What each of the :func:`coalitions` is worth, ``(S,)``.
        players: How many players there are.

    Example:
        >>> who = coalitions(3)
        >>> shapley(6.0 * who[:, 0] * who[:, 1] + who[:, 2], 3).round(9).tolist()
        [3.0, 3.0, 1.0]
    """
    found = np.zeros(players)
    if 2**players > MOST:
        orders = _orders(players)
        gains = np.diff(worth.reshape(len(orders), players + 1), axis=1)
        for order, gain in zip(orders, gains, strict=True):
            found[order] += gain / len(orders)
        return found
    who = coalitions(players)
    sizes = who.sum(1)
    for player in range(players):
        joined = np.flatnonzero(who[:, player])
        without = joined - 2 ** (players - 1 - player)  # rows count in binary
        weight = [1 / (players * math.comb(players - 1, size)) for size in sizes[without]]
        found[player] = np.dot(weight, worth[joined] - worth[without])
    return found


def _orders(players: int) -> NDArray[np.intp]:
    """In which orders players join, ``(pairs · 2, P)``."""
    rng = np.random.default_rng(0)
    some = [rng.permutation(players) for _ in range(max(1, MOST // (2 * players)))]
    return np.stack([*some, *(order[::-1] for order in some)])
