"""Summarise results: a figure for each set and detector, means, ranks, what training adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from anomgan.bench.result_row import ResultRow


@dataclass(frozen=True)
class Summary:
    """Tables of a benchmark's results.

    Attributes:
        figures: Figure -> sets × detectors, means over the seeds; NaN where a detector failed with
            all.  The first figure is the main one.
        labels: Figure -> its name.
        seconds: Time of each detector to fit and score, summed over all sets and seeds.
        failures: Results of failed detectors.
        seeds: Number of seeds.
        gains: What training adds, from :func:`compute_training_gains`.
    """

    figures: Mapping[str, pd.DataFrame]
    labels: Mapping[str, str]
    seconds: pd.Series[float]
    failures: list[ResultRow]
    seeds: int
    gains: pd.DataFrame

    @classmethod
    def from_rows(
        cls, rows: Sequence[ResultRow], controls: Mapping[str, str] | None = None
    ) -> Summary:
        """Summarise at least one result; sets and detectors keep their order.

        Args:
            rows: Results, of one type.
            controls: Name of a trained detector -> name of its untrained control.
        """
        table = pd.DataFrame(rows)
        sets, detectors = (list(dict.fromkeys(table[key])) for key in ("dataset", "detector"))

        def means(figure: str) -> pd.DataFrame:
            wide = table.pivot_table(
                index="dataset", columns="detector", values=figure, aggfunc="mean", dropna=False
            )
            return wide.reindex(index=sets, columns=detectors)

        spent = (table["fit_s"] + table["score_s"]).groupby(table["detector"]).sum(min_count=1)
        failures, labels = [row for row in rows if row.error], rows[0].figures
        return cls(
            {name: means(name) for name in labels},
            labels,
            spent[detectors],
            failures,
            table["seed"].nunique(),
            compute_training_gains(table, controls or {}, list(labels)),
        )

    def to_json(self) -> dict[str, Any]:
        """The same as plain data: for each set, then for each detector, its figures."""
        return {
            **{name: frame.to_dict("index") for name, frame in self.figures.items()},
            "seconds": self.seconds.to_dict(),
            "seeds": self.seeds,
            "failures": [asdict(row) for row in self.failures],
            "gains": self.gains.to_dict("records"),
        }

    @property
    def main(self) -> pd.DataFrame:
        """The main figure."""
        return next(iter(self.figures.values()))

    @property
    def sets_run(self) -> pd.Series[int]:
        """Number of sets on which each detector ran."""
        return self.main.notna().sum()

    @property
    def common(self) -> list[str]:
        """The sets on which all detectors ran."""
        return list(self.main.dropna().index)

    def ranks(self, figure: pd.DataFrame) -> pd.Series[float]:
        """Mean rank of each detector over the common sets, 1 for the best; ties share."""
        return figure.loc[self.common].rank(axis=1, ascending=False).mean()


def compute_training_gains(
    table: pd.DataFrame, controls: Mapping[str, str], figures: Sequence[str]
) -> pd.DataFrame:
    """Paired differences between trained detectors and their untrained controls.

    Args:
        table: Results, a row for each set, seed and detector.
        controls: Name of a trained detector -> name of its control.
        figures: Columns to compare.

    Returns:
        A row for each pair that shares results: ``detector``, ``control``, ``sets`` (their number),
        and for each figure the mean difference over the sets (positive: training helps),
        with the ends of its 95 % interval in ``…_low`` and ``…_high`` (Student's t over the sets;
        NaN for a single set).  Seeds are averaged first.
    """
    from scipy.stats import t

    gains = []
    for detector, control in controls.items():
        gain: dict[str, object] = {"detector": detector, "control": control}
        for figure in figures:
            wide = table.pivot_table(index=["dataset", "seed"], columns="detector", values=figure)
            if not {detector, control} <= set(wide):
                break
            difference = (wide[detector] - wide[control]).groupby("dataset").mean().dropna()
            count, mean = len(difference), difference.mean()
            # t has no quantile for 0 degrees of freedom: NaN, as the deviation of a single set.
            half = t.ppf(0.975, count - 1) * difference.std() / np.sqrt(count)
            gain |= {"sets": count, figure: mean}
            gain |= {f"{figure}_low": mean - half, f"{figure}_high": mean + half}
        else:
            gains.append(gain)
    return pd.DataFrame(gains)


def compute_critical_difference(detectors: int, sets: int, alpha: float = 0.05) -> float:
    """Nemenyi's critical difference of mean ranks at level `alpha` (Demšar, 2006).

    >>> round(compute_critical_difference(4, 14), 2)  # his example
    1.25
    """
    from scipy.stats import studentized_range

    q = studentized_range.ppf(1 - alpha, detectors, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(detectors * (detectors + 1) / (6 * sets)))
