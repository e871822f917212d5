"""What the page says where the truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anomgan import plots
from anomgan.metrics import metrics
from anomgan.report.batch import Batch

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from anomgan.estimator import GANDetector

WORDS = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "best_f1": "best F1 over all thresholds",
    "f1": "F1 at the threshold",
    "precision": "precision at the threshold",
    "recall": "recall at the threshold",
    "false_positive_rate": "false positive rate at the threshold",
    "fpr_at_95_tpr": "false positive rate at 95% recall",
    "precision_at_10": "precision among the top 10",
    "precision_at_50": "precision among the top 50",
}
"""Measures that are shown."""


def evaluation(
    detector: GANDetector, batch: Batch, normal: pd.DataFrame | None
) -> tuple[dict[str, Any] | None, dict[str, tuple[Figure, str]]]:
    """Measures and figures, if the labels hold both kinds."""
    if batch.labels is None:
        return None, {}
    read = batch.read
    truth, score = batch.labels[read], batch.score[read]
    if truth.all() or not truth.any():
        return None, {}
    found = {detector.detector_.gan.name: metrics(truth, score, flagged=batch.flagged[read])}
    lines = [
        [word, *(f"{each[key]:.3f}" if key in each else "–" for each in found.values())]
        for key, word in WORDS.items()
        if any(key in each for each in found.values())
    ]
    labels = truth.astype(np.int64)
    figures = {
        "roc": (plots.roc(labels, score), "ROC curve"),
        "precision_recall": (plots.precision_recall(labels, score), "Precision and recall"),
    }
    return {"heads": ["", *found], "lines": lines, "note": ""}, figures
