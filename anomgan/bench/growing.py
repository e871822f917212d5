"""Ablation of progressive growing: ``python -m anomgan.bench.growing``.

Fits with and without it on synthetic pictures of washers on cloth, and scores pictures with and
without defects.  Prints a row of a Markdown table after each fit; seconds are processor time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from anomgan.bench.defects import Pictures, add_defects, make_textures
from anomgan.bench.gans import GANContender
from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.ensemble import TrainedEnsemble

SCORE_KINDS = ("visual", "paper", "reconstruction", "feature_distance")
"""Kinds of score whose AUROC is reported."""

FIT_PICTURES, SCORED_PICTURES = 128, 64
"""Number of pictures to fit on, and of each kind to score."""


def compare_growing(
    size: int, seeds: int, methods: list[str], settings: dict[str, str]
) -> Iterator[str]:
    """Fit and score with and without growing; yields the lines of a Markdown table.

    Args:
        size: Height and width of the pictures.
        seeds: Number of seeds, from 0.
        methods: Registered methods.
        settings: Changes to preset ``fast``.
    """
    head = ["method", "seed", "growing", "training, s", "coverage", "told apart", *SCORE_KINDS]
    yield "| " + " | ".join(head) + " |\n|---|" + "--:|" * (len(head) - 1)
    for method in methods:
        for seed in range(seeds):
            normal = make_washers(FIT_PICTURES, seed, size)
            new = make_washers(SCORED_PICTURES, seed + 1_000_003, size)
            unspoilt = make_washers(SCORED_PICTURES, seed + 2_000_003, size)
            abnormal, _, _ = add_defects(unspoilt, seed)
            for growing in ("off", "on"):
                changes = {"cross_fit_below": "0", **settings, "growing": growing}
                gan = GANContender(
                    method, SCORE_KINDS, Config.make("fast", changes, "images"), "cpu"
                )
                cells = [method, str(seed), growing, *_measure(gan, seed, normal, new, abnormal)]
                yield f"| {' | '.join(cells)} |"


def _measure(
    gan: GANContender, seed: int, normal: Pictures, new: Pictures, abnormal: Pictures
) -> list[str]:
    """Fit and score; returns seconds, health, and AUROC by kind of score."""
    size = normal.shape[1]
    spec = Spec.of([("picture", "pixel", size * size, "picture")], (1, size, size))
    values = normal.reshape(len(normal), -1)
    scored = np.concatenate([new, abnormal]).reshape(-1, size * size)
    labels = np.repeat([0, 1], [len(new), len(abnormal)])
    started = time.process_time()
    ensemble = gan.train(values, spec, seed)
    seconds = time.process_time() - started
    detectors = FittedEnsemble.fit_scores(
        ensemble.gan, values, ensemble.rows, ensemble.folds, *gan.kinds
    )
    scaled = detectors[gan.kinds[0]].scorer.scaled_components(scored)
    areas = [roc_auc_score(labels, each.scorer.combine(scaled)) for each in detectors.values()]
    return [f"{seconds:.1f}", *_format_health(ensemble), *(f"{100 * area:.1f}" for area in areas)]


def make_washers(count: int, seed: int, side: int) -> Pictures:
    """Draw bright rings of varied size and place on woven cloth, ``(n, side, side)``."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:side, :side] / side
    at, outer = rng.uniform(0.42, 0.58, (2, count, 1, 1)), rng.uniform(0.25, 0.35, (count, 1, 1))
    far = np.hypot(row - at[0], column - at[1]) / outer
    ring = np.clip(side / 4 * np.minimum(1 - far, far - 0.45), 0, 1)
    return np.asarray((1 - ring) * make_textures(count, seed, side) + ring * (220 - 40 * row))


def _format_health(ensemble: TrainedEnsemble) -> list[str]:
    """Format coverage and two-sample accuracy on held-out pictures, with their baselines."""
    health = ensemble.history.held_out
    if health is None:
        return ["", ""]
    return [
        f"{np.mean(health.measures[name]):.2f} (real {np.mean(health.baseline[name]):.2f})"
        for name in ("coverage", "two_sample")
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Ablation of progressive growing.")
    parser.add_argument("--size", type=int, default=128, help="pixels a side")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--methods", default="gan", help="names with commas")
    parser.add_argument("--set", action="append", default=[], metavar="K=V", help="a setting")
    args = parser.parse_args()
    torch.set_num_threads(1)
    settings = dict(each.split("=", 1) for each in args.set)
    for line in compare_growing(args.size, args.seeds, args.methods.split(","), settings):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
