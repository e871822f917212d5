"""Does a generator give its training rows away?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, fisher_exact
from sklearn.metrics import pairwise_distances_argmin_min

from anomgan.utils.types import Floats

MOST = 1000
"""Most generated and reference rows that are compared with others."""

SURE = 0.001
"""Chance of a warning where there is nothing to warn of, at most, for each of the tests."""

NEAR = 0.5
"""How much nearer than held-out rows generated ones may lie to training rows, as a ratio of
medians."""

SAME = 1e-9
"""Distance below which two rows are the same."""


@dataclass(frozen=True)
class Pair:
    """A measure and its baseline.

    Attributes:
        generated: Of generated rows.
        real: The same of real rows that the generator never saw.
    """

    generated: float
    real: float


@dataclass(frozen=True)
class Privacy:
    """How near generated rows come to the rows that were learnt from.

    Attributes:
        distance: Median distance to the closest training row, in the units of the encoded columns.
        low: Its 5% quantile.
        copies: Share of rows that are equal to a training row in all columns.  With few columns or
            few levels real rows repeat, too.
        nearer: Share of rows whose closest row among as many training as reference rows is a
            training row; one half if nothing was memorised.  For the real rows the reference is
            split: unless near one half, it isn't drawn as the training rows were.
        copying: Whether more rows are copies than chance allows.
        leaning: Whether more rows are nearer to training rows than chance allows.
    """

    distance: Pair
    low: Pair
    copies: Pair
    nearer: Pair
    copying: bool
    leaning: bool

    @property
    def close(self) -> bool:
        """Whether generated rows lie far nearer to training rows than held-out rows do."""
        return self.distance.generated < NEAR * self.distance.real

    def warnings(self) -> Iterator[str]:
        """What to warn of, a sentence each without full stop; none if all is well."""
        if self.copying:
            yield (
                f"privacy: {self.copies.generated:.1%} of the generated rows are copies of "
                f"training rows, of real rows {self.copies.real:.1%} are; don't share them"
            )
        if self.close:
            yield (
                f"privacy: generated rows lie {self.distance.generated:.3g} from the closest "
                f"training row, real ones {self.distance.real:.3g} (medians): the generator "
                f"memorises; don't share them"
            )
        if self.leaning:
            yield (
                f"privacy: {self.nearer.generated:.0%} of the generated rows are nearer to a "
                f"training row than to an unseen one (real rows: {self.nearer.real:.0%}): the "
                f"generator memorises in part, or the reference isn't drawn as the training rows"
            )


def privacy(made: Floats, held: Floats, known: Floats, rng: np.random.Generator) -> Privacy:
    """Compare distances to training rows: of generated rows, and of rows never learnt from.

    The distance to the closest record, and the share of records that are closer to training than to
    held-out ones, as in Platzer & Reutterer, "Holdout-based empirical assessment of mixed-type
    synthetic data", 2021.  They find copies; that they find none proves nothing about what else can
    be inferred (Ganev & De Cristofaro, "On the inadequacy of similarity-based privacy metrics",
    2023).

    Args:
        made: Generated rows as places in some space, ``(n, D)``.
        held: Rows that the generator never saw, ``(m, D)``.
        known: Its training rows, ``(t, D)``.
        rng: Source of randomness for samples of long tables.
    """
    made, held = _some(made, MOST, rng), _some(held, MOST, rng)
    own, base = nearest(made, known), nearest(held, known)
    same = int((own <= SAME).sum()), int((base <= SAME).sum())
    table = [[same[0], len(own) - same[0]], [same[1], len(base) - same[1]]]
    # Both kinds of rows are compared with as many training as unseen ones.
    half = min(len(held) // 2, len(known))
    order = rng.permutation(len(held))
    unseen, others = held[order[:half]], held[order[half:]]
    seen = _some(known, half, rng)
    wins, real = (_wins(rows, seen, unseen) for rows in (made, others))
    # Neighbours repeat, so that rows aren't independent: as many count as there are neighbours.
    trials = min(len(made), half)
    chance = float(binom.sf(round(wins * trials) - 1, trials, max(0.5, real)))
    return Privacy(
        Pair(float(np.median(own)), float(np.median(base))),
        Pair(float(np.quantile(own, 0.05)), float(np.quantile(base, 0.05))),
        Pair(same[0] / len(own), same[1] / len(base)),
        Pair(wins, real),
        copying=float(fisher_exact(table, alternative="greater").pvalue) < SURE,
        leaning=chance < SURE,
    )


def nearest(rows: Floats, others: Floats) -> Floats:
    """Distance of each row to the closest other one, ``(n, D), (m, D) -> (n,)``."""
    at, distance = pairwise_distances_argmin_min(rows, others)
    # Distances come from products, whose rounding hides that two rows are the same.
    exact = np.sqrt(np.square(rows - others[at]).sum(1))
    return np.asarray(np.minimum(distance, exact))


def _wins(rows: Floats, seen: Floats, unseen: Floats) -> float:
    """Share of rows nearer to one of the first than to one of the second; ties count half."""
    a, b = nearest(rows, seen), nearest(rows, unseen)
    return float(np.mean(np.where(np.abs(a - b) <= SAME, 0.5, a < b)))


def _some(rows: Floats, most: int, rng: np.random.Generator) -> Floats:
    """A random sample of rows, all of them if they are few."""
    return rows if len(rows) <= most else rows[rng.permutation(len(rows))[:most]]
