"""Figures, generated records and the report of a model, as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anomgan.estimator import GANDetector

SAMPLES = 100
"""Generated rows that are kept."""

PICTURES = 36
"""Generated pictures that are drawn."""


def write_artifacts(detector: GANDetector, folder: Path) -> None:
    """Write what people look at into a folder that is there."""
    from anomgan.plotting import figures as plots
    from anomgan.plotting.style import png
    from anomgan.report import report

    training = detector.history_
    calibration = detector.training_facts_["calibration"]
    figures: dict[str, Callable[[], Figure]] = {
        "score_histogram.png": lambda: plots.score_histogram(
            detector.ensemble_.calibrator.scores, threshold=calibration["threshold"]
        ),
        "loss_curves.png": lambda: plots.loss_curves(training.curve),
    }
    if training.health or training.held_out:
        figures["health_curves.png"] = lambda: plots.health_curves(
            training.health, training.held_out
        )
    if detector.encoder_.spec.grid is None:
        sample = pd.DataFrame(detector.sample(SAMPLES, random_state=0))
        sample.to_csv(folder / "generated.csv", index=False)
    else:
        pictures = detector.sample(PICTURES, random_state=0)
        figures["generated.png"] = lambda: plots.sample_grid(pictures)
    page = report(detector, name=str(detector.training_facts_.get("source", "anomgan model")))
    (folder / "report.html").write_text(page, encoding="utf-8")
    for name, draw in figures.items():
        (folder / name).write_bytes(png(draw(), dpi=110))
