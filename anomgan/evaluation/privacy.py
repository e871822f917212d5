"""Measure whether generated rows reveal training rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, fisher_exact
from sklearn.metrics import pairwise_distances_argmin_min

from anomgan.utils.types import Floats

MAX_COMPARED_ROWS = 1000
"""Generated and reference rows that are compared; of longer tables a random sample is."""

SIGNIFICANCE = 0.001
"""Chance of a false warning, for each of the tests."""

MAX_DISTANCE_RATIO = 0.5
"""Ratio of median distances to training rows, of generated to held-out rows, below which the
generator is said to memorise."""

COPY_DISTANCE = 1e-9
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
    """Distances of generated rows to training rows.

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
        return self.distance.generated < MAX_DISTANCE_RATIO * self.distance.real

    def warnings(self) -> Iterator[str]:
        """One sentence for each warning, without full stop."""
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


def privacy(
    generated: Floats, held_out: Floats, training: Floats, rng: np.random.Generator
) -> Privacy:
    """Compare distances to training rows, of generated rows and of held-out ones.

    The distance to the closest record, and the share of records that are closer to training than to
    held-out ones, as in Platzer & Reutterer, "Holdout-based empirical assessment of mixed-type
    synthetic data", 2021.  They find copies; that they find none proves nothing about what else can
    be inferred (Ganev & De Cristofaro, "On the inadequacy of similarity-based privacy metrics",
    2023).

    Args:
        generated: Generated rows as points, ``(n, D)``.
        held_out: Real rows that the generator was not trained on, ``(m, D)``.
        training: Its training rows, ``(t, D)``.
        rng: Source of randomness for samples of long tables.
    """
    generated = _subsample(generated, MAX_COMPARED_ROWS, rng)
    held_out = _subsample(held_out, MAX_COMPARED_ROWS, rng)
    distance, baseline = (nearest_distance(rows, training) for rows in (generated, held_out))
    copies, copies_real = (int((each <= COPY_DISTANCE).sum()) for each in (distance, baseline))
    table = [[copies, len(distance) - copies], [copies_real, len(baseline) - copies_real]]
    # Both kinds of rows are compared with as many training as unseen ones.
    half = min(len(held_out) // 2, len(training))
    order = rng.permutation(len(held_out))
    unseen, others = held_out[order[:half]], held_out[order[half:]]
    seen = _subsample(training, half, rng)
    nearer, nearer_real = (_share_nearer(rows, seen, unseen) for rows in (generated, others))
    # Neighbours repeat, so rows aren't independent: count as many trials as there are neighbours.
    trials = min(len(generated), half)
    chance = float(binom.sf(round(nearer * trials) - 1, trials, max(0.5, nearer_real)))
    return Privacy(
        Pair(float(np.median(distance)), float(np.median(baseline))),
        Pair(float(np.quantile(distance, 0.05)), float(np.quantile(baseline, 0.05))),
        Pair(copies / len(distance), copies_real / len(baseline)),
        Pair(nearer, nearer_real),
        copying=float(fisher_exact(table, alternative="greater").pvalue) < SIGNIFICANCE,
        leaning=chance < SIGNIFICANCE,
    )


def nearest_distance(rows: Floats, others: Floats) -> Floats:
    """Distance of each row to the closest other one, ``(n, D), (m, D) -> (n,)``."""
    index, distance = pairwise_distances_argmin_min(rows, others)
    # Distances are computed from products, whose rounding hides that two rows are equal.
    exact = np.sqrt(np.square(rows - others[index]).sum(1))
    return np.asarray(np.minimum(distance, exact))


def _share_nearer(rows: Floats, seen: Floats, unseen: Floats) -> float:
    """Share of rows nearer to one of the first than to one of the second; ties count half."""
    a, b = nearest_distance(rows, seen), nearest_distance(rows, unseen)
    return float(np.mean(np.where(np.abs(a - b) <= COPY_DISTANCE, 0.5, a < b)))


def _subsample(rows: Floats, size: int, rng: np.random.Generator) -> Floats:
    """A random sample of rows, all of them if they are few."""
    return rows if len(rows) <= size else rows[rng.permutation(len(rows))[:size]]
