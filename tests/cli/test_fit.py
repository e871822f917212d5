"""Fitting files: which rows and columns are learnt from, and what is said about it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import load


@pytest.fixture
def normal(make_records: Any, tmp_path: Path) -> Path:
    path = tmp_path / "normal.csv"
    make_records(40).to_csv(path, index=False)
    return path


def test_the_summary(run: Any, normal: Path, tiny: list[str], tmp_path: Path) -> None:
    model = tmp_path / "deep" / "model"
    done = run("fit", normal, "--model", model, *tiny)
    assert (done.code, done.out) == (0, "")
    text = " ".join(done.err.split())
    for fact in [
        "rows 40",
        "2 numeric, 1 category",
        "'name' (text that differs in every row)",
        "device cpu",
        "seconds ",
        "threshold ",
        "of held-out rows",
    ]:
        assert fact in text
    assert str(model) in "".join(done.err.split())
    assert "━" not in done.err  # the bar is for terminals
    assert load(model).score_samples(pd.read_csv(normal)).shape == (40,)


def test_same_seed_same_scores(run: Any, normal: Path, tiny: list[str], tmp_path: Path) -> None:
    outputs = []
    for name, seed in {"a": 1, "b": 1, "c": 2}.items():
        model = tmp_path / name
        assert run("fit", normal, "--model", model, "--seed", seed, *tiny).code == 0
        outputs.append(run("score", normal, "--model", model).out)
    assert outputs[0] == outputs[1] != outputs[2]


def test_fit_from_standard_input(run: Any, normal: Path, tiny: list[str], tmp_path: Path) -> None:
    for name, source, stdin in [("a", normal, b""), ("b", "-", normal.read_bytes())]:
        done = run("fit", source, "--model", tmp_path / name, *tiny, stdin=stdin)
        assert done.code == 0, done.err
    outputs = [run("score", normal, "--model", tmp_path / name).out for name in "ab"]
    assert outputs[0] == outputs[1]


def test_several_processes_cannot_read_standard_input(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anomgan.training.distributed.get_rank_and_size", lambda: (0, 2))
    error = run("fit", "-", "--model", tmp_path / "model", stdin=b"a,b\n1,2\n").error
    assert error.startswith("standard input can't be read by several processes")


@pytest.mark.parametrize(
    ("good", "bad"),
    [("0", "1"), ("false", "TRUE"), ("Normal", "anomaly"), ("no", " yes"), ("0.0", "1.0")],
)
def test_label_leaves_abnormal_rows_out(
    run: Any, make_records: Any, tiny: list[str], tmp_path: Path, good: str, bad: str
) -> None:
    records = make_records(50)
    marked = np.arange(50) % 5 == 0
    records[~marked].to_csv(tmp_path / "clean.csv", index=False)
    records.loc[marked, "weight"] = 1e6
    records.insert(1, "y", np.where(marked, bad, good))
    records.to_csv(tmp_path / "marked.csv", index=False)
    clean, model = tmp_path / "clean", tmp_path / "model"
    assert run("fit", tmp_path / "clean.csv", "--model", clean, *tiny).code == 0
    done = run("fit", tmp_path / "marked.csv", "--model", model, "--label", "y", *tiny)
    assert done.code == 0, done.err
    assert "10 of 50 rows left out: marked abnormal in 'y'" in done.err
    scored = run("score", tmp_path / "marked.csv", "--model", model)
    assert scored.out == run("score", tmp_path / "marked.csv", "--model", clean).out
    assert "warning" not in scored.err  # the label is known to be no part of the records


def test_label_of_truth_values(
    run: Any, make_records: Any, tiny: list[str], tmp_path: Path
) -> None:
    records = make_records(50).assign(y=np.arange(50) < 5)
    records.to_parquet(tmp_path / "marked.parquet")
    done = run("fit", tmp_path / "marked.parquet", "--model", tmp_path / "m", "--label", "y", *tiny)
    assert done.code == 0, done.err
    assert "5 of 50 rows left out" in done.err


@pytest.mark.parametrize("mark", ["-1", "maybe", "2"])
def test_an_unclear_label(run: Any, make_records: Any, tmp_path: Path, mark: str) -> None:
    path = tmp_path / "marked.csv"
    make_records(30).assign(y=["0"] * 7 + [mark] + ["1"] * 22).to_csv(path, index=False)
    error = run("fit", path, "--model", tmp_path / "m", "--label", "y").error
    assert f"{path}: row 7, column 'y': '{mark}' says neither normal nor abnormal" in error


def test_a_label_that_leaves_nothing(run: Any, make_records: Any, tmp_path: Path) -> None:
    path = tmp_path / "marked.csv"
    make_records(30).assign(y=1).to_csv(path, index=False)
    error = run("fit", path, "--model", tmp_path / "m", "--label", "y").error
    assert f"{path}: column 'y' marks every row as abnormal" in error


def test_drop(run: Any, normal: Path, tiny: list[str], tmp_path: Path) -> None:
    model = tmp_path / "model"
    options = ["--drop", "colour", "--drop", "weight", "--drop", "colour"]
    assert run("fit", normal, "--model", model, *options, *tiny).code == 0
    records = pd.read_csv(normal)
    expected = run("score", normal, "--model", model).out
    records.assign(weight=-1e9, colour="?").to_csv(tmp_path / "other.csv", index=False)
    done = run("score", tmp_path / "other.csv", "--model", model)
    assert done.out == expected
    assert "warning" not in done.err
    records[["size"]].to_csv(tmp_path / "less.csv", index=False)
    assert run("score", tmp_path / "less.csv", "--model", model).out == expected


@pytest.mark.parametrize("option", ["--label", "--id", "--drop"])
def test_a_column_that_is_not_there(run: Any, normal: Path, tmp_path: Path, option: str) -> None:
    error = run("fit", normal, "--model", tmp_path / "m", option, "[red]").error
    assert error.startswith(f"{option}: {normal} has no column '[red]'; it has: 'name', 'size'")


def test_a_column_named_twice(run: Any, normal: Path, tmp_path: Path) -> None:
    error = run("fit", normal, "--model", tmp_path / "m", "--id", "name", "--drop", "name").error
    assert error == "--id and --drop name the same column 'name'; choose one"


def test_an_identifier_with_a_name_of_ours(run: Any, make_records: Any, tmp_path: Path) -> None:
    path = tmp_path / "normal.csv"
    make_records(30).rename(columns={"name": "score"}).to_csv(path, index=False)
    error = run("fit", path, "--model", tmp_path / "m", "--id", "score").error
    assert "--id: scoring adds a column 'score' of its own; rename yours" in error


def test_alpha_at_fit_is_the_default_of_score(
    run: Any, normal: Path, tiny: list[str], tmp_path: Path
) -> None:
    model = tmp_path / "model"
    assert run("fit", normal, "--model", model, "--alpha", "0.4", *tiny).code == 0
    table = run("score", normal, "--model", model).table
    assert (table["is_anomaly"] == (table["p_value"] <= 0.4)).all()
    assert table["is_anomaly"].sum() > (table["p_value"] <= 0.05).sum()


def test_contamination_sets_the_threshold(
    run: Any, normal: Path, tiny: list[str], tmp_path: Path
) -> None:
    model = tmp_path / "model"
    done = run("fit", normal, "--model", model, "--contamination", "0.25", *tiny)
    assert "(contamination 0.25)" in done.err
    assert run("score", normal, "--model", model).table["is_anomaly"].sum() == 10
    table = run("score", normal, "--model", model, "--alpha", "0.5").table
    assert (table["is_anomaly"] == (table["p_value"] <= 0.5)).all()


def test_a_series_in_time_is_noted(
    run: Any, make_records: Any, tiny: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "normal.csv"
    days = pd.date_range("2024-01-01", periods=40, freq="D")
    make_records(40).assign(day=days).to_csv(path, index=False)
    done = run("fit", path, "--model", tmp_path / "model", *tiny)
    assert done.code == 0, done.err
    assert "column 'day': learnt of these times: weekday; not learnt: time elapsed (it" in done.err


def test_dropping_everything(run: Any, normal: Path, tmp_path: Path) -> None:
    drop = [part for name in pd.read_csv(normal, nrows=0) for part in ("--drop", name)]
    error = run("fit", normal, "--model", tmp_path / "model", *drop).error
    assert error == f"{normal}: no column is left to learn from; name fewer in --drop"


def test_fitting_again_replaces_the_model(
    run: Any, normal: Path, tiny: list[str], tmp_path: Path
) -> None:
    model = tmp_path / "model"
    assert run("fit", normal, "--model", model, *tiny).code == 0
    first = run("score", normal, "--model", model).out
    assert run("fit", normal, "--model", model, "--seed", "5", *tiny).code == 0
    assert run("score", normal, "--model", model).out != first
    assert {path.name for path in tmp_path.iterdir()} == {"model", "normal.csv"}


def test_columns_that_look_like_markup(
    run: Any, make_records: Any, tiny: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "normal.csv"
    names = {"size": "[red]", "weight": "[/]", "name": "[bold]x[/bold]", "colour": "\x1b[31m"}
    make_records(30).rename(columns=names).to_csv(path, index=False)
    done = run("fit", path, "--model", tmp_path / "[model]", *tiny)
    assert done.code == 0, done.err
    assert "'[bold]x[/bold]' (text that differs in every row)" in re.sub(r"\s+", " ", done.err)
    assert "\x1b" not in done.err
    shown = run("info", tmp_path / "[model]")
    assert shown.code == 0
    assert "[red]" in shown.out
    assert "\x1b" not in shown.out
