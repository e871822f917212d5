"""Log a fit as an MLflow run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow import MlflowClient, get_tracking_uri
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from anomgan.errors import InputError
from anomgan.mlflow.quiet import describe_error, quiet_mlflow
from anomgan.mlflow.run_contents import FINGERPRINT_TAG, get_fit_interval, get_user_name, make_tags
from anomgan.mlflow.run_logger import list_parts, log_detector
from anomgan.persistence.model_dir import DESCRIPTION
from anomgan.utils.locks import hold_lock

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run

    from anomgan.estimator import GANDetector

DEFAULT_EXPERIMENT = "anomgan"

LOGGING_TIMEOUT_S = 90.0
"""After this time no further part is logged, so that a slow server doesn't hold up a fit."""

LOCK_TIMEOUT_S = 60.0
"""Longest wait for another process that creates a store's tables."""


@dataclass
class LogResult:
    """What was logged.

    Attributes:
        run_id: The run; None if it couldn't be created.
        model_uri: The logged model, ``models:/…``.
        version: The registered version, if one was requested.
        error: Why parts are missing; empty if none is.
        missing: Names of the missing parts.
        where: The server or store, or the run's page on a server.
    """

    run_id: str | None = None
    model_uri: str | None = None
    version: str | None = None
    error: str = ""
    missing: list[str] = field(default_factory=list)
    where: str = ""


def log_fit(
    detector: GANDetector,
    *,
    experiment: str | None = None,
    run_name: str | None = None,
    tracking_uri: str | None = None,
    register: str | None = None,
    alias: str | None = None,
    model: bool = True,
) -> LogResult:
    """Log a finished fit as a run: parameters, losses, health, figures and the model.

    If an earlier attempt to log the same fit has failed, its run is completed.

    Args:
        detector: A fitted detector.
        experiment: Name of the experiment; default ``MLFLOW_EXPERIMENT_NAME``, else ``anomgan``.
        run_name: Name of the run; by default MLflow generates one.
        tracking_uri: The server or store; default ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in
            the current folder.
        register: Name of a registered model to add a version to.
        alias: An alias for this version.
        model: Whether to log the model itself.

    Returns:
        What was logged.  A failing server raises no exception but is described in ``error``.
    """
    result = LogResult(missing=["run", *list_parts(register)])
    deadline = time.monotonic() + LOGGING_TIMEOUT_S

    def on_logged(part: str) -> None:
        result.missing.remove(part)
        if time.monotonic() > deadline:
            raise InputError(f"the MLflow server is too slow: {LOGGING_TIMEOUT_S:.0f} s are over")

    with quiet_mlflow():
        try:
            result.where = tracking_uri or get_tracking_uri()
            client, target = open_experiment(result.where, experiment)
            run = _open_run(client, target, detector, run_name)
            result.run_id, result.where = run.info.run_id, _format_page_url(client, run)
            on_logged("run")
            logged = log_detector(
                client,
                run,
                detector,
                model=model,
                register=register,
                alias=alias,
                on_logged=on_logged,
            )
            result.version = logged.version
            result.model_uri = None if logged.model_id is None else f"models:/{logged.model_id}"
            client.set_terminated(run.info.run_id, "FINISHED", get_fit_interval(detector)[1])
            result.missing = []
        except Exception as error:  # servers and stores raise exceptions of any kind
            result.error = describe_error(error)
            if result.run_id is not None:
                with contextlib.suppress(Exception):
                    client.set_terminated(result.run_id, "FAILED")
    return result


def open_experiment(uri: str, name: str | None = None) -> tuple[MlflowClient, Experiment]:
    """A client of a server or store, and the experiment, which is created if it doesn't exist.

    Args:
        uri: The server or store.
        name: Name of the experiment; default the environment's, else :data:`DEFAULT_EXPERIMENT`.

    Raises:
        InputError: If the experiment was deleted.
    """
    with _lock_sqlite(uri):
        client = MlflowClient(uri)  # creates the tables of a new store
        return client, _get_or_create_experiment(client, name)


@contextlib.contextmanager
def _lock_sqlite(uri: str) -> Iterator[None]:
    """Keep this user's other processes from an SQLite store; does nothing for other stores.

    MLflow creates the tables in some fifty steps, and a second process that connects meanwhile
    finds them incomplete and fails.  After a timeout both go on.
    """
    if not uri.startswith("sqlite:"):
        yield
        return
    key = hashlib.sha256(f"{get_user_name()} {uri}".encode()).hexdigest()[:16]
    with hold_lock(Path(tempfile.gettempdir(), f"anomgan-{key}.lock"), LOCK_TIMEOUT_S):
        yield


def _get_or_create_experiment(client: MlflowClient, name: str | None) -> Experiment:
    """The experiment.

    Raises:
        InputError: If it was deleted.
    """
    experiment: Experiment | None
    experiment_id = os.environ.get("MLFLOW_EXPERIMENT_ID")
    name = name or os.environ.get("MLFLOW_EXPERIMENT_NAME")
    if name is None and experiment_id:
        experiment = client.get_experiment(experiment_id)
    else:
        name = name or DEFAULT_EXPERIMENT
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            try:
                client.create_experiment(name, artifact_location=_choose_artifact_location(client))
            except MlflowException as error:  # another process was faster
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            experiment = client.get_experiment_by_name(name)
    if experiment is None:
        raise InputError(f"the experiment {name!r} was neither found nor made; try again")
    if experiment.lifecycle_stage != "active":
        raise InputError(
            f"the experiment {experiment.name!r} was deleted; restore it (mlflow experiments "
            f"restore --experiment-id {experiment.experiment_id}) or name another with --experiment"
        )
    return experiment


def _choose_artifact_location(client: MlflowClient) -> str | None:
    """Where artifacts of a new experiment go: beside an SQLite file, else the server's default."""
    if not client.tracking_uri.startswith("sqlite:///"):
        return None
    database = Path(client.tracking_uri.removeprefix("sqlite:///").partition("?")[0])
    return (database.resolve().parent / "mlruns").as_uri()


def find_run(client: MlflowClient, fingerprint: str) -> Run | None:
    """The latest run of a model in any experiment; None if it wasn't logged."""
    runs = client.search_runs(
        [experiment.experiment_id for experiment in client.search_experiments()],
        f"tags.`{FINGERPRINT_TAG}` = '{fingerprint}'",
        run_view_type=ViewType.ACTIVE_ONLY,
        max_results=1,
        order_by=["attributes.start_time DESC"],
    )
    return runs[0] if runs else None


def read_fingerprint(directory: Path) -> str:
    """The checksum in a model directory's description, which identifies the model."""
    description = json.loads((directory / DESCRIPTION).read_bytes())
    return str(description["sha256"])


def _open_run(
    client: MlflowClient, experiment: Experiment, detector: GANDetector, run_name: str | None
) -> Run:
    """The run of an earlier attempt that failed, reopened, or a new one."""
    with tempfile.TemporaryDirectory(prefix="anomgan-") as folder:
        detector.save(Path(folder, "model"))
        fingerprint = read_fingerprint(Path(folder, "model"))
    latest = find_run(client, fingerprint)
    if (
        latest is not None
        and latest.info.status == "FAILED"
        and latest.info.experiment_id == experiment.experiment_id
    ):
        client.update_run(latest.info.run_id, "RUNNING", run_name)
        return latest
    start, _ = get_fit_interval(detector)
    tags = make_tags(detector, fingerprint)
    return client.create_run(experiment.experiment_id, start, tags, run_name)


def _format_page_url(client: MlflowClient, run: Run) -> str:
    """URL of the run's page, if there is a server; else the store."""
    uri = str(client.tracking_uri)
    if not uri.startswith("http"):
        return uri
    return f"{uri.rstrip('/')}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
