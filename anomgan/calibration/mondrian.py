"""Mondrian conformal calibration: each condition separately, where it has enough rows.

Pooled p-values are valid on average over conditions only: one machine may be flagged all the time
and another never.  P-values from the rows of the same condition are valid for each (Vovk,
Gammerman and Shafer, "Algorithmic learning in a random world", 2005: Mondrian predictors).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anomgan.calibration.conformal import ConformalCalibrator
from anomgan.utils.types import Floats

MIN_CALIBRATION_ROWS = 100
"""Calibration rows below which a condition uses the pooled calibrator: its own p-values would be
coarse, and the share of normal rows flagged far from alpha by chance."""

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class MondrianCalibrator:
    """Calibrators of single conditions, and a pooled one for all others.

    Attributes:
        pooled: From the rows of all conditions.
        keys: The conditions that have a calibrator of their own, as encoded, ``(G, K)``.
        calibrators: Their calibrators, G of them.
    """

    pooled: ConformalCalibrator
    keys: Floats
    calibrators: Sequence[ConformalCalibrator]

    @classmethod
    def fit(
        cls, pooled: ConformalCalibrator, groups: Sequence[tuple[Floats, Floats]]
    ) -> MondrianCalibrator:
        """Calibrate each condition that has at least :data:`MIN_CALIBRATION_ROWS` rows.

        Args:
            pooled: From the rows of all conditions.
            groups: Encoded conditions of calibration rows, ``(n, K)``, and their scores, ``(n,)``.
        """
        keys, calibrators = [], []
        for conditions, scores in groups:
            unique, group = np.unique(conditions, axis=0, return_inverse=True)
            for number, key in enumerate(unique):
                group_scores = scores[group.ravel() == number]
                if len(group_scores) >= MIN_CALIBRATION_ROWS:
                    keys.append(key)
                    calibrators.append(ConformalCalibrator.fit(group_scores))
        width = groups[0][0].shape[1]
        return cls(pooled, np.array(keys).reshape(-1, width), calibrators)

    def groups(self, conditions: Floats) -> Indices:
        """Numbers of the calibrators of encoded conditions, ``(n, K) -> (n,)``; −1 is pooled."""
        unique, group = np.unique(conditions, axis=0, return_inverse=True)
        numbers = np.array([self._numbers.get(tuple(key), -1) for key in unique], dtype=np.int64)
        return np.asarray(numbers[group.ravel()]) if len(conditions) else np.zeros(0, np.int64)

    def p_values(self, scores: Floats, conditions: Floats) -> Floats:
        """As :meth:`ConformalCalibrator.p_values`, each row among those of its own condition."""
        p_values, groups = np.empty(len(scores)), self.groups(conditions)
        for number in np.unique(groups):
            rows = groups == number
            calibrator = self.pooled if number < 0 else self.calibrators[number]
            p_values[rows] = calibrator.p_values(scores[rows])
        return p_values

    def thresholds(self, alpha: float, conditions: Floats) -> Floats:
        """As :meth:`ConformalCalibrator.threshold`, for each row, ``(n,)``; may be infinite."""
        groups = self.groups(conditions)
        thresholds = [each.threshold(alpha) for each in (self.pooled, *self.calibrators)]
        return np.array(thresholds)[groups + 1]

    @cached_property
    def _numbers(self) -> dict[tuple[float, ...], int]:
        return {tuple(key): number for number, key in enumerate(self.keys)}

    def to_arrays(self) -> dict[str, Floats]:
        """All but the pooled calibrator, by name."""
        return {
            "keys": self.keys,
            "rows": np.array([len(each.scores) for each in self.calibrators], dtype=np.float64),
            "scores": np.concatenate([each.scores for each in self.calibrators] or [np.zeros(0)]),
        }

    @classmethod
    def from_arrays(
        cls, pooled: ConformalCalibrator, arrays: Mapping[str, NDArray[Any]], width: int
    ) -> MondrianCalibrator:
        """Rebuild from :meth:`to_arrays`.

        Raises:
            KeyError: If something is missing.
            ValueError: If the parts don't belong together.
        """
        keys, scores = (arrays[key].astype(np.float64) for key in ("keys", "scores"))
        rows = arrays["rows"].astype(np.int64)
        if keys.shape != (len(rows), width) or (rows < 1).any() or rows.sum() != len(scores):
            raise ValueError("calibration of other conditions")
        parts = np.split(scores, np.cumsum(rows)[:-1]) if len(rows) else []
        if any((np.diff(part) < 0).any() for part in parts):
            raise ValueError("calibration scores aren't sorted")
        return cls(pooled, keys, [ConformalCalibrator(part) for part in parts])
