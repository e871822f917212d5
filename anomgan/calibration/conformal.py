"""Conformal p-values, thresholds and decisions from the scores of held-out normal rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from anomgan.utils.types import Floats

NEVER_FLAGGED = 1e6
"""The threshold where alpha is too small for the calibration rows: scores are means of logarithms
in units of at least 1e-3, so none is as large, and differences from it keep all their decimals."""


@dataclass(frozen=True)
class ConformalCalibrator:
    """Conformal p-values and thresholds from the scores of held-out normal rows.

    Attributes:
        scores: Scores of n held-out rows, ascending; larger is more abnormal.
    """

    scores: Floats

    @classmethod
    def fit(cls, scores: Floats) -> ConformalCalibrator:
        """Sort held-out scores."""
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
        above = int(np.floor(alpha * (n + 1) + 1e-9)) - 1
        return float(self.scores[n - 1 - above]) if above >= 0 else float("inf")

    def flag_rate_interval(self, alpha: float, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the share of new normal rows that are flagged at alpha.

        The share above the k-th largest of n calibration scores is a beta variable with parameters
        k and n + 1 − k, whatever the scores' distribution.
        """
        k = int(np.floor(alpha * (len(self.scores) + 1) + 1e-9))
        if not k:
            return 0.0, 0.0
        low, high = betaincinv(k, len(self.scores) + 1 - k, _tails(level))
        return float(low), float(high)

    def smallest_alpha(self) -> float:
        """The smallest p-value that the held-out rows can give."""
        return 1 / (len(self.scores) + 1)

    def to_json(self) -> dict[str, Any]:
        """A summary; the scores themselves are stored as an array."""
        return {"rows": len(self.scores), "smallest_p_value": self.smallest_alpha()}


def flag_rows(
    p_values: Floats, *, alpha: float = 0.05, fdr: float | None = None
) -> NDArray[np.bool_]:
    """Decide which rows are anomalies.

    Args:
        p_values: Those of all rows that are decided on together, ``(n,)``.
        alpha: Flag rows with p ≤ alpha: the share of normal rows flagged wrongly.
        fdr: If given, flag by Benjamini–Hochberg instead, so that at most this share of the
            flagged rows is expected to be normal.
    """
    if fdr is None:
        return np.asarray(p_values <= alpha + 1e-12)
    from scipy.stats import false_discovery_control  # late: it takes half a second

    return np.asarray(false_discovery_control(p_values) <= fdr + 1e-12)


def binomial_interval(hits: int, rows: int, level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a share, from ``hits`` of ``rows`` (Clopper and Pearson, 1934)."""
    low, high = _tails(level)
    return (
        float(betaincinv(hits, rows - hits + 1, low)) if hits else 0.0,
        float(betaincinv(hits + 1, rows - hits, high)) if hits < rows else 1.0,
    )


def _tails(level: float) -> tuple[float, float]:
    return (1 - level) / 2, (1 + level) / 2


def fdr_threshold(p_values: Floats, counts: NDArray[np.int64], fdr: float) -> float:
    """The largest p-value that :func:`flag_rows` flags at ``fdr``, 0 if none is.

    Benjamini–Hochberg depends on how often each p-value occurs only, and there are no more distinct
    ones than calibration rows, so rows that are spread over machines needn't be collected.

    Args:
        p_values: Distinct p-values, ascending, ``(k,)``.
        counts: How many rows have each, ``(k,)``.
        fdr: As of :func:`flag_rows`.
    """
    ranks = np.cumsum(counts)
    adjusted = np.minimum.accumulate((p_values * (ranks[-1] / ranks))[::-1])[::-1]
    flagged = p_values[adjusted <= fdr + 1e-12]
    return float(flagged[-1]) if len(flagged) else 0.0
