from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector

PATIENCE = 90.0
"""Seconds that a server may take to answer for the first time; a busy machine needs many."""


def make_records(rows: int, seed: int = 0) -> pd.DataFrame:
    """Every kind of column; one has gaps."""
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 1000, rows), unit="h")
    return pd.DataFrame(
        {
            "size": rng.normal(10, 2, rows),
            "count": rng.integers(0, 9, rows),
            "colour": rng.choice(["red", "green"], rows),
            "sound": rng.choice([True, False], rows),
            "answer": rng.choice(["yes", "no"], rows),
            "gaps": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows)),
            "seen": days,
        }
    )


@pytest.fixture(scope="session")
def records() -> Callable[..., pd.DataFrame]:
    """Make up records of all kinds of columns."""
    return make_records


@pytest.fixture(scope="session")
def fit() -> Callable[..., GANDetector]:
    """Fit in a moment."""

    def fit(frame: Any, **kwargs: Any) -> GANDetector:
        settings = {"steps": 20, "members": 1, "hidden": 8, "latent": 4, "inversion_steps": 1}
        return GANDetector(settings=settings, **{"random_state": 0, **kwargs}).fit(frame)

    return fit


@pytest.fixture(scope="session")
def detector(fit: Callable[..., GANDetector]) -> GANDetector:
    """A detector fitted once; tests must not change it."""
    return fit(make_records(150))


def make_machines(rows: int, seed: int = 0) -> pd.DataFrame:
    """Readings of two machines, one of which varies five times as much."""
    rng = np.random.default_rng(seed)
    noisy = rng.random(rows) < 0.5
    return pd.DataFrame(
        {
            "machine": np.where(noisy, "noisy", "steady"),
            "heat": rng.normal(0, np.where(noisy, 5, 1)),
            "load": rng.normal(0, 1, rows),
        }
    )


@pytest.fixture(scope="session")
def machines() -> pd.DataFrame:
    """Some rows of which the thresholds by machine and the pooled one flag different ones."""
    return make_machines(100, seed=1)


@pytest.fixture(scope="session")
def by_machine(fit: Callable[..., GANDetector]) -> GANDetector:
    """A detector with a threshold for each machine; tests must not change it."""
    return fit(make_machines(1200), method="cgan", condition="machine")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, which take seconds to make."""
    from mlflow import MlflowClient

    from anomgan.mlflow.quiet import quiet_mlflow

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    with quiet_mlflow():
        MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def store(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of an empty store in the current folder; the environment points to it."""
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for name in ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)
    return uri


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A port that nobody listens on."""

    def free_port() -> int:
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            return int(held.getsockname()[1])

    return free_port


@pytest.fixture(scope="session")
def serving() -> Callable[..., Any]:
    """Run a server until the context ends; gives the process once it answers."""

    @contextlib.contextmanager
    def serving(command: list[str], url: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
        log = folder / "server.log"
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        with log.open("ab") as out:
            process = subprocess.Popen(
                command,
                stdout=out,
                stderr=out,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
            try:
                end = time.monotonic() + PATIENCE
                while True:
                    with contextlib.suppress(OSError):
                        urllib.request.urlopen(url, timeout=5).close()
                        break
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < end, log.read_text()
                    time.sleep(0.2)
                yield process
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    return serving


@pytest.fixture(scope="session")
def program() -> list[str]:
    """The beginning of a command line that runs anomgan in another process."""
    return [sys.executable, "-m", "anomgan"]
