"""Other people's detectors as contenders, with the defaults of their libraries.

They see what our encoder makes of the columns, standardised, so that dates, categories and gaps are
theirs too.  Whatever they draw at random comes from the seed; the global random states, which some
of them use, are as before afterwards.  PyOD chooses the device for its networks itself.
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

from anomgan.bench.contender import Encoded, Floats, Outcome
from anomgan.errors import InputError
from anomgan.evaluation.baselines import SKLEARN, Score
from anomgan.utils.memory import forget_peak, peak_mb

HASH_SEED = "PYTHONHASHSEED"  # PyOD sets it

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
"""Those of PyOD that take a seed, some with a fixed one as default; the others draw globally."""

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
        """PyOD's carry its name, as some are called like GANs of ours."""
        return (f"{self.name} (PyOD)" if self.name in PYOD else self.name,)

    def only(self, names: Collection[str]) -> Peer:
        """Itself: it has but one name."""
        return self

    def run(self, table: Encoded, seed: int) -> Iterator[Outcome]:
        """Fit and score.  Raises what the library raises."""
        fit = SKLEARN.get(self.name) or _of_pyod(self.name)
        forget_peak()
        with seeded(seed):
            started = time.perf_counter()
            scaler = StandardScaler().fit(table.normal)
            score = fit(scaler.transform(table.normal), seed)
            ready = time.perf_counter()
            scores = np.asarray(score(scaler.transform(table.new)), dtype=np.float64)
            done = time.perf_counter()
        yield Outcome(
            scores, table.fit_s + ready - started, table.score_s + done - ready, peak_mb()
        )


def _of_pyod(name: str) -> Callable[[Floats, int], Score]:
    """PyOD's detector with its defaults.

    PyOD's contract is that larger is more abnormal, and what it gives is taken as it is.  That
    goes for so-gaal and mo-gaal too, whose scores are D(x) in PyOD, but 1 − D(x) in their paper.
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
    """See whether the libraries are there.

    Raises:
        InputError: If PyOD is asked for and missing.
    """
    asked = [name for name in names if name in PYOD]
    if asked and importlib.util.find_spec("pyod") is None:
        raise InputError(
            f"--peers: {', '.join(asked)} come from PyOD, which isn't installed; "
            f"pip install 'anomgan[bench]'"
        )


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed everything global, and put it back afterwards."""
    python, numpy, hashing = random.getstate(), np.random.get_state(), os.environ.get(HASH_SEED)
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
                os.environ.pop(HASH_SEED, None)
            else:
                os.environ[HASH_SEED] = hashing
