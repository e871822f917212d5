"""Draw the pictures of the README: scores of normal and abnormal rows on two sample sets.

.venv/bin/python tools/make_figures.py
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from anomgan import GANDetector
from anomgan.data.samples import load_sample
from anomgan.errors import DataWarning

TARGET = Path(__file__).resolve().parents[1] / "docs" / "scores.png"
COLOURS = ["#4c9f9f", "#d1495b"]
SETS = ("breast-cancer", "penguins")


def main() -> None:
    """Fit with the defaults, score, draw."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    warnings.simplefilter("ignore", DataWarning)
    figure, axes = plt.subplots(1, len(SETS), figsize=(9, 2.8), layout="constrained")
    for axis, name in zip(axes, SETS, strict=True):
        sample = load_sample(name)
        detector = GANDetector(random_state=0).fit(sample.normal)
        scores = -detector.score_samples(sample.new)
        abnormal = sample.labels.to_numpy() == 1
        bins = np.linspace(scores.min(), np.quantile(scores, 0.97), 40)
        shown = scores.clip(max=bins[-1])  # the last bin takes the rest
        parts = [shown[~abnormal], shown[abnormal]]
        axis.hist(parts, bins, stacked=True, label=["normal", "abnormal"], color=COLOURS)
        axis.axvline(-detector.offset_, color="black", linewidth=1, linestyle="--")
        axis.set(title=sample.title, xlabel="score (right: more abnormal)", ylabel="rows")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    TARGET.parent.mkdir(exist_ok=True)
    figure.savefig(TARGET, dpi=110)


if __name__ == "__main__":
    main()
