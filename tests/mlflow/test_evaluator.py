"""MLflow's evaluate with our evaluator, and evaluations logged to the run of a fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

import anomgan.mlflow
from anomgan.metrics import metrics
from anomgan.mlflow.evaluator import draw_curves

# MLflow's evaluate and its data sets use what pandas 4 will drop.
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")


@pytest.fixture
def labelled(records: Any) -> pd.DataFrame:
    frame = records(60, seed=4)
    frame.loc[:9, "size"] = 100.0
    return frame.assign(y=[1] * 10 + [0] * 50)


def test_evaluate_knows_our_evaluator(
    detector: Any, labelled: pd.DataFrame, store: str, tmp_path: Path
) -> None:
    anomgan.mlflow.save_model(detector, tmp_path / "model")
    with mlflow.start_run() as run:
        result = mlflow.models.evaluate(
            str(tmp_path / "model"),
            labelled,
            targets="y",
            model_type="anomaly-detector",
            evaluators=["anomgan"],
        )
    scored = detector.score_frame(labelled.drop(columns="y"))
    flagged = scored.score > -detector.offset_
    expected = metrics(labelled["y"], scored.score, flagged=flagged)
    assert result.metrics == expected
    assert expected["auroc"] == 1.0
    client = MlflowClient()
    assert client.get_run(run.info.run_id).data.metrics == expected
    kept = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"roc.png", "precision_recall.png"} <= kept
    assert result.artifacts["roc"].uri.endswith("/roc.png")


def test_scores_that_are_there_already(store: str) -> None:
    table = pd.DataFrame({"score": [0.1, 0.9, 0.4, 0.2], "y": [0, 1, 1, 0]})
    with mlflow.start_run():
        result = mlflow.models.evaluate(
            data=table,
            targets="y",
            predictions="score",
            model_type="anomaly-detector",
            evaluators="anomgan",
            evaluator_config={"ks": [1, 2], "metric_prefix": "test_"},
        )
    assert result.metrics["test_auroc"] == 1.0
    assert result.metrics["test_recall_at_1"] == 0.5
    assert result.metrics["test_recall_at_2"] == 1.0


def test_targets_of_one_kind(
    detector: Any, labelled: pd.DataFrame, store: str, tmp_path: Path
) -> None:
    anomgan.mlflow.save_model(detector, tmp_path / "model")
    with mlflow.start_run(), pytest.raises(MlflowException, match="only normal rows"):
        mlflow.models.evaluate(
            str(tmp_path / "model"),
            labelled.assign(y=0),
            targets="y",
            model_type="anomaly-detector",
            evaluators=["anomgan"],
        )


def test_an_evaluation_goes_to_the_run_of_the_fit(
    detector: Any, labelled: pd.DataFrame, store: str, tmp_path: Path
) -> None:
    detector.save(tmp_path / "m")
    score = detector.score_frame(labelled.drop(columns="y")).score
    found = metrics(labelled["y"], score)
    before = anomgan.mlflow.log_evaluation(tmp_path / "m", found)
    assert before.error == f"no run of this model is there; log it with: anomgan log {tmp_path}/m"
    fitted = anomgan.mlflow.log_fit(detector)
    curves = draw_curves(labelled["y"], score)
    logged = anomgan.mlflow.log_evaluation(tmp_path / "m", found, curves, source="labelled.csv")
    assert (logged.error, logged.run_id) == ("", fitted.run_id)
    client = MlflowClient()
    data = client.get_run(fitted.run_id).data
    assert {k: v for k, v in data.metrics.items() if k.startswith("evaluation/")} == {
        f"evaluation/{name}": value for name, value in found.items()
    }
    assert data.tags["evaluation.source"] == "labelled.csv"
    kept = [file.path for file in client.list_artifacts(fitted.run_id, "evaluation")]
    assert sorted(kept) == ["evaluation/precision_recall.png", "evaluation/roc.png"]
