"""The report's section on labelled rows: metrics, curves, and baselines beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from anomgan.evaluation.evaluate import METRIC_LABELS, PEER_LABELS, evaluate
from anomgan.plotting import figures as plots
from anomgan.reporting.scored_rows import ScoredRows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anomgan.estimator import GANDetector
    from anomgan.evaluation.evaluate import Evaluation


def describe_evaluation(
    detector: GANDetector, rows: ScoredRows, normal: pd.DataFrame | None
) -> tuple[dict[str, Any] | None, dict[str, tuple[Figure, str]]]:
    """Metrics and figures (with their labels), if there are labels of both kinds.

    Args:
        detector: A fitted detector.
        rows: Scored rows.
        normal: Normal rows to fit simple detectors on, for comparison.
    """
    if rows.labels is None:
        return None, {}
    readable = rows.readable
    truth, score = rows.labels[readable].astype(np.int64), rows.score[readable]
    if truth.all() or not truth.any():
        return None, {}
    result = evaluate(detector, rows.frame[readable], truth, normal=normal, source=rows.source)
    figures = {
        "roc": (plots.roc(truth, score), "ROC curve"),
        "precision_recall": (plots.precision_recall(truth, score), "Precision and recall"),
    }
    if result.reliability:
        figure = plots.reliability(pd.DataFrame(result.reliability))
        figures["reliability"] = (figure, "Reliability of probabilities")
    return _table(result, detector.ensemble_.gan.name), figures


def _table(result: Evaluation, name: str) -> dict[str, Any]:
    """A line for each metric: the model's beside those of simple detectors."""
    lines = [
        [
            label,
            f"{result.metrics[key]:.3f}",
            _interval(result.intervals.get(key)),
            *(f"{peer[key]:.3f}" if key in peer else "–" for peer in result.peers.values()),
        ]
        for key, label in METRIC_LABELS.items()
        if key in result.metrics
    ]
    return {
        "heads": ["", name, "95% interval", *(PEER_LABELS[peer] for peer in result.peers)],
        "lines": lines,
        "confusion": result.confusion,
        "verdicts": [
            _verdict(PEER_LABELS[peer], differences)
            for peer, differences in result.peer_intervals.items()
        ],
    }


def _interval(bounds: tuple[float, float] | None) -> str:
    return "" if bounds is None else f"{bounds[0]:.3f} – {bounds[1]:.3f}"


def _verdict(peer: str, differences: dict[str, tuple[float, float]]) -> str:
    """The comparison with a simple detector, in a sentence."""
    low, high = differences["auroc"]
    verdict = "better than" if low > 0 else "worse than" if high < 0 else "not surely unlike"
    return f"By AUROC the model is {verdict} {peer}: {low:+.3f} to {high:+.3f} (95% interval)."
