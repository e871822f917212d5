"""Conformal calibration for each condition apart, where there are rows enough.

Pooled p-values are valid for the mean of all conditions only: one machine may be flagged all the
time and another never.  P-values from the rows of the same condition are valid for each (Vovk,
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
"""Calibration rows below which a condition is judged by all of them pooled: its own p-values would
be coarse, and the share flagged by chance far from what was asked for."""

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class MondrianCalibrator:
    """Calibrators of single conditions, and a pooled one for all others.

    Attributes:
        pooled: From the rows of all conditions.
        keys: The conditions that have a calibrator of their own, as encoded, ``(G, K)``.
        own: Their calibrators, G of them.
    """

    pooled: ConformalCalibrator
    keys: Floats
    own: Sequence[ConformalCalibrator]

    @classmethod
    def fit(
        cls, pooled: ConformalCalibrator, groups: Sequence[tuple[Floats, Floats]]
    ) -> MondrianCalibrator:
        """Calibrate each condition that has rows enough.

        Args:
            pooled: From the rows of all conditions.
            groups: Encoded conditions of calibration rows, ``(n, K)``, and their scores, ``(n,)``.
        """
        keys, own = [], []
        for conditions, scores in groups:
            found, group = np.unique(conditions, axis=0, return_inverse=True)
            for number, key in enumerate(found):
                members = scores[group.ravel() == number]
                if len(members) >= MIN_CALIBRATION_ROWS:
                    keys.append(key)
                    own.append(ConformalCalibrator.fit(members))
        width = groups[0][0].shape[1]
        return cls(pooled, np.array(keys).reshape(-1, width), own)

    def groups(self, conditions: Floats) -> Indices:
        """Numbers of the calibrators of encoded conditions, ``(n, K) -> (n,)``; −1 is pooled."""
        found, group = np.unique(conditions, axis=0, return_inverse=True)
        numbers = np.array([self._number.get(_plain(key), -1) for key in found], dtype=np.int64)
        return np.asarray(numbers[group.ravel()]) if len(conditions) else np.zeros(0, np.int64)

    def p_values(self, scores: Floats, conditions: Floats) -> Floats:
        """As :meth:`ConformalCalibrator.p_values`, each row among those of its own condition."""
        found, groups = np.empty(len(scores)), self.groups(conditions)
        for number in np.unique(groups):
            rows = groups == number
            found[rows] = self._calibrator(number).p_values(scores[rows])
        return found

    def thresholds(self, alpha: float, conditions: Floats) -> Floats:
        """As :meth:`ConformalCalibrator.threshold`, for each row, ``(n,)``; may be infinite."""
        groups = self.groups(conditions)
        known = [self._calibrator(number).threshold(alpha) for number in range(-1, len(self.own))]
        return np.array(known)[groups + 1]

    def _calibrator(self, number: int) -> ConformalCalibrator:
        return self.own[number] if number >= 0 else self.pooled

    @cached_property
    def _number(self) -> dict[tuple[float, ...], int]:
        return {_plain(key): number for number, key in enumerate(self.keys)}

    def state(self) -> dict[str, Floats]:
        """All but the pooled calibrator, by name."""
        return {
            "keys": self.keys,
            "rows": np.array([len(each.scores) for each in self.own], dtype=np.float64),
            "scores": np.concatenate([each.scores for each in self.own] or [np.zeros(0)]),
        }

    @classmethod
    def from_state(
        cls, pooled: ConformalCalibrator, state: Mapping[str, NDArray[Any]], width: int
    ) -> MondrianCalibrator:
        """Rebuild from :meth:`state`.

        Raises:
            KeyError: If something is missing.
            ValueError: If the parts don't belong together.
        """
        keys, scores = (state[key].astype(np.float64) for key in ("keys", "scores"))
        rows = state["rows"].astype(np.int64)
        if keys.shape != (len(rows), width) or (rows < 1).any() or rows.sum() != len(scores):
            raise ValueError("calibration of other conditions")
        parts = np.split(scores, np.cumsum(rows)[:-1]) if len(rows) else []
        if any((np.diff(part) < 0).any() for part in parts):
            raise ValueError("calibration scores aren't sorted")
        return cls(pooled, keys, [ConformalCalibrator(part) for part in parts])


def _plain(key: Floats) -> tuple[float, ...]:
    return tuple(key.tolist())
