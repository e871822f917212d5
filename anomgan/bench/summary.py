"""Rows of results as tables: a figure for each set and detector, means and ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from anomgan.bench.result_row import Row


@dataclass(frozen=True)
class Summary:
    """What the rows say.

    Attributes:
        auroc: Sets × detectors, means over the seeds; NaN where a detector failed with all.
        ap: Average precision likewise.
        seconds: Of each detector, to fit and to score, over all sets and seeds.
        failures: Rows without figures.
        seeds: How many seeds.
    """

    auroc: pd.DataFrame
    ap: pd.DataFrame
    seconds: pd.Series[float]
    failures: list[Row]
    seeds: int

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Summary:
        """Sum up at least one row; sets and detectors stay in the order of the rows."""
        table = pd.DataFrame(rows)
        sets, detectors = (list(dict.fromkeys(table[key])) for key in ("dataset", "detector"))

        def means(figure: str) -> pd.DataFrame:
            wide = table.pivot_table(
                index="dataset", columns="detector", values=figure, aggfunc="mean", dropna=False
            )
            return wide.reindex(index=sets, columns=detectors)

        spent = (table["fit_s"] + table["score_s"]).groupby(table["detector"]).sum(min_count=1)
        failures = [row for row in rows if row.error]
        return cls(means("auroc"), means("ap"), spent[detectors], failures, table["seed"].nunique())

    @property
    def sets_run(self) -> pd.Series[int]:
        """On how many sets each detector ran."""
        return self.auroc.notna().sum()

    @property
    def common(self) -> list[str]:
        """The sets on which all detectors ran."""
        return list(self.auroc.dropna().index)

    def ranks(self, figure: pd.DataFrame) -> pd.Series[float]:
        """Mean rank of each detector over the common sets, 1 for the best; ties share."""
        return figure.loc[self.common].rank(axis=1, ascending=False).mean()


def critical_difference(detectors: int, sets: int, alpha: float = 0.05) -> float:
    """Nemenyi's: mean ranks that differ by less may do so by chance (Demšar, 2006).

    >>> round(critical_difference(4, 14), 2)  # his example
    1.25
    """
    from scipy.stats import studentized_range

    q = studentized_range.ppf(1 - alpha, detectors, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(detectors * (detectors + 1) / (6 * sets)))
