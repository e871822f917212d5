"""A benchmark as an MLflow run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mlflow import MlflowClient


def test_a_benchmark_is_a_run(run: Any, store: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = np.r_[rng.normal(size=(60, 3)), rng.normal(9, 1, size=(10, 3))]
    np.savez("far.npz", X=rows, y=np.repeat([0, 1], [60, 10]))
    options = ["--methods", "none", "--peers", "knn,iforest", "--seeds", 1, "--track"]
    done = run("bench", "far.npz", *options)
    assert done.code == 0, done.err
    client = MlflowClient()
    home = client.get_experiment_by_name("anomgan-bench")
    [found] = client.search_runs([home.experiment_id])
    assert found.data.metrics["auroc/far/knn"] == found.data.metrics["auroc/mean/knn"] == 1.0
    assert found.data.params["preset"] == "balanced"
    kept = {file.path for file in client.list_artifacts(found.info.run_id)}
    assert {"results.csv", "results.md", "results.png"} <= kept
