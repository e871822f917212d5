"""What goes into a run, in as few requests as MLflow allows."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from anomgan.mlflow import contents
from anomgan.mlflow.artifacts import write_artifacts
from anomgan.mlflow.flavor import FLAVOR_NAME, save_model
from anomgan.mlflow.signature import signature

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

    from anomgan.estimator import GANDetector

MODEL = "model"
"""Name of a run's logged model."""

MOST_PARAMS, MOST_METRICS = 100, 1000
"""What MLflow takes in one batch."""


@dataclass
class Filled:
    """What is there once a run is filled.

    Attributes:
        model_id: The logged model.
        source: Where its files are.
        version: The registered version, if one was asked for.
    """

    model_id: str | None = None
    source: str = ""
    version: str | None = None


def fill(
    client: MlflowClient,
    run: Run,
    detector: GANDetector,
    *,
    model: bool = True,
    register: str | None = None,
    alias: str | None = None,
    done: Callable[[str], None] = lambda part: None,
) -> Filled:
    """Log all that is known of a fit to a run.

    Args:
        client: Of the server or store.
        run: The run.
        detector: A fitted detector.
        model: Whether to log the model, too.
        register: A registered model's name, of which it becomes a version.
        alias: An alias for this version.
        done: Told of each part, one of those that :func:`parts` names.
    """
    run_id, filled = run.info.run_id, Filled()
    known = contents.params(detector)
    for start in range(0, len(known), MOST_PARAMS):
        client.log_batch(run_id, params=known[start : start + MOST_PARAMS])
    done("parameters")
    if model:
        filled.model_id, filled.source = _log_model(client, run, detector)
        done("model")
    log_metrics(client, run_id, _lacking(client, run, contents.metrics(detector, filled.model_id)))
    done("metrics")
    kind = "mlflow_colspec" if detector.encoder_.spec.grid is None else "mlflow_tensorspec"
    columns = {kind: signature(detector).inputs.to_dict()}
    client.log_inputs(run_id, [contents.dataset(detector, json.dumps(columns))])
    done("data set")
    with tempfile.TemporaryDirectory(prefix="anomgan-") as place:
        write_artifacts(detector, Path(place))
        client.log_artifacts(run_id, place)
    done("figures")
    if register is not None:
        filled.version = _register(client, register, run_id, filled)
        if alias is not None:
            client.set_registered_model_alias(register, alias, filled.version)
        done(f"version of {register!r}")
    return filled


def parts(register: str | None) -> list[str]:
    """What :func:`fill` logs, in order."""
    known = ["parameters", "model", "metrics", "data set", "figures"]
    return known if register is None else [*known, f"version of {register!r}"]


def log_metrics(client: MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    """Log any number of metrics."""
    for start in range(0, len(metrics), MOST_METRICS):
        client.log_batch(run_id, metrics=metrics[start : start + MOST_METRICS])


def _lacking(client: MlflowClient, run: Run, metrics: Sequence[Metric]) -> list[Metric]:
    """Those that aren't there yet: a run that failed and is gone on with may hold some."""
    histories = [client.get_metric_history(run.info.run_id, key) for key in run.data.metrics]
    there = {(metric.key, metric.step) for history in histories for metric in history}
    return [metric for metric in metrics if (metric.key, metric.step) not in there]


def _log_model(client: MlflowClient, run: Run, detector: GANDetector) -> tuple[str, str]:
    """Log the model by this client alone, whatever server the process is set to; id and place."""
    info = run.info
    entry = client.create_logged_model(
        info.experiment_id, name=MODEL, source_run_id=info.run_id, model_type=FLAVOR_NAME
    )
    about = Model(
        artifact_path=entry.artifact_location,
        run_id=info.run_id,
        model_uuid=entry.model_id,
        model_id=entry.model_id,
    )
    try:
        with tempfile.TemporaryDirectory(prefix="anomgan-") as place:
            save_model(detector, Path(place, MODEL), mlflow_model=about)
            client.log_model_artifacts(entry.model_id, str(Path(place, MODEL)))
    except BaseException:
        client.finalize_logged_model(entry.model_id, "FAILED")
        raise
    client.finalize_logged_model(entry.model_id, "READY")
    client.log_outputs(info.run_id, [LoggedModelOutput(entry.model_id, step=0)])
    return entry.model_id, entry.artifact_location


def _register(client: MlflowClient, name: str, run_id: str, filled: Filled) -> str:
    """Make a version of a registered model, which is made where it isn't there."""
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.create_model_version(name, filled.source, run_id, model_id=filled.model_id)
    return str(made.version)
