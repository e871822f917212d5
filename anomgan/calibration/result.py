"""Scores of a table's rows with everything that belongs to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomgan.data.encoders.encoder import Records
from anomgan.data.parse_report import ParseReport
from anomgan.utils.types import Bools, Floats


@dataclass(frozen=True)
class ScoreResult:
    """Scores of n rows, with p-values, thresholds and what was odd about their cells.

    Attributes:
        score: float64 (n,), larger is more abnormal; NaN for a record that couldn't be read.
        p_value: Conformal p-values (n,) in (0, 1], smaller is more abnormal; NaN likewise.
        report: What was odd about the cells.
        limit: The score above which each row is flagged (n,): that of its condition, where the
            model calibrates conditions separately; NaN likewise.
        probability: Probabilities of being abnormal (n,), if the model was calibrated with labelled
            rows; NaN likewise.
        values: The encoded records that could be read.
    """

    score: Floats
    p_value: Floats
    report: ParseReport
    limit: Floats
    probability: Floats | None
    values: Records

    @property
    def flagged(self) -> Bools:
        """Whether each row lies above its limit."""
        return np.asarray(self.score > self.limit)
