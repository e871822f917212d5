"""Simple detectors of scikit-learn, with its defaults: what a GAN has to be better than."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.svm import OneClassSVM

from anomgan.utils.types import Bools, Floats

Score = Callable[[Floats], Floats]
"""Rows to scores, larger for more abnormal."""

PCA_VARIANCE = 0.9
"""Share of the variance that PCA keeps: its default, all of it, would leave no error to measure."""


def append_changes(
    normal: Floats, new: Floats, changes: Mapping[str, Bools]
) -> tuple[Floats, Floats]:
    """Give simple detectors, too, what became of columns that never varied in training.

    Args:
        normal: Encoded training rows, ``(n, D)``.
        new: Encoded rows to score, ``(m, D)``.
        changes: For each column that was constant in training, where it changed, ``(m,)``.

    Returns:
        Both tables with one column more, the number of changes, if there are any.
    """
    if not changes:
        return normal, new
    count = np.sum(list(changes.values()), axis=0, dtype=np.float64)
    return np.column_stack([normal, np.zeros(len(normal))]), np.column_stack([new, count])


def _forest(rows: Floats, seed: int) -> Score:
    model = IsolationForest(random_state=seed).fit(rows)
    return lambda new: -model.score_samples(new)


def _neighbours(rows: Floats, seed: int) -> Score:
    """Mean distance to the five nearest normal rows."""
    model = NearestNeighbors(n_neighbors=5).fit(rows)
    return lambda new: np.asarray(model.kneighbors(new)[0].mean(1))


def _outlier_factor(rows: Floats, seed: int) -> Score:
    model = LocalOutlierFactor(novelty=True).fit(rows)
    return lambda new: -model.score_samples(new)


def _one_class(rows: Floats, seed: int) -> Score:
    model = OneClassSVM().fit(rows)
    return lambda new: -model.score_samples(new)


def _mixture(rows: Floats, seed: int) -> Score:
    """Minus the logarithm of the density; scikit-learn's default is a single Gaussian."""
    model = GaussianMixture(random_state=seed).fit(rows)
    return lambda new: -model.score_samples(new)


def _components(rows: Floats, seed: int) -> Score:
    """Squared error of the reconstruction from the first components."""
    model = PCA(PCA_VARIANCE, svd_solver="full").fit(rows)
    return lambda new: np.asarray(
        np.square(new - model.inverse_transform(model.transform(new))).sum(1)
    )


SKLEARN: dict[str, Callable[[Floats, int], Score]] = {
    "iforest": _forest,
    "knn": _neighbours,
    "lof": _outlier_factor,
    "ocsvm": _one_class,
    "gmm": _mixture,
    "pca": _components,
}
"""Name -> what fits the detector to standardised rows, given a seed."""
