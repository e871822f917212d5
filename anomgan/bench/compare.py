"""The detector beside its simple peers on labelled tables: ``make bench``.

``python -m anomgan.bench.compare FOLDER…`` takes folders with ``normal.csv``, ``new.csv`` and
``new_labels.csv`` (a column ``label``, 1 for abnormal, in the order of ``new.csv``); without a
folder, the sample sets.  Labels are read for the figures alone.
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


def main() -> None:
    """Compare and print a Markdown table: AUROC / average precision, means over the seeds."""
    parser = argparse.ArgumentParser(description="GANDetector beside its simple peers.")
    parser.add_argument("folders", nargs="*", type=Path, help="folders of labelled tables")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    args = parser.parse_args()
    warnings.simplefilter("ignore", DataWarning)
    folders = args.folders or [sample.normal_path.parent for sample in list_samples()]
    say(f"| AUROC / AP, mean of {args.seeds} seeds | {' | '.join(DETECTORS)} | fit + score |")
    say("|---|" + "---:|" * (len(DETECTORS) + 1))
    for folder in folders:
        normal, new = pd.read_csv(folder / "normal.csv"), pd.read_csv(folder / "new.csv")
        label = pd.read_csv(folder / "new_labels.csv")["label"].to_numpy()
        cells, seconds = [], 0.0
        for name, detector in DETECTORS.items():
            started = time.perf_counter()
            runs = [detector(normal, new, seed) for seed in range(args.seeds)]
            if name == "GANDetector":
                seconds = (time.perf_counter() - started) / args.seeds
            area = np.mean([roc_auc_score(label, scores) for scores in runs])
            precision = np.mean([average_precision_score(label, scores) for scores in runs])
            cells.append(f"{area:.3f} / {precision:.3f}")
        say(f"| {folder.name} | {' | '.join(cells)} | {seconds:.0f} s |")


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
