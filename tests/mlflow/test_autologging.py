"""Fits that log themselves."""

from __future__ import annotations

from typing import Any

import mlflow
from mlflow import MlflowClient

import anomgan.mlflow


def test_autolog(fit: Any, records: Any, store: str) -> None:
    anomgan.mlflow.autolog(log_models=False)
    try:
        fit(records(60))
        with mlflow.start_run() as active:
            fit(records(60, seed=1), random_state=5)
    finally:
        anomgan.mlflow.autolog(disable=True)
    fit(records(60))
    client = MlflowClient()
    experiment = client.get_experiment_by_name("anomgan")
    [new_run] = client.search_runs([experiment.experiment_id])
    assert new_run.data.params["seed"] == "0"
    logged = client.get_run(active.info.run_id)
    assert (logged.data.params["seed"], logged.info.status) == ("5", "FINISHED")
    assert client.search_logged_models(["0", new_run.info.experiment_id]) == []
