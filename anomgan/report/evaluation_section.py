"""What the page says where the truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from anomgan.evaluation.evaluate import evaluate
from anomgan.plotting import figures as plots
from anomgan.report.scored_rows import Batch

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from anomgan.estimator import GANDetector
    from anomgan.evaluation.evaluate import Evaluation

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
    "brier": "Brier score of probabilities",
    "ece": "expected calibration error",
}
"""Measures that are shown, in this order."""

PEERS = {"iforest": "isolation forest", "knn": "nearest neighbours"}


def evaluation(
    detector: GANDetector, batch: Batch, normal: pd.DataFrame | None
) -> tuple[dict[str, Any] | None, dict[str, tuple[Figure, str]]]:
    """Measures and figures, if the labels hold both kinds.

    Args:
        detector: A fitted detector.
        batch: Rows that it judged.
        normal: Normal rows to fit simple detectors on, if they are to be compared.
    """
    if batch.labels is None:
        return None, {}
    read = batch.read
    truth, score = batch.labels[read].astype(np.int64), batch.score[read]
    if truth.all() or not truth.any():
        return None, {}
    frame = batch.frame[read]
    found = evaluate(detector, frame, truth, normal=normal, source=batch.source)
    figures = {
        "roc": (plots.roc(truth, score), "ROC curve"),
        "precision_recall": (plots.precision_recall(truth, score), "Precision and recall"),
    }
    if found.probability is not None:
        drawn = plots.reliability(truth, found.probability)
        figures["reliability"] = (drawn, "Reliability of probabilities")
    return _table(found, detector.ensemble_.gan.name), figures


def _table(found: Evaluation, name: str) -> dict[str, Any]:
    """Measures by line, the model's beside those of simple detectors."""
    lines = [
        [
            word,
            f"{found.metrics[key]:.3f}",
            _interval(found.intervals.get(key)),
            *(f"{peer[key]:.3f}" if key in peer else "–" for peer in found.peers.values()),
        ]
        for key, word in WORDS.items()
        if key in found.metrics
    ]
    peers = [PEERS.get(peer, peer) for peer in found.peers]
    return {
        "heads": ["", name, "95% interval", *peers],
        "lines": lines,
        "confusion": found.confusion,
        "verdicts": [
            _verdict(PEERS.get(peer, peer), own) for peer, own in found.peer_intervals.items()
        ],
    }


def _interval(bounds: tuple[float, float] | None) -> str:
    return "" if bounds is None else f"{bounds[0]:.3f} – {bounds[1]:.3f}"


def _verdict(peer: str, more: dict[str, tuple[float, float]]) -> str:
    """What the model has more than a simple detector, in words."""
    low, high = more["auroc"]
    sure = "better than" if low > 0 else "worse than" if high < 0 else "not surely unlike"
    return f"By AUROC the model is {sure} {peer}: {low:+.3f} to {high:+.3f} (95% interval)."
