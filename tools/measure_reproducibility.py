"""How far scores of one seed differ between chunk sizes and numbers of threads.

    python tools/measure_reproducibility.py

prints a table.  Scores go with the default settings; training is cut short, as its length doesn't
matter for the first two lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd
import torch

from anomgan import GANDetector

T = TypeVar("T")
SETTINGS = {"steps": 20}
CHUNKS = (1, 10, 300)
THREADS = (1, 2, 4)


def rows(count: int, seed: int) -> pd.DataFrame:
    """Twenty columns of numbers that go together, and a category."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, 4)) @ np.random.default_rng(0).normal(size=(4, 20))
    frame = pd.DataFrame(values + rng.normal(size=values.shape)).rename(columns=str)
    return frame.assign(kind=rng.choice(["a", "b", "c"], count))


def with_threads(count: int, work: Callable[[], T]) -> T:
    """Do something with so many of torch's threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        return work()
    finally:
        torch.set_num_threads(before)


def compared(what: str, scores: list[np.ndarray]) -> str:
    """A line: how many rows differ from the first, and by how much at most."""
    apart = np.abs(np.stack(scores[1:]) - scores[0]).max(0)
    return f"| {what} | {np.count_nonzero(apart):,} of {len(apart):,} | {apart.max():.1g} |"


def main() -> None:
    """Measure and print."""
    normal, new = rows(600, 1), rows(300, 2)
    new.iloc[::10, 0] = 1e3

    def fitted() -> GANDetector:
        return GANDetector(settings=SETTINGS, random_state=0).fit(normal)

    detector = with_threads(1, fitted)
    chunked = []
    for size in CHUNKS:
        starts = range(0, len(new), size)
        parts = [detector.score_samples(new.iloc[at : at + size]) for at in starts]
        chunked.append(np.concatenate(parts))
    threads = []
    for count in THREADS:
        threads.append(with_threads(count, lambda: detector.score_samples(new)))
    trained = [with_threads(count, fitted).score_samples(new) for count in (1, 1, *THREADS[1:])]
    print("| what differs | rows whose score differs | by at most |\n|---|---|---|")
    print(compared(f"chunks of {', '.join(map(str, CHUNKS))} rows", chunked))
    print(compared(f"{', '.join(map(str, THREADS))} threads in scoring", threads))
    print(compared("the same fit twice", trained[:2]))
    print(compared(f"{', '.join(map(str, THREADS))} threads in training", trained[1:]))


if __name__ == "__main__":
    main()
