"""Metrics of scores, decisions and probabilities against labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from anomgan.errors import InputError
from anomgan.utils.types import Bools, Floats

RELIABILITY_BINS = 10
"""Bins of equal width into which a reliability curve sorts probabilities."""


def metrics(
    labels: ArrayLike,
    score: ArrayLike,
    *,
    flagged: ArrayLike | None = None,
    probability: ArrayLike | None = None,
    ks: Sequence[int] = (10, 50, 100),
) -> dict[str, float]:
    """Compute metrics of a detector's results on n labelled rows.

    Args:
        labels: (n,), 1 or True for abnormal rows, 0 or False for normal ones; both occur.
        score: (n,), finite; larger is more abnormal.
        flagged: (n,), whether the detector flags each row.
        probability: (n,), the probability that a row is abnormal.
        ks: Lengths of lists of the most abnormal rows; those above n are left out.

    Returns:
        ``auroc``, ``average_precision``, ``best_f1`` (over all thresholds), ``precision_at_K`` and
        ``recall_at_K`` for each K, ``fpr_at_95_tpr`` (the share of normal rows above the highest
        threshold that finds 95% of the abnormal ones).  Given decisions, ``f1``, ``precision``,
        ``recall`` and ``false_positive_rate``; a precision among no rows is 0.  Given
        probabilities, ``brier`` (the mean squared error) and ``ece`` (the expected calibration
        error, as in Guo et al., 2017: the mean distance of a bin's probability from its share of
        abnormal rows).  Of the false positive rates, ``brier`` and ``ece`` smaller is better, of
        all others larger.

    Raises:
        InputError: If lengths differ, labels are of one class or something else than 0 and 1, or a
            score isn't finite.
    """
    truth = check_labels(labels)
    values = _column("score", score, len(truth))
    precision, recall, _ = precision_recall_curve(truth, values)
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    result = {
        "auroc": float(roc_auc_score(truth, values)),
        "average_precision": float(average_precision_score(truth, values)),
        "best_f1": float(f1.max()),
        "fpr_at_95_tpr": _fpr_at_tpr(truth, values, 0.95),
    }
    for k in (k for k in ks if k <= len(truth)):
        hits = _hits_among(truth, values, k)
        result[f"precision_at_{k}"] = hits / k
        result[f"recall_at_{k}"] = hits / int(truth.sum())
    if flagged is not None:
        result |= _decisions(truth, _column("flagged", flagged, len(truth)) > 0)
    if probability is not None:
        probabilities = _column("probability", probability, len(truth))
        result["brier"] = float(brier_score_loss(truth, probabilities))
        result["ece"] = expected_calibration_error(reliability(truth, probabilities))
    return result


def check_labels(labels: ArrayLike) -> Bools:
    """Convert labels to booleans, (n,), True for abnormal.

    Raises:
        InputError: If they aren't 0 and 1, or only one of the two.
    """
    values: NDArray[Any] = np.asarray(labels)
    if values.ndim != 1:
        raise InputError(f"labels have shape {values.shape}; give one for each row")
    if not np.isin(values, (0, 1)).all():
        raise InputError("labels must be 0 (normal) or 1 (abnormal)")
    truth = values.astype(bool)
    if truth.all() or not truth.any():
        kind = "only abnormal rows" if truth.any() else "only normal rows"
        marked = kind if len(truth) else "no row"
        raise InputError(f"the labels mark {marked}; both normal and abnormal ones are needed")
    return truth


def reliability(
    labels: ArrayLike, probability: ArrayLike, *, bins: int = RELIABILITY_BINS
) -> pd.DataFrame:
    """Compute a reliability curve.

    Args:
        labels: (n,), 1 or True for abnormal rows.
        probability: (n,), in [0, 1].
        bins: Bins of equal width.

    Returns:
        A row for each bin that isn't empty: ``probability`` (mean of its rows), ``abnormal`` (the
        share of them that is), ``rows``.
    """
    probabilities = np.asarray(probability, dtype=np.float64)
    bin_index = np.clip((probabilities * bins).astype(int), 0, bins - 1)
    table = pd.DataFrame(
        {"probability": probabilities, "abnormal": np.asarray(labels, dtype=np.float64)}
    )
    groups = table.groupby(bin_index, sort=True)
    return groups.mean().assign(rows=groups.size()).reset_index(drop=True)


def curve_points(curve: pd.DataFrame) -> list[dict[str, float]]:
    """The rows of a :func:`reliability` curve as plain data."""
    return [
        {str(name): float(value) for name, value in point.items()}
        for point in curve.to_dict("records")
    ]


def expected_calibration_error(curve: pd.DataFrame) -> float:
    """Mean distance of a :func:`reliability` curve from the diagonal, weighted by rows."""
    gaps = (curve["probability"] - curve["abnormal"]).abs()
    return float(np.average(gaps, weights=curve["rows"]))


def _column(name: str, values: ArrayLike, rows: int) -> Floats:
    """A finite float64 array of the labels' length.

    Raises:
        InputError: If it isn't one.
    """
    column = np.asarray(values, dtype=np.float64)
    if column.shape != (rows,):
        raise InputError(f"{rows:,} labels for {name} of shape {column.shape}; give as many")
    if not np.isfinite(column).all():
        raise InputError(f"{name} holds something else than finite numbers")
    return column


def _decisions(truth: Bools, flagged: Bools) -> dict[str, float]:
    hits = int((truth & flagged).sum())
    precision, recall = hits / max(1, int(flagged.sum())), hits / int(truth.sum())
    return {
        "f1": 2 * hits / int(truth.sum() + flagged.sum()),
        "precision": precision,
        "recall": recall,
        "false_positive_rate": float(flagged[~truth].mean()),
    }


def _fpr_at_tpr(truth: Bools, score: Floats, tpr_target: float) -> float:
    """False positive rate where the true positive rate first reaches ``tpr_target``."""
    fpr, tpr, _ = roc_curve(truth, score, drop_intermediate=False)
    return float(fpr[np.argmax(tpr >= tpr_target - 1e-12)])


def _hits_among(truth: Bools, score: Floats, k: int) -> float:
    """Abnormal rows among the k highest scores; of rows that tie for the last places, the mean."""
    last = np.partition(score, -k)[-k]
    above, tied = score > last, score == last
    places = k - int(above.sum())
    return float(truth[above].sum() + places * truth[tied].mean())
