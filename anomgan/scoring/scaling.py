"""Bring the components of a score to one scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomgan.utils.types import Floats, Folds

DISTANCE_OFFSET = 1e-9
"""Added to distances before the logarithm, so that an exact reproduction stays finite."""

MIN_SPREAD = 0.1
"""Lower bound on the spread of a component's logarithms.  Where most rows equal remembered ones
there is none at all, and the first new row would have a score of thousands."""


@dataclass(frozen=True)
class ComponentScaler:
    """Logarithms of components, centred and scaled robustly.

    Attributes:
        centre: Median logarithm of each component on held-out normal rows, ``(J,)``.
        spread: Interquartile range likewise, ``(J,)``.
    """

    centre: Floats
    spread: Floats

    @classmethod
    def fit(cls, components: Floats, folds: Folds) -> ComponentScaler:
        """Learn centre and spread.

        Args:
            components: ``(J, K, n)``, by the members of each of K folds.
            folds: The rows that each fold's members weren't fitted on.  All folds share one scale,
                since a single one may be a handful of rows.
        """
        logs = np.log(components + DISTANCE_OFFSET)
        unseen = np.concatenate([logs[:, k, rows] for k, rows in enumerate(folds)], -1)
        low, middle, high = np.quantile(unseen, [0.25, 0.5, 0.75], axis=-1)
        return cls(middle, np.maximum(high - low, MIN_SPREAD))

    def transform(self, components: Floats) -> Floats:
        """Scaled components, ``(J, K, n) -> (J, K, n)``; 0 is the median of normal rows."""
        logs = np.log(components + DISTANCE_OFFSET)
        return np.asarray((logs - self.centre[:, None, None]) / self.spread[:, None, None])
