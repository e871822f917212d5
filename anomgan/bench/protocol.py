"""How a labelled table becomes normal rows to fit on and new rows to score.

Half of the normal rows are for fitting, at most `MOST_NORMAL`; the other half and all abnormal ones
are for scoring, at most `MOST_NEW` in their proportion.  Each seed splits anew.  Figures of others
were made with this very protocol, so neither the constants nor the order of the draws may change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MOST_NORMAL, MOST_NEW = 5_000, 10_000
"""Most rows to fit on and to score."""

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Rows to fit on, rows to score, and the truth about these, which no detector sees.

    Attributes:
        normal: Normal rows.
        new: Normal and abnormal rows.
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
    usual = rng.permutation(np.flatnonzero(label == 0))
    odd = rng.permutation(np.flatnonzero(label == 1))
    half = round(len(usual) / 2)
    normal, rest = usual[:half][:MOST_NORMAL], usual[half:]
    share = min(1.0, MOST_NEW / (len(rest) + len(odd)))
    rest, odd = (rows[: max(1, round(len(rows) * share))] for rows in (rest, odd))
    new = np.concatenate([rest, odd])
    return Split(table.iloc[normal], table.iloc[new], label[new])


def contaminated(parts: Split, share: float, seed: int) -> Split:
    """Mix abnormal rows into those to fit on, and score them no more.

    Args:
        parts: A split.
        share: Which share of the rows to fit on is to be abnormal, in [0, 1).  At most half of the
            abnormal rows are taken, so that enough are left to score.
        seed: Seed of the choice.
    """
    wanted = round(share / (1 - share) * len(parts.normal))
    odd = np.random.default_rng([seed, 1]).permutation(np.flatnonzero(parts.label))
    taken = odd[: min(wanted, len(odd) // 2)]
    kept = np.setdiff1d(np.arange(len(parts.new)), taken)
    mixed = pd.concat([parts.normal, parts.new.iloc[taken]], ignore_index=True)
    return Split(mixed, parts.new.iloc[kept], parts.label[kept])
