"""Calibration on the command line: the model changes whole, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from anomgan import load


@pytest.fixture
def model(fitted: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(fitted.model, tmp_path / "model"))


@pytest.fixture
def labelled(fitted: Any, tmp_path: Path) -> Path:
    path = tmp_path / "labelled.csv"
    records = fitted.records.assign(odd=(fitted.records.index % 10 == 0).astype(int))
    records.to_csv(path, index=False)
    return path


def test_alpha(run: Any, fitted: Any, model: Path) -> None:
    done = run("calibrate", model, "--alpha", "0.3")
    assert (done.code, done.out) == (0, ""), done.err
    assert "alpha 0.3" in done.err
    table = run("score", fitted.new, "--model", model).table
    assert (table["is_anomaly"] == (table["p_value"] <= 0.3)).all()
    before = run("score", fitted.new, "--model", fitted.model).table
    assert (table["score"] == before["score"]).all()
    assert "alpha 0.3" in run("info", model).out


def test_labels_give_probabilities(run: Any, fitted: Any, model: Path, labelled: Path) -> None:
    done = run("calibrate", model, "--labelled", labelled, "--label", "odd")
    assert done.code == 0, done.err
    assert "platt, from 60 labelled rows, 6 of them abnormal" in done.err
    table = run("score", fitted.new, "--model", model).table
    assert list(table.columns) == ["row", "score", "p_value", "probability", "is_anomaly"]
    frame = fitted.records
    assert table["probability"].tolist() == load(model).predict_proba(frame)[:, 1].tolist()
    odd = table["row"] % 10 == 0
    assert table.loc[odd, "probability"].min() > table.loc[~odd, "probability"].max()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to calibrate by"),
        (["--label", "odd"], "--labelled FILE"),
        (["--alpha", "2"], "--alpha 2"),
        (["--labelled", "FILE"], "with --label"),
        (["--labelled", "FILE", "--label", "even"], "has no column 'even'"),
        (["--labelled", "FILE", "--label", "odd", "--kind", "isotonic"], "20 of each"),
        (["--labelled", "FILE", "--label", "odd", "--kind", "x"], "kind='x'"),
        (["--labelled", "FILE", "--label", "size"], "neither normal nor abnormal"),
    ],
)
def test_refused_and_nothing_changed(
    run: Any, model: Path, labelled: Path, options: list[str], message: str
) -> None:
    before = (model / "model.json").read_bytes()
    given = [str(labelled) if option == "FILE" else option for option in options]
    assert message in run("calibrate", model, *given).error
    assert (model / "model.json").read_bytes() == before


def test_one_class_only(run: Any, fitted: Any, model: Path, tmp_path: Path) -> None:
    fitted.records.assign(odd=0).to_csv(tmp_path / "one.csv", index=False)
    error = run("calibrate", model, "--labelled", tmp_path / "one.csv", "--label", "odd").error
    assert "only normal rows" in error
