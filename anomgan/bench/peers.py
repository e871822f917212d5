"""Detectors of scikit-learn and PyOD as contenders, with the defaults of their libraries.

They are given our encoding of the columns, standardised, so that dates, categories and missing
cells reach them, too.  Their randomness comes from the seed; global random states, which some of
them use, are restored.  PyOD chooses the device of its networks itself.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import random
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

from anomgan.bench.contender import DetectorRun, EncodedTable
from anomgan.errors import InputError
from anomgan.evaluation.baselines import SKLEARN, Score, append_changes
from anomgan.utils.memory import forget_peak, peak_mb
from anomgan.utils.types import Floats

HASH_SEED_VARIABLE = "PYTHONHASHSEED"  # PyOD sets it

PYOD: dict[str, tuple[str, str]] = {
    "ecod": ("ecod", "ECOD"),
    "hbos": ("hbos", "HBOS"),
    "autoencoder": ("auto_encoder", "AutoEncoder"),
    "vae": ("vae", "VAE"),
    "deep-svdd": ("deep_svdd", "DeepSVDD"),
    "lunar": ("lunar", "LUNAR"),
    "alad": ("alad", "ALAD"),
    "anogan": ("anogan", "AnoGAN"),
    "so-gaal": ("so_gaal", "SO_GAAL"),
    "mo-gaal": ("mo_gaal", "MO_GAAL"),
}
"""Peer -> PyOD's module and class."""

SEEDED = {"autoencoder", "vae", "deep-svdd", "lunar"}
"""Detectors of PyOD that take a seed; the others use global random states."""

PEERS = (*SKLEARN, *PYOD)


@dataclass(frozen=True)
class Peer:
    """A detector of scikit-learn or PyOD.

    Attributes:
        name: One of `PEERS`.
    """

    name: str

    @property
    def names(self) -> tuple[str, ...]:
        """PyOD's detectors carry its name, as some share theirs with GANs of ours."""
        return (f"{self.name} (PyOD)" if self.name in PYOD else self.name,)

    def select(self, names: Collection[str]) -> Peer:
        """Itself: it has only one name."""
        return self

    def run(self, table: EncodedTable, seed: int) -> Iterator[DetectorRun]:
        """Fit and score.  Raises what the library raises."""
        fit = SKLEARN.get(self.name) or _load_pyod(self.name)
        forget_peak()
        with seed_globals(seed):
            started = time.perf_counter()
            normal, new = append_changes(table.normal, table.new, table.changes)
            scaler = StandardScaler().fit(normal)
            score = fit(scaler.transform(normal), seed)
            ready = time.perf_counter()
            scores = np.asarray(score(scaler.transform(new)), dtype=np.float64)
            done = time.perf_counter()
        yield DetectorRun(
            scores, table.fit_s + ready - started, table.score_s + done - ready, peak_mb()
        )


def _load_pyod(name: str) -> Callable[[Floats, int], Score]:
    """Return a function that fits PyOD's detector with its defaults.

    PyOD's convention is that larger is more abnormal, and scores are taken as they are, also those
    of so-gaal and mo-gaal, which are D(x) in PyOD, but 1 − D(x) in their paper.
    """
    module, kind = PYOD[name]
    make: Any = getattr(importlib.import_module(f"pyod.models.{module}"), kind)

    def fit(rows: Floats, seed: int) -> Score:
        options: dict[str, Any] = {"random_state": seed} if name in SEEDED else {}
        if name == "deep-svdd":
            options["n_features"] = rows.shape[1]
        model = make(**options).fit(rows)
        return lambda new: np.asarray(model.decision_function(new))

    return fit


def check_peers(names: Collection[str]) -> None:
    """Check that the libraries of these detectors are installed.

    Raises:
        InputError: If PyOD is asked for and missing.
    """
    of_pyod = [name for name in names if name in PYOD]
    if of_pyod and importlib.util.find_spec("pyod") is None:
        raise InputError(
            f"--peers: {', '.join(of_pyod)} come from PyOD, which isn't installed; "
            f"pip install 'anomgan[bench]'"
        )


@contextlib.contextmanager
def seed_globals(seed: int) -> Iterator[None]:
    """Seed all global random states; restore them afterwards."""
    python, numpy, hashing = (
        random.getstate(),
        np.random.get_state(),
        os.environ.get(HASH_SEED_VARIABLE),
    )
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
            if hashing is None:
                os.environ.pop(HASH_SEED_VARIABLE, None)
            else:
                os.environ[HASH_SEED_VARIABLE] = hashing
