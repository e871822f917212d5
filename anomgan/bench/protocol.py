"""One-class protocol: split a labelled table into normal rows to fit on and rows to score.

Half of the normal rows are for fitting, at most `MAX_FIT_ROWS`; the other half and all abnormal
ones are for scoring, at most `MAX_SCORED_ROWS` in their proportion.  Each seed splits anew.
Published figures rest on this protocol: neither the constants nor the order of the draws may
change.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from anomgan.bench.contender import DetectorRun, EncodedTable
from anomgan.bench.result_row import ResultRow

MAX_FIT_ROWS, MAX_SCORED_ROWS = 5_000, 10_000
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Rows to fit on, rows to score, and the labels of these, which no detector is given.

    Attributes:
        normal: Rows to fit on.
        new: Rows to score, normal and abnormal.
        label: 1 where a row of ``new`` is abnormal, else 0.
        detailed: Whether pictures are encoded for a backbone, larger than GANs are trained on.
    """

    normal: pd.DataFrame
    new: pd.DataFrame
    label: Labels
    detailed: bool = field(default=False, kw_only=True)

    def encode(self) -> Any:
        """Make what the detectors are given.

        Raises:
            InputError: If the rows can't be encoded.
        """
        return EncodedTable.of(self.normal, self.new, detailed=self.detailed)

    def evaluate(self, row: ResultRow, run: DetectorRun) -> ResultRow:
        """Fill in a row with the figures of a run.

        Raises:
            ValueError: If there isn't a finite score for each row.
        """
        if run.scores.shape != self.label.shape or not np.isfinite(run.scores).all():
            raise ValueError("the scores aren't all finite numbers")
        return replace(
            row,
            auroc=float(roc_auc_score(self.label, run.scores)),
            ap=float(average_precision_score(self.label, run.scores)),
            fit_s=run.fit_s,
            score_s=run.score_s,
            peak_mb=run.peak_mb,
        )


def split(table: pd.DataFrame, label: Labels, seed: int) -> Split:
    """Split a labelled table at random.

    Args:
        table: n rows.
        label: (n,), 1 for abnormal, else 0.
        seed: Seed of the split.
    """
    rng = np.random.default_rng(seed)
    normal = rng.permutation(np.flatnonzero(label == 0))
    abnormal = rng.permutation(np.flatnonzero(label == 1))
    half = round(len(normal) / 2)
    fit, rest = normal[:half][:MAX_FIT_ROWS], normal[half:]
    share = min(1.0, MAX_SCORED_ROWS / (len(rest) + len(abnormal)))
    scored = [rows[: max(1, round(len(rows) * share))] for rows in (rest, abnormal)]
    new = np.concatenate(scored)
    return Split(table.iloc[fit], table.iloc[new], label[new])


def contaminate(parts: Split, share: float, seed: int) -> Split:
    """Move abnormal rows from those to score to those to fit on.

    Args:
        parts: A split.
        share: Share of the rows to fit on that is to be abnormal, in [0, 1).  At most half of the
            abnormal rows are moved, so that enough are left to score.
        seed: Seed of the choice.
    """
    wanted = round(share / (1 - share) * len(parts.normal))
    abnormal = np.random.default_rng([seed, 1]).permutation(np.flatnonzero(parts.label))
    moved = abnormal[: min(wanted, len(abnormal) // 2)]
    kept = np.setdiff1d(np.arange(len(parts.new)), moved)
    normal = pd.concat([parts.normal, parts.new.iloc[moved]], ignore_index=True)
    return Split(normal, parts.new.iloc[kept], parts.label[kept])
