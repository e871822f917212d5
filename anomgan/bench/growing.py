"""Does progressive growing pay?  ``python -m anomgan.bench.growing``.

The same fits with and without, on generated washers that lie on cloth; afterwards pictures with
defects are to be told from others.  Each fit is a line of a Markdown table on standard output as
soon as it is there; seconds are the processor's, so that a busy machine does no harm.
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
from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.ensemble import TrainedEnsemble

SCORE_KINDS = ("visual", "paper", "reconstruction", "feature_distance")
"""Kinds of score whose AUROC is told."""

FIT_PICTURES, SCORED_PICTURES = 128, 64
"""Pictures to fit on, and pictures of either kind to score."""


def compare_growing(
    size: int, seeds: int, methods: list[str], settings: dict[str, str]
) -> Iterator[str]:
    """Measure, and give the report line by line.

    Args:
        size: Height and width of the pictures.
        seeds: How many seeds, from 0.
        methods: Registered methods.
        settings: Changes of the preset ``fast``.
    """
    spec = Spec.of([("picture", "pixel", size * size, "picture")], (1, size, size))
    head = ["method", "seed", "growing", "training, s", "coverage", "told apart", *SCORE_KINDS]
    yield "| " + " | ".join(head) + " |\n|---|" + "--:|" * (len(head) - 1)
    for method in methods:
        for seed in range(seeds):
            normal, new = (
                make_washers(FIT_PICTURES, seed, size),
                make_washers(SCORED_PICTURES, seed + 1_000_003, size),
            )
            odd, _, _ = add_defects(make_washers(SCORED_PICTURES, seed + 2_000_003, size), seed)
            values = normal.reshape(FIT_PICTURES, -1)
            tried = np.concatenate([new, odd]).reshape(-1, size * size)
            labels = np.repeat([0, 1], [len(new), len(odd)])
            for growing in ("off", "on"):
                changes = {"cross_fit_below": "0", **settings, "growing": growing}
                config = Config.make("fast", changes, "images")
                started = time.process_time()
                ensemble = TrainedEnsemble.fit(
                    values, spec, name=method, config=config, seed=seed, device="cpu"
                )
                spent = time.process_time() - started
                detectors = FittedEnsemble.fit_scores(
                    ensemble.gan, values, ensemble.rows, ensemble.folds, *SCORE_KINDS
                )
                scaled = detectors[SCORE_KINDS[0]].scorer.scaled_components(tried)
                areas = [
                    roc_auc_score(labels, own.scorer.combine(scaled)) for own in detectors.values()
                ]
                cells = [method, str(seed), growing, f"{spent:.1f}", *_format_health(ensemble)]
                yield "| " + " | ".join([*cells, *(f"{100 * area:.1f}" for area in areas)]) + " |"


def make_washers(count: int, seed: int, side: int) -> Pictures:
    """Bright rings of varied size and place on woven cloth, ``(n, side, side)``."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:side, :side] / side
    at, outer = rng.uniform(0.42, 0.58, (2, count, 1, 1)), rng.uniform(0.25, 0.35, (count, 1, 1))
    far = np.hypot(row - at[0], column - at[1]) / outer
    ring = np.clip(side / 4 * np.minimum(1 - far, far - 0.45), 0, 1)
    return np.asarray((1 - ring) * make_textures(count, seed, side) + ring * (220 - 40 * row))


def _format_health(ensemble: TrainedEnsemble) -> list[str]:
    """Coverage and how well generated pictures are told from those held out, beside real ones'."""
    held = ensemble.history.held_out
    if held is None:
        return ["", ""]
    return [
        f"{np.mean(held.measures[name]):.2f} (real {np.mean(held.baseline[name]):.2f})"
        for name in ("coverage", "two_sample")
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Does progressive growing pay?")
    parser.add_argument("--size", type=int, default=128, help="pixels a side")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--methods", default="gan", help="names with commas")
    parser.add_argument("--set", action="append", default=[], metavar="K=V", help="a setting")
    given = parser.parse_args()
    torch.set_num_threads(1)
    settings = dict(each.split("=", 1) for each in given.set)
    for line in compare_growing(given.size, given.seeds, given.methods.split(","), settings):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
