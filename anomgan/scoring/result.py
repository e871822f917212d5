"""The result of scoring a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomgan.data.encoders.base import Records
from anomgan.data.parse_report import ParseReport
from anomgan.utils.types import Floats


@dataclass(frozen=True)
class ScoreResult:
    """Scores of n rows, and what was odd about their cells.

    Attributes:
        score: float64 (n,), larger is more abnormal; NaN for a record that couldn't be read.
        p_value: Conformal p-values (n,) in (0, 1], smaller is more abnormal; NaN likewise.
        report: What was odd about the cells.
        limit: The model's own threshold for each row (n,): that of its condition, where the model
            calibrated conditions apart; NaN likewise.
        probability: Of being abnormal (n,), if labelled rows calibrated it; NaN likewise.
        values: The encoded records that could be read.
    """

    score: Floats
    p_value: Floats
    report: ParseReport
    limit: Floats
    probability: Floats | None
    values: Records

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Whether each row lies above its limit."""
        return np.asarray(self.score > self.limit)
