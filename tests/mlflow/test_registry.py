"""Models by URI, and which version gets the alias."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

import anomgan.mlflow

from ..cli.test_json_schema import check


@pytest.fixture(scope="module")
def worse(fit: Any, records: Any) -> Any:
    """A detector that learnt from other columns of the same names: what is odd is normal to it."""
    return fit(
        records(150, seed=9).assign(
            size=np.random.default_rng(9).permutation(np.linspace(-200.0, 200.0, 150))
        )
    )


@pytest.fixture
def labelled(records: Any, tmp_path: Path) -> Path:
    frame = records(60, seed=4)
    frame.loc[:9, "size"] = 100.0
    frame.assign(y=[1] * 10 + [0] * 50).to_csv(tmp_path / "labelled.csv", index=False)
    return tmp_path / "labelled.csv"


def test_score_and_info_read_from_the_registry(
    run: Any, store: str, detector: Any, labelled: Path, tmp_path: Path
) -> None:
    detector.save(tmp_path / "m")
    sent = anomgan.mlflow.log_fit(detector, register="pens", alias="champion")
    assert (sent.version, sent.error) == ("1", "")
    expected = run("score", labelled, "--model", tmp_path / "m").out
    names = [
        "models:/pens@champion",
        "models:/pens/1",
        sent.model_uri,
        f"runs:/{sent.run_id}/model",
    ]
    for name in names:
        done = run("score", labelled, "--model", name)
        assert (done.code, done.out) == (0, expected), name
    shown = run("info", "models:/pens@champion")
    assert shown.out.splitlines()[0].split() == ["model", "models:/pens@champion"]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("models:/nobody@champion", "Registered Model with name=nobody not found"),
        ("models:/pens@chump", "Registered model alias chump not found"),
        ("models:/pens/7", "not found"),
        ("runs:/0123456789abcdef0123456789abcdef/model", "not found"),
    ],
)
def test_models_that_are_not_there(
    run: Any, store: str, labelled: Path, uri: str, message: str
) -> None:
    MlflowClient().create_registered_model("pens")
    error = run("score", labelled, "--model", uri).error
    assert error.startswith(f"{uri}: can't be read from MLflow: ")
    assert message in error


def test_a_registry_that_is_down(
    run: Any, labelled: Path, free_port: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    error = run("score", labelled, "--model", "models:/pens@champion").error
    assert error == (
        "models:/pens@champion: can't be read from MLflow: the MLflow server doesn't answer"
    )


def test_the_better_one_is_promoted(
    run: Any, store: str, detector: Any, worse: Any, labelled: Path
) -> None:
    promote = ["promote", "pens", "--if-better", labelled, "--label", "y"]
    assert "Registered Model with name=pens not found" in run(*promote).error

    anomgan.mlflow.log_fit(worse, register="pens")
    first = run(*promote)
    assert (first.code, first.out) == (0, "models:/pens@champion is version 1\n")
    assert "nobody was champion before" in first.err
    again = run(*promote)
    assert again.code == 3
    assert "version 1 is champion already" in again.err

    anomgan.mlflow.log_fit(detector, register="pens")
    better = run(*promote)
    assert (better.code, better.out) == (0, "models:/pens@champion is version 2\n")
    assert "version 2: average_precision 1.0000 on 60 rows" in better.err

    anomgan.mlflow.log_fit(worse, register="pens")
    kept = run(*promote)
    assert (kept.code, kept.out) == (3, "models:/pens@champion is version 2\n")
    printed = run(*promote, "--json").out
    check("promote", printed)
    facts = json.loads(printed)
    assert (facts["promoted"], facts["version"], facts["now"]) == (False, "3", "2")
    old = run(*promote, "--version", 1, "--alias", "shadow")
    assert old.out == "models:/pens@shadow is version 1\n"
    aliases = MlflowClient().get_registered_model("pens").aliases
    assert {name: str(version) for name, version in aliases.items()} == {
        "champion": "2",
        "shadow": "1",
    }


def test_metrics_go_by_the_thresholds_that_predict_uses(
    run: Any, store: str, by_machine: Any, machines: pd.DataFrame, tmp_path: Path
) -> None:
    anomgan.mlflow.log_fit(by_machine, register="machines")
    abnormal = by_machine.predict(machines) == -1
    machines.assign(y=abnormal.astype(int)).to_csv(tmp_path / "labelled.csv", index=False)
    done = run(
        "promote", "machines", "--if-better", "labelled.csv", "--label", "y", "--metric", "f1"
    )
    assert done.code == 0, done.err
    assert "version 1: f1 1.0000 on 100 rows" in done.err


@pytest.mark.slow
def test_smaller_is_better_for_some_metrics(
    run: Any, store: str, detector: Any, worse: Any, labelled: Path
) -> None:
    anomgan.mlflow.log_fit(detector, register="pens", alias="champion")
    anomgan.mlflow.log_fit(worse, register="pens")
    promote = ["promote", "pens", "--if-better", labelled, "--label", "y"]
    kept = run(*promote, "--metric", "fpr_at_95_tpr")
    assert kept.out == "models:/pens@champion is version 1\n"
    unknown = run(*promote, "--metric", "speed").error
    assert unknown.startswith("unknown metric 'speed'; choose one of: auroc")
    assert "has no column 'z'" in run(*promote[:-1], "z").error


def test_columns_set_aside_at_fit_are_known(
    run: Any, store: str, fit: Any, records: Any, labelled: Path
) -> None:
    model = fit(records(60))
    model.training_facts_["set_aside"] = {"id": "name", "label": "y", "drop": ["note"]}
    anomgan.mlflow.log_fit(model, register="named")
    frame = pd.read_csv(labelled).assign(name=[f"pump {at}" for at in range(60)], note="x")
    frame.to_csv("named.csv", index=False)
    done = run("promote", "named", "--if-better", "named.csv", "--label", "y")
    assert done.code == 0, done.err
    assert "warning" not in done.err
