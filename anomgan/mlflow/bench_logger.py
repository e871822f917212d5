"""Log a benchmark as an MLflow run."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow import get_tracking_uri
from mlflow.entities import Metric, Param

from anomgan.mlflow.quiet import describe_error, quiet_mlflow
from anomgan.mlflow.run_logger import log_metrics
from anomgan.mlflow.tracking import LogResult, open_experiment

if TYPE_CHECKING:
    from anomgan.bench.summary import Summary

BENCH_EXPERIMENT = "anomgan-bench"


def log_bench(
    summary: Summary,
    settings: Mapping[str, Any],
    folder: Path,
    *,
    experiment: str | None = None,
    tracking_uri: str | None = None,
) -> LogResult:
    """Log means over the seeds by detector and data set, and the benchmark's files.

    Args:
        summary: The summarised results.
        settings: The settings of the benchmark.
        folder: The folder with ``results.csv`` and the other files.
        experiment: Name of the experiment; default ``anomgan-bench``.
        tracking_uri: The server or store; default ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in
            the current folder.

    Returns:
        The run, or why it couldn't be logged; a failing server raises no exception.
    """
    result = LogResult(missing=["benchmark"])
    with quiet_mlflow():
        try:
            result.where = tracking_uri or get_tracking_uri()
            client, target = open_experiment(result.where, experiment or BENCH_EXPERIMENT)
            run_id = client.create_run(target.experiment_id).info.run_id
            result.run_id = run_id
            now = round(1000 * time.time())
            means = _collect_means(summary)
            log_metrics(client, run_id, [Metric(k, v, now, 0) for k, v in means.items()])
            params = {"seeds": summary.seeds} | {
                key: settings[key] for key in ("anomgan", "preset", "device", "contamination")
            }
            params |= {f"config.{name}": value for name, value in settings["settings"].items()}
            client.log_batch(run_id, params=[Param(key, str(v)) for key, v in params.items()])
            client.log_artifacts(run_id, str(folder))
            client.set_terminated(run_id)
            result.missing = []
        except Exception as error:  # servers and stores raise exceptions of any kind
            result.error = describe_error(error)
    return result


def _collect_means(summary: Summary) -> dict[str, float]:
    """Finite metrics by detector, over all data sets and for each."""
    means: dict[str, float] = {}
    for figure, table in summary.figures.items():
        metric = "average_precision" if figure == "ap" else figure
        for detector in table.columns:
            name = _to_metric_name(detector)
            means[f"{metric}/mean/{name}"] = float(table.loc[summary.common, detector].mean())
            for dataset, value in table[detector].items():
                means[f"{metric}/{_to_metric_name(dataset)}/{name}"] = float(value)
    means |= {f"seconds/{_to_metric_name(k)}": float(v) for k, v in summary.seconds.items()}
    return {name: value for name, value in means.items() if math.isfinite(value)}


def _to_metric_name(name: object) -> str:
    """A name without the characters that MLflow refuses in names of metrics."""
    return "".join(c if c.isalnum() or c in "_-. " else "_" for c in str(name))
