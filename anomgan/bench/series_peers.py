"""Detectors of series to compare with, on windows of one length.

They are given the numbers standardised by the points to fit on.  The score of a point is the
highest of the windows that hold it, and windows aren't normalised one by one, except by
``discord``: both make these detectors better by VUS-PR on the development half of NAB than the
usual alternatives (the score of the window around it, the mean; z-normalised windows).
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA

from anomgan.bench.contender import DetectorRun
from anomgan.bench.peers import seed_globals
from anomgan.bench.series_sets import SeriesSplit
from anomgan.bench.series_windows import cut_windows, pool_scores
from anomgan.errors import InputError
from anomgan.evaluation.baselines import SKLEARN, Score
from anomgan.utils.extras import import_extra
from anomgan.utils.memory import forget_peak, peak_mb
from anomgan.utils.types import Floats

ALPHA = 0.01
"""Share of normal points that a detector's threshold is to flag."""

HELD_OUT = 1 / 3
"""Last part of the points to fit on, whose scores give a peer's threshold (by a second fit)."""

MAX_FIT_WINDOWS, SCORED_BLOCK = 5_000, 10_000
"""Windows that a peer learns from, evenly spaced; windows scored at once, for memory."""

Fit = Callable[[Floats, int, int], Score]
"""``(normal points (n, d), window, seed)`` to what scores points, (m, d) to (m,)."""


def _on_windows(fit_rows: Callable[[Floats, int], Score]) -> Fit:
    """Make a detector of rows one of points."""

    def fit(normal: Floats, window: int, seed: int) -> Score:
        windows = cut_windows(normal, window)
        score_rows = fit_rows(windows[:: -(-len(windows) // MAX_FIT_WINDOWS)], seed)

        def score(points: Floats) -> Floats:
            starts = range(0, len(points) - window + 1, SCORED_BLOCK)
            blocks = (points[at : at + SCORED_BLOCK + window - 1] for at in starts)
            scores = [score_rows(cut_windows(block, window)) for block in blocks]
            return pool_scores(np.concatenate(scores), window)

        return score

    return fit


def _sub_pca(windows: Floats, seed: int) -> Score:
    """Distances to the ends of the principal axes, each divided by its share of the variance.

    PyOD's PCA on windows, which TSB-AD calls Sub-PCA: all components, entries standardised.  It
    rests on the length of a window, hardly on its direction.
    """
    centre, spread = windows.mean(0), windows.std(0)
    spread = np.where(spread > 0, spread, 1.0)
    model = PCA(svd_solver="full").fit((windows - centre) / spread)
    shares = np.maximum(model.explained_variance_ratio_, 1e-12)
    return lambda new: np.asarray(
        (cdist((new - centre) / spread, model.components_) / shares).sum(1)
    )


def _mahalanobis(windows: Floats, seed: int) -> Score:
    """Mahalanobis distance; variances count as at least a hundredth of their mean."""
    model = PCA(svd_solver="full").fit(windows)
    variances = np.maximum(model.explained_variance_, 0.01 * model.explained_variance_.mean())
    return lambda new: np.asarray(np.sqrt((np.square(model.transform(new)) / variances).sum(1)))


def _discord(normal: Floats, window: int, seed: int) -> Score:
    """Distance of each z-normalised window to the nearest one among the normal ones.

    The matrix profile of an AB-join by stumpy (Law, 2019), its mean over the columns.
    """
    stumpy = import_extra("stumpy", "bench", "--peers discord")

    def score(points: Floats) -> Floats:
        profiles = [
            stumpy.stump(new, window, old, ignore_trivial=False)[:, 0].astype(np.float64)
            for new, old in zip(points.T.copy(), normal.T.copy(), strict=True)
        ]
        return pool_scores(np.mean(profiles, axis=0), window)

    return score


def _moving_z(normal: Floats, window: int, seed: int) -> Score:
    """Largest distance of a column from its mean over the window before, in deviations there.

    A deviation counts at least as much as in the points to fit on, or flat stretches would be
    endlessly sensitive.
    """

    def score(points: Floats) -> Floats:
        past = pd.DataFrame(np.concatenate([normal[-window:], points])).shift().rolling(window, 2)
        mean, deviation = (each.to_numpy()[-len(points) :] for each in (past.mean(), past.std()))
        return np.asarray((np.abs(points - mean) / np.maximum(deviation, 1.0)).max(1))

    return score


SERIES_PEERS: dict[str, Fit] = {
    "sub-pca": _on_windows(_sub_pca),
    "mahalanobis": _on_windows(_mahalanobis),
    "knn": _on_windows(SKLEARN["knn"]),
    "iforest": _on_windows(SKLEARN["iforest"]),
    "zscore": _moving_z,
    "discord": _discord,
}
"""Name -> what fits the detector to standardised points."""


@dataclass(frozen=True)
class SeriesPeer:
    """A detector of series.

    Attributes:
        name: A key of :data:`SERIES_PEERS`.
    """

    name: str

    @property
    def names(self) -> tuple[str, ...]:
        """Its only name."""
        return (self.name,)

    def select(self, names: Collection[str]) -> SeriesPeer:
        """Itself: it has only one name."""
        return self

    def run(self, table: SeriesSplit, seed: int) -> Iterator[DetectorRun]:
        """Fit, find the threshold, and score.  Raises what the library raises."""
        fit, (normal, new), window = SERIES_PEERS[self.name], table.values, table.window
        if len(new) < window:
            raise InputError(f"{len(new):,} points to score are fewer than a window of {window:,}")
        held_out = max(window, round(HELD_OUT * len(normal)))
        forget_peak()
        with seed_globals(seed):
            started = time.perf_counter()
            calibration = fit(normal[:-held_out], window, seed)(normal[-held_out:])
            score = fit(normal, window, seed)
            ready = time.perf_counter()
            scores = score(new)
            done = time.perf_counter()
        flagged = scores > np.quantile(calibration, 1 - ALPHA)
        yield DetectorRun(scores, ready - started, done - ready, peak_mb(), flagged)


def check_series_peers(names: Collection[str]) -> None:
    """Check that the libraries of these detectors are installed.

    Raises:
        InputError: If stumpy is asked for and missing.
    """
    if "discord" in names and importlib.util.find_spec("stumpy") is None:
        import_extra("stumpy", "bench", "--peers discord")
