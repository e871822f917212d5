"""Differences of scores of one seed between chunk sizes and numbers of threads.

    python tools/measure_reproducibility.py

prints a table.  Scores go with the default settings; training is cut short, as its length doesn't
matter for the first two lines.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd
import torch

from anomgan import GANDetector

T = TypeVar("T")
SETTINGS = {"steps": 20}
CHUNK_ROWS = (1, 10, 300)
THREAD_COUNTS = (1, 2, 4)


def make_rows(count: int, seed: int) -> pd.DataFrame:
    """Draw twenty correlated numeric columns and a category."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, 4)) @ np.random.default_rng(0).normal(size=(4, 20))
    frame = pd.DataFrame(values + rng.normal(size=values.shape)).rename(columns=str)
    return frame.assign(kind=rng.choice(["a", "b", "c"], count))


def run_with_threads(count: int, work: Callable[[], T]) -> T:
    """Call a function with `count` threads of torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        return work()
    finally:
        torch.set_num_threads(before)


def format_difference(what: str, scores: list[np.ndarray]) -> str:
    """Format how many rows' scores differ from the first, and the largest difference."""
    apart = np.abs(np.stack(scores[1:]) - scores[0]).max(0)
    return f"| {what} | {np.count_nonzero(apart):,} of {len(apart):,} | {apart.max():.1g} |"


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    normal, new = make_rows(600, 1), make_rows(300, 2)
    new.iloc[::10, 0] = 1e3

    def fit() -> GANDetector:
        return GANDetector(settings=SETTINGS, random_state=0).fit(normal)

    detector = run_with_threads(1, fit)
    chunked = []
    for size in CHUNK_ROWS:
        starts = range(0, len(new), size)
        parts = [detector.score_samples(new.iloc[at : at + size]) for at in starts]
        chunked.append(np.concatenate(parts))
    threads = []
    for count in THREAD_COUNTS:
        threads.append(run_with_threads(count, lambda: detector.score_samples(new)))
    trained = [
        run_with_threads(count, fit).score_samples(new) for count in (1, 1, *THREAD_COUNTS[1:])
    ]
    print("| what differs | rows whose score differs | by at most |\n|---|---|---|")
    print(format_difference(f"chunks of {', '.join(map(str, CHUNK_ROWS))} rows", chunked))
    print(format_difference(f"{', '.join(map(str, THREAD_COUNTS))} threads in scoring", threads))
    print(format_difference("the same fit twice", trained[:2]))
    print(
        format_difference(f"{', '.join(map(str, THREAD_COUNTS))} threads in training", trained[1:])
    )


if __name__ == "__main__":
    main()
