"""One-class protocol: split a labelled table into normal rows to fit on and rows to score.

Half of the normal rows are for fitting, at most `MAX_FIT_ROWS`; the other half and all abnormal
ones are for scoring, at most `MAX_SCORED_ROWS` in their proportion.  Each seed splits anew.
Published figures rest on this protocol: neither the constants nor the order of the draws may
change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MAX_FIT_ROWS, MAX_SCORED_ROWS = 5_000, 10_000
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Rows to fit on, rows to score, and the labels of these, which no detector is given.

    Attributes:
        normal: Rows to fit on.
        new: Rows to score, normal and abnormal.
        label: 1 where a row of ``new`` is abnormal, else 0.
    """

    normal: pd.DataFrame
    new: pd.DataFrame
    label: Labels


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
