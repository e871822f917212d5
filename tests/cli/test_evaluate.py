"""Evaluation on the command line: tables, JSON, plots, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anomgan import load
from anomgan.metrics import metrics


@pytest.fixture(scope="module")
def labelled(fitted: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labelled") / "labelled.csv"
    odd = fitted.records.index % 10 == 0
    fitted.records.assign(truth=["attack" if o else "normal" for o in odd]).to_csv(
        path, index=False
    )
    return path


def test_json(run: Any, fitted: Any, labelled: Path) -> None:
    done = run(
        "evaluate", labelled, "--label", "truth", "--model", fitted.model, "--json", "--by",
        "colour", "--bootstrap", 20, "--no-peers",
    )  # fmt: skip
    assert done.code == 0, done.err
    found = json.loads(done.out)
    odd = fitted.records.index % 10 == 0
    detector = load(fitted.model)
    score, flagged = -detector.score_samples(fitted.records), detector.predict(fitted.records) < 0
    assert found["metrics"] == metrics(odd, score, flagged=flagged)
    assert sum(found["confusion"].values()) == found["rows"] == 60
    assert {group["level"] for group in found["groups"]} == {"red", "green", "blue"}
    assert found["intervals"].keys() == found["metrics"].keys()
    assert "warning" not in done.err


def test_tables_and_peers(run: Any, fitted: Any, labelled: Path) -> None:
    normal = fitted.new.parent / "normal.csv"
    done = run(
        "evaluate", labelled, "--label", "truth", "--model", fitted.model, "--by", "colour",
        "--normal", normal, "--bootstrap", 10,
    )  # fmt: skip
    assert done.code == 0, done.err
    for words in ("AUROC", "iforest", "knn", "precision among the first 10", "normal flagged"):
        assert words in done.out
    without = run("evaluate", labelled, "--label", "truth", "--model", fitted.model)
    assert "knn" not in without.out
    assert "--normal FILE" in without.err


def test_plots(run: Any, fitted: Any, labelled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "some" / "plots"
    done = run(
        "evaluate", labelled, "--label", "truth", "--model", fitted.model, "--bootstrap", 0,
        "--plots", folder, "--no-peers",
    )  # fmt: skip
    assert done.code == 0, done.err
    names = {path.name for path in folder.iterdir()}
    assert names == {"roc.png", "precision_recall.png", "score_histogram.png"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "with --label"),
        (["--label", "x"], "has no column 'x'"),
        (["--label", "truth", "--by", "site"], "--by: "),
        (["--label", "truth", "--normal", "f", "--no-peers"], "--no-peers"),
        (["--label", "colour"], "neither normal nor"),
        (["--label", "truth", "--bootstrap", "-1"], "--bootstrap"),
    ],
)
def test_refused(run: Any, fitted: Any, labelled: Path, options: list[str], message: str) -> None:
    assert message in run("evaluate", labelled, "--model", fitted.model, *options).error


def test_one_class_only(run: Any, fitted: Any, tmp_path: Path) -> None:
    fitted.records.assign(truth=1).to_csv(tmp_path / "one.csv", index=False)
    error = run("evaluate", tmp_path / "one.csv", "--label", "truth", "--model", fitted.model).error
    assert "only abnormal rows" in error
