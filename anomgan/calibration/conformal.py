"""From raw components to one score, and from scores to p-values and decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, binomtest, false_discovery_control

Floats = NDArray[np.float64]
Folds = Sequence[NDArray[np.int64]]

TINY = 1e-9
"""Added to distances before the logarithm, so that an exact reproduction stays finite."""

NARROWEST = 0.1
"""Smallest spread of a component's logarithms.  Where most rows equal remembered ones there is none
at all, and the first new row would have a score of thousands."""


def split(rows: int, folds: int, held_out: int, rng: np.random.Generator) -> Folds:
    """Choose the rows that calibrate: one part held out, or every row once in cross-fitting.

    Args:
        rows: Number of training rows.
        folds: 1 holds ``held_out`` rows out of the fit; more make each row calibrate the members
            that were fitted without its fold.
        held_out: Size of the part held out when there is one fold.
        rng: Source of randomness.

    Returns:
        Sorted row indices of each fold.
    """
    order = rng.permutation(rows)
    parts = [order[:held_out]] if folds == 1 else np.array_split(order, folds)
    return [np.sort(part).astype(np.int64) for part in parts]


@dataclass(frozen=True)
class Scaler:
    """Brings the logarithms of components to one scale, so that they can be added up.

    Logarithms turn the ratio of two distances into a difference; median and interquartile range of
    held-out rows then make components comparable, whatever their units.

    Attributes:
        centre: Medians of held-out logarithms, ``(J,)`` for J components.
        spread: Their interquartile ranges, ``(J,)``, at least :data:`NARROWEST`.
    """

    centre: Floats
    spread: Floats

    @classmethod
    def fit(cls, components: Floats, folds: Folds) -> Scaler:
        """Learn from components of all training rows.

        Args:
            components: ``(J, K, n)``, by the members of each of K folds.
            folds: The rows that each fold's members weren't fitted on.  All folds share one scale,
                since a single one may be a handful of rows.
        """
        logs = np.log(components + TINY)
        held = np.concatenate([logs[:, k, own] for k, own in enumerate(folds)], -1)
        low, middle, high = np.quantile(held, [0.25, 0.5, 0.75], axis=-1)
        return cls(middle, np.maximum(high - low, NARROWEST))

    def __call__(self, components: Floats) -> Floats:
        """Scaled components, ``(J, K, n) -> (J, K, n)``; 0 is the median of normal rows."""
        logs = np.log(components + TINY)
        return np.asarray((logs - self.centre[:, None, None]) / self.spread[:, None, None])


@dataclass(frozen=True)
class Calibrator:
    """Conformal p-values and thresholds from the scores of held-out normal rows.

    Attributes:
        scores: Scores of n held-out rows, ascending; larger is more abnormal.
    """

    scores: Floats

    @classmethod
    def fit(cls, scores: Floats) -> Calibrator:
        """Remember held-out scores."""
        return cls(np.sort(scores))

    def p_values(self, scores: Floats) -> Floats:
        """Share of held-out rows at least as abnormal, (1 + #) / (n + 1), in (0, 1].

        If new rows are drawn like the held-out ones, P(p ≤ α) ≤ α (Bates et al., 2023).
        """
        n = len(self.scores)
        return np.asarray((1 + n - np.searchsorted(self.scores, scores, side="left")) / (n + 1))

    def threshold(self, alpha: float) -> float:
        """The score above which p ≤ alpha; infinite if n is too small to ever reach alpha."""
        n = len(self.scores)
        # The tolerance undoes rounding in the product: 0.05 · 20 must count as 1.
        most = int(np.floor(alpha * (n + 1) + 1e-9)) - 1
        return float(self.scores[n - 1 - most]) if most >= 0 else float("inf")

    def flagged_share(self, alpha: float, level: float = 0.95) -> tuple[float, float]:
        """Where the share of fresh normal rows that are flagged lies, with this confidence.

        The share above the k-th largest of n calibration scores is a beta variable with parameters
        k and n + 1 − k, whatever the scores' distribution.
        """
        k = int(np.floor(alpha * (len(self.scores) + 1) + 1e-9))
        if not k:
            return 0.0, 0.0
        low, high = beta.interval(level, k, len(self.scores) + 1 - k)
        return float(low), float(high)

    def smallest_alpha(self) -> float:
        """The smallest p-value that the held-out rows can give."""
        return 1 / (len(self.scores) + 1)

    def to_json(self) -> dict[str, Any]:
        """Plain facts for people; the scores themselves are stored as an array."""
        return {"rows": len(self.scores), "smallest_p_value": self.smallest_alpha()}


def flag(p_values: Floats, *, alpha: float = 0.05, fdr: float | None = None) -> NDArray[np.bool_]:
    """Decide which rows are anomalies.

    Args:
        p_values: Of all rows that are decided on together, ``(n,)``.
        alpha: Flag rows with p ≤ alpha: the share of normal rows flagged wrongly.
        fdr: If given, flag by Benjamini–Hochberg instead, so that at most this share of the
            flagged rows is expected to be normal.
    """
    if fdr is None:
        return np.asarray(p_values <= alpha + 1e-12)
    return np.asarray(false_discovery_control(p_values) <= fdr + 1e-12)


def share_interval(hits: int, rows: int, level: float = 0.95) -> tuple[float, float]:
    """Where a share lies of which ``hits`` of ``rows`` were seen (Clopper and Pearson, 1934)."""
    found = binomtest(hits, rows).proportion_ci(level, method="exact")
    return float(found.low), float(found.high)


def fdr_cut(p_values: Floats, counts: NDArray[np.int64], fdr: float) -> float:
    """The largest p-value that :func:`flag` flags at ``fdr``, 0 if none is.

    What Benjamini–Hochberg decides depends on how often each p-value comes, and there are only as
    many as calibration rows; so rows needn't be in one place.

    Args:
        p_values: Distinct p-values, ascending, ``(k,)``.
        counts: How many rows have each, ``(k,)``.
        fdr: As of :func:`flag`.
    """
    ranks = np.cumsum(counts)
    adjusted = np.minimum.accumulate((p_values * (ranks[-1] / ranks))[::-1])[::-1]
    flagged = p_values[adjusted <= fdr + 1e-12]
    return float(flagged[-1]) if len(flagged) else 0.0
