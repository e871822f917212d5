"""The detector beside its simple peers on labelled tables: ``make bench``.

``python -m anomgan.bench.compare PATH…`` takes

- folders with ``normal.csv``, ``new.csv`` and ``new_labels.csv`` (a column ``label``, 1 for
  abnormal, in the order of ``new.csv``); without a path, the sample sets;
- ``.npz`` files with ``X`` (n × D) and ``y`` (1 for abnormal), as ADBench has them.  They are split
  at random, anew for each seed: half of the normal rows to fit on, at most 5,000; the others and
  all abnormal ones to score, at most 10,000 in their proportion.

Labels are read for the figures alone.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from anomgan import GANDetector
from anomgan.data.samples import list_samples
from anomgan.data.tables import TableEncoder
from anomgan.errors import DataWarning

MOST_NORMAL, MOST_NEW = 5_000, 10_000
"""Most rows of an ``.npz`` to fit on and to score."""

Scores = NDArray[np.float64]
Detector = Callable[[pd.DataFrame, pd.DataFrame, int], Scores]


def encoded(normal: pd.DataFrame, new: pd.DataFrame) -> tuple[Scores, Scores]:
    """Standardised numbers for the peers, by our own encoder: dates and gaps are theirs too."""
    encoder = TableEncoder.fit(normal)
    scaler = StandardScaler().fit(encoder.transform(normal)[0])
    return tuple(scaler.transform(encoder.transform(frame)[0]) for frame in (normal, new))


def gan(normal: pd.DataFrame, new: pd.DataFrame, seed: int) -> Scores:
    """GANDetector with its defaults."""
    return np.asarray(-GANDetector(random_state=seed).fit(normal).score_samples(new))


def forest(normal: pd.DataFrame, new: pd.DataFrame, seed: int) -> Scores:
    """Isolation forest."""
    a, b = encoded(normal, new)
    return np.asarray(-IsolationForest(random_state=seed).fit(a).score_samples(b))


def neighbours(normal: pd.DataFrame, new: pd.DataFrame, seed: int) -> Scores:
    """Mean distance to the five nearest normal rows."""
    a, b = encoded(normal, new)
    return np.asarray(NearestNeighbors(n_neighbors=5).fit(a).kneighbors(b)[0].mean(1))


DETECTORS: dict[str, Detector] = {
    "GANDetector": gan,
    "IsolationForest": forest,
    "5 nearest neighbours": neighbours,
}


def load(path: Path, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.int64]]:
    """Rows to fit on, rows to score and the truth about these."""
    if path.suffix != ".npz":
        label = pd.read_csv(path / "new_labels.csv")["label"].to_numpy(np.int64)
        return pd.read_csv(path / "normal.csv"), pd.read_csv(path / "new.csv"), label
    with np.load(path) as arrays:
        table, label = pd.DataFrame(arrays["X"]), arrays["y"].ravel().astype(np.int64)
    rng = np.random.default_rng(seed)
    usual = rng.permutation(np.flatnonzero(label == 0))
    odd = rng.permutation(np.flatnonzero(label == 1))
    half = round(len(usual) / 2)
    normal, rest = usual[:half][:MOST_NORMAL], usual[half:]
    share = min(1.0, MOST_NEW / (len(rest) + len(odd)))
    rest, odd = (rows[: max(1, round(len(rows) * share))] for rows in (rest, odd))
    new = np.concatenate([rest, odd])
    return table.iloc[normal], table.iloc[new], label[new]


def measure(path: Path, seeds: int) -> pd.DataFrame:
    """AUROC, average precision and seconds of each detector and seed on one set."""
    rows = []
    for seed in range(seeds):
        normal, new, label = load(path, seed)
        for name, detector in DETECTORS.items():
            started = time.perf_counter()
            scores = detector(normal, new, seed)
            seconds = time.perf_counter() - started
            area = roc_auc_score(label, scores)
            rows.append((name, area, average_precision_score(label, scores), seconds))
    return pd.DataFrame(rows, columns=["detector", "auroc", "ap", "seconds"])


def line(name: str, results: pd.DataFrame) -> str:
    """A line of the Markdown table: means of each detector."""
    means = results.groupby("detector", sort=False).mean()
    cells = [f"{area:.3f} / {ap:.3f}" for area, ap in zip(means["auroc"], means["ap"], strict=True)]
    return f"| {name} | {' | '.join(cells)} | {means['seconds'].iloc[0]:.0f} s |"


def main() -> None:
    """Compare and print a Markdown table: AUROC / average precision, means over the seeds."""
    parser = argparse.ArgumentParser(description="GANDetector beside its simple peers.")
    parser.add_argument("paths", nargs="*", type=Path, help="folders or .npz of labelled tables")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    args = parser.parse_args()
    warnings.simplefilter("ignore", DataWarning)
    paths = args.paths or [sample.normal_path.parent for sample in list_samples()]
    say(f"| AUROC / AP, mean of {args.seeds} seeds | {' | '.join(DETECTORS)} | fit + score |")
    say("|---|" + "---:|" * (len(DETECTORS) + 1))
    results = []
    for path in paths:
        results.append(measure(path, args.seeds))
        say(line(path.stem, results[-1]))
    say(line(f"**mean of {len(paths)}**", pd.concat(results)))


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
