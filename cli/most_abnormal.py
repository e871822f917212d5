"""Keep the most abnormal rows of a table that is read chunk by chunk."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from anomgan.calibration.result import ScoreResult

RESULTS = ["score", "p_value"]


class MostAbnormal:
    """The rows with the largest scores so far, the largest first; of equal ones the earlier.

    Attributes:
        frame: These rows, as they were read, indexed by their numbers.
        results: Their scores and p-values, likewise.
    """

    def __init__(self, count: int) -> None:
        """Keep as many as ``count`` rows."""
        self.count = count
        self.frame, self.results = pd.DataFrame(), pd.DataFrame(columns=RESULTS, dtype=float)

    def keep(self, rows: Collection[int]) -> None:
        """Keep only those with these numbers."""
        kept = self.frame.index.isin(list(rows))
        self.frame, self.results = self.frame[kept], self.results[kept]

    def add(self, chunk: pd.DataFrame, scored: ScoreResult) -> None:
        """Look at further rows; those that couldn't be read have no score and aren't kept."""
        columns = np.stack([scored.score, scored.p_value], axis=1)
        results = pd.DataFrame(columns, chunk.index, RESULTS).dropna()
        best = results.sort_values("score", ascending=False, kind="stable").head(self.count)
        chunk = chunk.loc[best.index]
        if len(self.frame):
            best, chunk = pd.concat([self.results, best]), pd.concat([self.frame, chunk])
        best = best.sort_values("score", ascending=False, kind="stable").head(self.count)
        self.frame, self.results = chunk.loc[best.index], best
