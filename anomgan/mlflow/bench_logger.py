"""A benchmark as an MLflow run, to compare with earlier ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from mlflow import MlflowClient, get_tracking_uri
from mlflow.entities import Metric, Param

from anomgan.mlflow.alone import lock_store
from anomgan.mlflow.quiet import calm, reason
from anomgan.mlflow.run_logger import log_metrics
from anomgan.mlflow.tracking import Logged, experiment_of

if TYPE_CHECKING:
    from anomgan.bench.summary import Summary

EXPERIMENT = "anomgan-bench"


def log_bench(
    summary: Summary,
    settings: Mapping[str, Any],
    folder: Path,
    *,
    experiment: str | None = None,
    tracking_uri: str | None = None,
) -> Logged:
    """Log means over the seeds by detector and set, and the files of the benchmark.

    Args:
        summary: What the rows say.
        settings: What they were measured with.
        folder: Where ``results.csv`` and the other files are.
        experiment: By default ``anomgan-bench``.
        tracking_uri: By default what the environment says, or ``mlflow.db`` here.

    Returns:
        The run, or why it couldn't be logged; a server that fails raises nothing.
    """
    logged = Logged(missing=["benchmark"])
    with calm():
        try:
            logged.where = tracking_uri or get_tracking_uri()
            with lock_store(logged.where):
                client = MlflowClient(logged.where)
                home = experiment_of(client, experiment or EXPERIMENT)
            run_id = client.create_run(home.experiment_id).info.run_id
            logged.run_id = run_id
            now = int(pd.Timestamp.now("UTC").timestamp() * 1000)
            found = [Metric(name, value, now, 0) for name, value in _figures(summary).items()]
            log_metrics(client, run_id, found)
            known = {"seeds": summary.seeds} | {
                key: settings[key] for key in ("anomgan", "preset", "device", "contamination")
            }
            known |= {f"config.{name}": value for name, value in settings["settings"].items()}
            client.log_batch(run_id, params=[Param(key, str(v)) for key, v in known.items()])
            client.log_artifacts(run_id, str(folder))
            client.set_terminated(run_id)
            logged.missing = []
        except Exception as error:  # whatever a server or a store comes up with
            logged.error = reason(error)
    return logged


def _figures(summary: Summary) -> dict[str, float]:
    """Means over sets, and each set's own."""
    found: dict[str, float] = {}
    for name, table in (("auroc", summary.auroc), ("average_precision", summary.ap)):
        for detector in table.columns:
            place = _plain(str(detector))
            found[f"{name}/mean/{place}"] = float(table.loc[summary.common, detector].mean())
            for data, value in table[detector].items():
                found[f"{name}/{_plain(str(data))}/{place}"] = float(value)
    for gain in summary.gains.to_dict("records"):
        for name, figure in (("auroc", "auroc"), ("average_precision", "ap")):
            place = _plain(str(gain["detector"]))
            found[f"training_gain/{name}/{place}"] = float(gain[figure])
    for name, seconds in zip(summary.seconds.index, summary.seconds, strict=True):
        found[f"seconds/{_plain(str(name))}"] = float(seconds)
    return {key: value for key, value in found.items() if math.isfinite(value)}


def _plain(name: str) -> str:
    """A name with nothing in it that MLflow refuses in names of metrics."""
    return "".join(c if c.isalnum() or c in "_-. " else "_" for c in name)
