"""A fit as an MLflow run: found or made, filled, closed."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow import MlflowClient, get_tracking_uri
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException

from anomgan.errors import InputError
from anomgan.mlflow import contents
from anomgan.mlflow.alone import lock_store
from anomgan.mlflow.quiet import calm, reason
from anomgan.mlflow.run_logger import fill, parts
from anomgan.persistence.model_dir import DESCRIPTION

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run

    from anomgan.estimator import GANDetector

EXPERIMENT = "anomgan"
"""Where runs go if nobody says."""

DEADLINE = 90.0
"""Seconds after which no further part is begun: a slow server mustn't hold up a fit for ever."""


@dataclass
class Logged:
    """What came of logging.

    Attributes:
        run_id: The run; None if it couldn't even be made.
        model_uri: The logged model, ``models:/…``.
        version: The registered version, if one was asked for.
        error: Why something is missing; empty if nothing is.
        missing: What is.
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
) -> Logged:
    """Log a fit that is over: parameters, losses, health, figures, the model.

    A run of the same fit that was begun and failed is gone on with.

    Args:
        detector: A fitted detector.
        experiment: By default what ``MLFLOW_EXPERIMENT_NAME`` says, or ``anomgan``.
        run_name: By default MLflow makes one up.
        tracking_uri: By default what ``MLFLOW_TRACKING_URI`` says, or ``mlflow.db`` here.
        register: A registered model's name, of which this becomes a version.
        alias: An alias for this version.
        model: Whether to log the model itself.

    Returns:
        What was logged.  Nothing is raised for a server that fails: see ``error``.
    """
    logged = Logged(missing=["run", *parts(register)])
    until = time.monotonic() + DEADLINE

    def done(part: str) -> None:
        logged.missing.remove(part)
        if time.monotonic() > until:
            raise InputError(f"the MLflow server is too slow: {DEADLINE:.0f} s are over")

    with calm():
        try:
            logged.where = tracking_uri or get_tracking_uri()
            with lock_store(logged.where):  # the client makes a new store's tables
                client = MlflowClient(logged.where)
                home = experiment_of(client, experiment)
            run = _run(client, home, detector, run_name)
            logged.run_id, logged.where = run.info.run_id, _page(client, run)
            done("run")
            filled = fill(
                client, run, detector, model=model, register=register, alias=alias, done=done
            )
            logged.version = filled.version
            logged.model_uri = None if filled.model_id is None else f"models:/{filled.model_id}"
            client.set_terminated(run.info.run_id, "FINISHED", contents.moments(detector)[1])
            logged.missing = []
        except Exception as error:  # whatever a server or a store comes up with
            logged.error = reason(error)
            if logged.run_id is not None:
                with contextlib.suppress(Exception):
                    client.set_terminated(logged.run_id, "FAILED")
    return logged


def experiment_of(client: MlflowClient, name: str | None = None) -> Experiment:
    """The experiment of a name, made where it isn't there.

    Args:
        client: Of the server or store.
        name: By default the environment's, or :data:`EXPERIMENT`.

    Raises:
        InputError: If it was deleted.
    """
    found: Experiment | None
    number = os.environ.get("MLFLOW_EXPERIMENT_ID")
    name = name or os.environ.get("MLFLOW_EXPERIMENT_NAME")
    if name is None and number:
        found = client.get_experiment(number)
    else:
        name = name or EXPERIMENT
        found = client.get_experiment_by_name(name)
        if found is None:
            try:
                client.create_experiment(name, artifact_location=_beside(client.tracking_uri))
            except MlflowException as error:  # somebody else was a moment earlier
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
            found = client.get_experiment_by_name(name)
    if found is None:
        raise InputError(f"the experiment {name!r} was neither found nor made; try again")
    if found.lifecycle_stage != "active":
        raise InputError(
            f"the experiment {found.name!r} was deleted; restore it (mlflow experiments restore "
            f"--experiment-id {found.experiment_id}) or name another with --experiment"
        )
    return found


def _beside(uri: str) -> str | None:
    """Where artifacts go: beside a local database, whatever the current folder is."""
    if not uri.startswith("sqlite:///"):
        return None
    database = Path(uri.removeprefix("sqlite:///").partition("?")[0])
    return (database.resolve().parent / "mlruns").as_uri()


def find_run(client: MlflowClient, fingerprint: str) -> Run | None:
    """The latest run that this model was logged to, in any experiment; None if there is none."""
    homes = [home.experiment_id for home in client.search_experiments()]
    found = client.search_runs(
        homes,
        f"tags.`{contents.FINGERPRINT}` = '{fingerprint}'",
        run_view_type=ViewType.ACTIVE_ONLY,
        max_results=1,
        order_by=["attributes.start_time DESC"],
    )
    return found[0] if found else None


def fingerprint_of(directory: Path) -> str:
    """What tells a model from every other: the checksum that its description carries."""
    description = json.loads((directory / DESCRIPTION).read_bytes())
    return str(description["sha256"])


def _run(
    client: MlflowClient, home: Experiment, detector: GANDetector, run_name: str | None
) -> Run:
    """The run to fill: one of the same model that was begun and failed, or a new one."""
    with tempfile.TemporaryDirectory(prefix="anomgan-") as place:
        detector.save(Path(place, "model"))
        fingerprint = fingerprint_of(Path(place, "model"))
    begun = find_run(client, fingerprint)
    if begun is not None and (begun.info.status, begun.info.experiment_id) == (
        "FAILED",
        home.experiment_id,
    ):
        client.update_run(begun.info.run_id, "RUNNING", run_name)
        return begun
    tags = {tag.key: tag.value for tag in contents.tags(detector, fingerprint)}
    begin, _ = contents.moments(detector)
    return client.create_run(home.experiment_id, begin, tags, run_name)


def _page(client: MlflowClient, run: Run) -> str:
    """The run's page, where there is a server for it; otherwise the store."""
    uri = str(client.tracking_uri)
    if not uri.startswith("http"):
        return uri
    return f"{uri.rstrip('/')}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
