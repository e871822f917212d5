"""What a fit leaves in MLflow, and that no server can spoil a fit."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient

import anomgan.mlflow
from anomgan import load
from anomgan.mlflow.quiet import quiet_mlflow

from ..cli.test_json_schema import check

TINY = ["steps=20", "members=1", "hidden=8", "latent=4", "inversion_steps=1"]
OPTIONS = ["--track", *(part for setting in TINY for part in ("--set", setting))]


@pytest.fixture(scope="module")
def normal(records: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "normal.csv"
    records(150).to_csv(path, index=False)
    return path


@pytest.fixture
def no_server(free_port: Any) -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    held.append(listening.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in held:
            connection.close()


def only_run(client: MlflowClient, experiment: str = "anomgan") -> Any:
    home = client.get_experiment_by_name(experiment)
    [run] = client.search_runs([home.experiment_id])
    return run


def test_a_fit_is_a_run(run: Any, normal: Path, store: str, tmp_path: Path) -> None:
    done = run("fit", normal, "--model", "m", "--run-name", "first", "--seed", 3, *OPTIONS)
    assert done.code == 0, done.err
    assert done.out == ""
    last = done.err.splitlines()[-1]
    client = MlflowClient()
    found = only_run(client)
    assert last == f"anomgan: MLflow run {found.info.run_id} in {store}"
    assert "INFO" not in done.err
    assert "warning" not in done.err.partition("MLflow")[2]

    detector = load("m")
    facts = detector.training_facts_
    assert (found.info.status, found.info.run_name) == ("FINISHED", "first")
    assert found.info.end_time - found.info.start_time == int(1000 * facts["seconds"])
    params = found.data.params
    assert (params["method"], params["seed"], params["rows"]) == ("gan", "3", "150")
    config = detector.ensemble_.gan.config.to_json()
    assert {k: params[f"config.{k}"] for k in config} == {k: str(v) for k, v in config.items()}
    assert found.data.tags["version.torch"] == facts["versions"]["torch"]

    curve = detector.history_.curve
    for name in {name for point in curve for name in point.losses}:
        history = client.get_metric_history(found.info.run_id, f"loss/{name}")
        known = [(p.step, p.losses[name]) for p in curve if name in p.losses]
        assert [(m.step, m.value) for m in history] == known
    measured = client.get_metric_history(found.info.run_id, "health/coverage")
    health = detector.history_.health
    assert [m.value for m in measured] == [np.mean(h.measures["coverage"]) for h in health]
    figures = found.data.metrics
    assert figures["calibration/threshold"] == facts["calibration"]["threshold"]
    assert figures["seconds"] == facts["seconds"]
    assert figures["peak_memory_mb"] > 50

    [data] = found.inputs.dataset_inputs
    assert data.dataset.name == "normal.csv"
    assert data.dataset.digest == facts["digest"]
    assert '"num_rows": 150' in data.dataset.profile
    assert '"name": "colour"' in data.dataset.schema

    kept = {file.path for file in client.list_artifacts(found.info.run_id)}
    assert {"score_histogram.png", "loss_curves.png", "health_curves.png", "generated.csv"} <= kept
    assert "report.html" in kept
    assert (tmp_path / "mlruns").is_dir()
    loaded = anomgan.mlflow.load_model(f"runs:/{found.info.run_id}/model")
    assert loaded.training_facts_ == facts


def test_no_track_leaves_nothing(run: Any, normal: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("fit", normal, "--model", "m", *OPTIONS[1:], "--no-track")
    assert done.code == 0, done.err
    assert {path.name for path in tmp_path.iterdir()} == {"m"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--alias", "champion"], "--alias names a version of a registered model"),
        (["--no-track", "--register", "x"], "--register needs tracking; leave out --no-track"),
        (["--register", "a/b"], "--register 'a/b': a name can't be empty or hold"),
    ],
)
def test_contradictions(
    run: Any, normal: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    assert message in run("fit", normal, "--model", tmp_path / "m", "--track", *options).error


def test_a_server_that_is_down_costs_a_warning(
    run: Any, normal: Path, no_server: str, store: str
) -> None:
    done = run("fit", normal, "--model", "m", "--tracking-uri", no_server, *OPTIONS)
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines()[-1] == (
        f"anomgan: warning: MLflow ({no_server}) hasn't got: run, parameters, model, metrics, data "
        "set, figures (the MLflow server doesn't answer); the model is saved, and `anomgan log m` "
        "sends it later"
    )
    later = run("log", "m")
    assert later.code == 0, later.err
    found = only_run(MlflowClient())
    assert found.info.status == "FINISHED"
    assert found.data.metrics["seconds"] == load("m").training_facts_["seconds"]
    assert later.out.startswith("models:/m-")
    assert run("score", normal, "--model", later.out.strip()).out == (
        run("score", normal, "--model", "m").out
    )


def test_a_server_that_never_answers(
    detector: Any, silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    logged = anomgan.mlflow.log_fit(detector, tracking_uri=silent_server)
    assert logged.run_id is None
    assert logged.error == "the MLflow server doesn't answer"
    assert "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR" not in os.environ


def test_a_run_that_failed_is_gone_on_with(
    detector: Any, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr("anomgan.mlflow.run_logger.write_artifacts", fail)
        logged = anomgan.mlflow.log_fit(detector)
    assert (logged.error, logged.missing) == ("disk full", ["figures"])
    client = MlflowClient()
    assert only_run(client).info.status == "FAILED"
    again = anomgan.mlflow.log_fit(detector)
    assert (again.run_id, again.error) == (logged.run_id, "")
    found = only_run(client)
    assert found.info.status == "FINISHED"
    curve = detector.history_.curve
    name = next(iter(curve[0].losses))
    history = client.get_metric_history(found.info.run_id, f"loss/{name}")
    assert len(history) == sum(name in point.losses for point in curve)  # none is there twice


def test_a_deleted_experiment(run: Any, normal: Path, store: str) -> None:
    client = MlflowClient()
    client.delete_experiment(client.create_experiment("old"))
    done = run("fit", normal, "--model", "m", "--experiment", "old", *OPTIONS)
    assert done.code == 0
    assert "the experiment 'old' was deleted; restore it (mlflow experiments restore" in done.err
    assert run("log", "m", "--experiment", "old").error.startswith("MLflow (")
    check("log", run("log", "m", "--experiment", "new", "--json").out)
    assert only_run(client, "new").info.status == "FINISHED"


def test_environment_names_the_experiment(
    detector: Any, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "ours")
    anomgan.mlflow.log_fit(detector)
    only_run(MlflowClient(), "ours")


@pytest.mark.slow
def test_two_fits_at_once_into_one_store(normal: Path, program: list[str], tmp_path: Path) -> None:
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path / 'fresh.db'}"}
    fits = [
        subprocess.Popen(
            [*program, "fit", str(normal), "--model", name, *OPTIONS],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    for fit in fits:
        _, err = fit.communicate(timeout=180)
        assert fit.returncode == 0, err
        assert "anomgan: MLflow run " in err
        assert "hasn't got" not in err
    with quiet_mlflow():
        client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
        home = client.get_experiment_by_name("anomgan")
        runs = client.search_runs([home.experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED"] * 2


def test_logging_by_hand(detector: Any, store: str, records: Any) -> None:
    with mlflow.start_run():
        info = anomgan.mlflow.log_model(detector, name="mine", registered_model_name="pens")
    loaded = mlflow.pyfunc.load_model("models:/pens/1")
    np.testing.assert_array_equal(
        loaded.predict(records(20))["score"], detector.score_frame(records(20)).score
    )
    assert info.flavors.keys() == {"anomgan", "python_function"}


def test_import_needs_no_mlflow() -> None:
    code = (
        "import sys; sys.modules['mlflow'] = None\n"
        "import anomgan, anomgan.mlflow, anomgan.cli.fit, anomgan.cli.score\n"
        "import anomgan.mlflow.system_metrics, anomgan.utils.digest\n"
        "print(anomgan.GANDetector.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "GANDetector"), done.stderr


@pytest.mark.slow
def test_a_real_server(
    run: Any, normal: Path, free_port: Any, serving: Any, empty_store: Path, tmp_path: Path
) -> None:
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    model = tmp_path / "m"
    options = ["--tracking-uri", url, "--register", "pens", "--alias", "champion", *OPTIONS]
    with serving(command, f"{url}/health", tmp_path):
        done = run("fit", normal, "--model", model, *options)
        assert done.code == 0, done.err
        assert f"in {url}/#/experiments/" in done.err
        assert "registered as pens version 1, alias champion" in done.err
        found = only_run(MlflowClient(url))
        assert found.info.status == "FINISHED"
        from anomgan.mlflow.registry import fetch_temporarily

        with fetch_temporarily("models:/pens@champion", url) as folder:
            assert (folder / "model.json").read_bytes() == (model / "model.json").read_bytes()
