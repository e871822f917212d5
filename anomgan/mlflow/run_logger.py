"""Log a fitted detector to a run: parameters, model, metrics, data set, figures, report."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from anomgan.mlflow.flavor import FLAVOR_NAME, make_signature, save_model
from anomgan.mlflow.run_contents import make_dataset_input, make_metrics, make_params

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

    from anomgan.estimator import GANDetector

MODEL_NAME = "model"
MAX_BATCH_PARAMS, MAX_BATCH_METRICS = 100, 1000
"""MLflow's limits for one request."""

SAMPLE_ROWS, SAMPLE_IMAGES = 100, 36
"""Generated records that are logged."""


@dataclass
class LoggedModel:
    """The model logged to a run.

    Attributes:
        model_id: Its identifier; None if no model was to be logged.
        location: URI of its files.
        version: The registered version, if one was requested.
    """

    model_id: str | None = None
    location: str = ""
    version: str | None = None


def log_detector(
    client: MlflowClient,
    run: Run,
    detector: GANDetector,
    *,
    model: bool = True,
    register: str | None = None,
    alias: str | None = None,
    on_logged: Callable[[str], None] = lambda part: None,
) -> LoggedModel:
    """Log a fitted detector to a run, in as few requests as MLflow allows.

    Args:
        client: Of the tracking server or store.
        run: The run.
        detector: A fitted detector.
        model: Whether to log the model, too.
        register: Name of a registered model to add a version to.
        alias: An alias for this version.
        on_logged: Called after each part with its name, see :func:`list_parts`.
    """
    run_id, logged = run.info.run_id, LoggedModel()
    params = make_params(detector)
    for start in range(0, len(params), MAX_BATCH_PARAMS):
        client.log_batch(run_id, params=params[start : start + MAX_BATCH_PARAMS])
    on_logged("parameters")
    if model:
        logged = _log_model(client, run, detector)
        on_logged("model")
    log_metrics(client, run_id, _drop_logged(client, run, make_metrics(detector, logged.model_id)))
    on_logged("metrics")
    kind = "mlflow_colspec" if detector.encoder_.spec.grid is None else "mlflow_tensorspec"
    schema = json.dumps({kind: make_signature(detector).inputs.to_dict()})
    client.log_inputs(run_id, [make_dataset_input(detector, schema)])
    on_logged("data set")
    with tempfile.TemporaryDirectory(prefix="anomgan-") as folder:
        write_artifacts(detector, Path(folder))
        client.log_artifacts(run_id, folder)
    on_logged("figures")
    if register is not None:
        logged.version = _register(client, register, run_id, logged)
        if alias is not None:
            client.set_registered_model_alias(register, alias, logged.version)
        on_logged(f"version of {register!r}")
    return logged


def list_parts(register: str | None) -> list[str]:
    """The parts that :func:`log_detector` logs, in order."""
    names = ["parameters", "model", "metrics", "data set", "figures"]
    return names if register is None else [*names, f"version of {register!r}"]


def log_metrics(client: MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    """Log any number of metrics."""
    for start in range(0, len(metrics), MAX_BATCH_METRICS):
        client.log_batch(run_id, metrics=metrics[start : start + MAX_BATCH_METRICS])


def write_artifacts(detector: GANDetector, folder: Path) -> None:
    """Write figures, generated records and the report into an existing folder."""
    from anomgan.plotting import figures as plots
    from anomgan.plotting.style import png
    from anomgan.reporting.page import report

    history, facts = detector.history_, detector.training_facts_
    figures: dict[str, Callable[[], Figure]] = {
        "score_histogram.png": lambda: plots.score_histogram(
            detector.ensemble_.calibrator.scores, threshold=facts["calibration"]["threshold"]
        ),
        "loss_curves.png": lambda: plots.loss_curves(history.curve),
    }
    if history.health or history.held_out:
        figures["health_curves.png"] = lambda: plots.health_curves(history.health, history.held_out)
    if detector.encoder_.spec.grid is None:
        sample = pd.DataFrame(detector.sample(SAMPLE_ROWS, random_state=0))
        sample.to_csv(folder / "generated.csv", index=False)
    else:
        images = detector.sample(SAMPLE_IMAGES, random_state=0)
        figures["generated.png"] = lambda: plots.sample_grid(images)
    page = report(detector, name=str(facts.get("source", "anomgan model")))
    (folder / "report.html").write_text(page, encoding="utf-8")
    for name, draw in figures.items():
        (folder / name).write_bytes(png(draw(), dpi=110))


def _drop_logged(client: MlflowClient, run: Run, metrics: Sequence[Metric]) -> list[Metric]:
    """The metrics that an earlier, failed attempt hasn't logged to the run."""
    histories = [client.get_metric_history(run.info.run_id, key) for key in run.data.metrics]
    logged = {(metric.key, metric.step) for history in histories for metric in history}
    return [metric for metric in metrics if (metric.key, metric.step) not in logged]


def _log_model(client: MlflowClient, run: Run, detector: GANDetector) -> LoggedModel:
    """Log the model by this client, which may have another server than the process."""
    info = run.info
    entry = client.create_logged_model(
        info.experiment_id, name=MODEL_NAME, source_run_id=info.run_id, model_type=FLAVOR_NAME
    )
    mlflow_model = Model(
        artifact_path=entry.artifact_location,
        run_id=info.run_id,
        model_uuid=entry.model_id,
        model_id=entry.model_id,
    )
    try:
        with tempfile.TemporaryDirectory(prefix="anomgan-") as folder:
            path = Path(folder, MODEL_NAME)
            save_model(detector, path, mlflow_model=mlflow_model)
            client.log_model_artifacts(entry.model_id, str(path))
    except BaseException:
        client.finalize_logged_model(entry.model_id, "FAILED")
        raise
    client.finalize_logged_model(entry.model_id, "READY")
    client.log_outputs(info.run_id, [LoggedModelOutput(entry.model_id, step=0)])
    return LoggedModel(entry.model_id, entry.artifact_location)


def _register(client: MlflowClient, name: str, run_id: str, logged: LoggedModel) -> str:
    """Add a version to a registered model, which is created if it doesn't exist."""
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = client.create_model_version(name, logged.location, run_id, model_id=logged.model_id)
    return str(version.version)
