"""Explanations on the command line: which rows, in which form, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector, load
from anomgan.data.readers.files import read_table


def test_sentences_for_the_most_abnormal(run: Any, fitted: Any) -> None:
    done = run("explain", fitted.new, "--model", fitted.model, "--top", 6)
    assert done.code == 0, done.err
    heads = [line for line in done.out.splitlines() if line.startswith("row ")]
    assert {int(head.split()[1].rstrip(":")) for head in heads} == set(range(0, 60, 10))
    assert done.out.count("weight = 200 where ") == 6
    assert "6 rows explained" in done.err


def test_csv_has_the_numbers_of_the_estimator(run: Any, fitted: Any) -> None:
    done = run(
        "explain", fitted.new, "--model", fitted.model, "--rows", "10,3", "--columns", 9,
        "--format", "csv",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert list(done.table.columns) == [
        "row", "score", "p_value", "normal_score", "rank", "column", "contribution", "observed",
        "expected", "sentence",
    ]  # fmt: skip
    assert done.table["row"].unique().tolist() == [10, 3]
    frame = read_table(fitted.new)
    expected = load(fitted.model).explain(frame.iloc[[10, 3]].drop(columns="name"))
    assert done.table["column"].tolist() == expected["column"].tolist()
    assert done.table["sentence"].tolist() == expected["sentence"].tolist()
    assert done.table["contribution"].tolist() == expected["contribution"].tolist()
    assert expected.index.tolist() == done.table["row"].tolist()
    total = done.table.groupby("row")["contribution"].sum()
    excess = done.table.groupby("row").first()
    assert total.tolist() == pytest.approx((excess["score"] - excess["normal_score"]).tolist())


def test_rows_are_scored_once(
    run: Any, fitted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = run("score", fitted.new, "--model", fitted.model).table
    monkeypatch.delattr(GANDetector, "score_frame")
    options = ["--rows", "10,3", "--format", "csv"]
    done = run("explain", fitted.new, "--model", fitted.model, *options)
    assert done.code == 0, done.err
    first = done.table.groupby("row", sort=False).first()
    expected = scored.set_index("row").loc[[10, 3]]
    pd.testing.assert_frame_equal(first[["score", "p_value"]], expected[["score", "p_value"]])
    frame = fitted.records.assign(further=1)
    frame.to_csv(tmp_path / "further.csv", index=False)
    done = run("explain", tmp_path / "further.csv", "--model", fitted.model, *options)
    assert "'further'" in done.err


def test_json_and_a_file_of_that_name(run: Any, fitted: Any, tmp_path: Path) -> None:
    to = ["--model", fitted.model, "--rows", "0"]
    done = run("explain", fitted.new, *to, "--output", tmp_path / "why.json")
    assert (done.code, done.out) == (0, "")
    [row] = json.loads((tmp_path / "why.json").read_text())
    assert row["row"] == 0
    assert row["columns"][0]["column"] == "weight"
    assert row["columns"][0]["observed"] == 200
    assert (
        run("explain", fitted.new, *to, "--format", "json").out
        == (tmp_path / "why.json").read_text()
    )


def test_rows_go_by_their_identifier(
    run: Any, fitted: Any, make_records: Any, tiny: list[str], tmp_path: Path
) -> None:
    make_records(60).to_csv(tmp_path / "normal.csv", index=False)
    model = tmp_path / "model"
    assert run("fit", tmp_path / "normal.csv", "--model", model, "--id", "name", *tiny).code == 0
    done = run("explain", fitted.new, "--model", model, "--top", 1, "--format", "csv")
    assert done.table["name"].str.fullmatch(r"record \d+").all()
    words = ["--id", "record 7", "--id", "record 3"]
    named = run("explain", fitted.new, "--model", model, *words, "--json")
    assert [each["name"] for each in json.loads(named.out)] == ["record 7", "record 3"]
    by_row = run("explain", fitted.new, "--model", model, "--rows", "7,3", "--format", "json")
    assert named.out == by_row.out
    error = run("explain", fitted.new, "--model", model, "--id", "record 99").error
    assert error == f"--id: {fitted.new} has no record 'record 99' in 'name'"
    assert "are two ways" in run("explain", "x.csv", "--id", "a", "--rows", "1").error
    fitted.records.drop(columns="name").to_csv(tmp_path / "new.csv", index=False)
    error = run("explain", tmp_path / "new.csv", "--model", model).error
    assert "has no column 'name'" in error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rows", "60"], "has no record 60"),
        (["--rows", "1,x"], "--rows 1,x: give record numbers"),
        (["--rows", "-1"], "--rows -1: give record numbers"),
        (["--top", "0"], "--top"),
        (["--format", "xml"], "--format"),
        (["--format", "csv", "--json"], "ask for two formats"),
        (["--id", "a"], "--id: the model knows no column that names records"),
    ],
)
def test_refused(run: Any, fitted: Any, options: list[str], message: str) -> None:
    assert message in run("explain", fitted.new, "--model", fitted.model, *options).error


def test_cells_beyond_all_bounds(run: Any, tiny: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    normal = pd.DataFrame(
        {
            "id": pd.array([2**60 + 1, 2**60, None] * 20, "Int64"),
            "size": rng.normal(size=60),
            "at": np.datetime64("2024-01-01", "s") + rng.integers(0, 10**7, 60),
        }
    )
    new = normal[:4].copy()
    new.loc[0, "size"] = np.inf
    new.loc[1, "at"] = np.datetime64("99999-01-01", "s")
    for name, frame in (("normal", normal), ("new", new)):
        frame.to_parquet(tmp_path / f"{name}.parquet")
    model, path = tmp_path / "model", tmp_path / "new.parquet"
    assert run("fit", tmp_path / "normal.parquet", "--model", model, *tiny).code == 0
    done = run("explain", path, "--model", model, "--rows", "0,1", "--format", "json")
    assert done.code == 0, done.err
    first, second = json.loads(done.out, parse_constant=pytest.fail)
    assert first["columns"][0]["observed"] == "inf"
    assert "a time in the year 99999" in second["columns"][0]["sentence"]
    scored = run("score", path, "--model", model, "--append")
    assert scored.out.splitlines()[2].split(",")[0::2][:2] == [
        str(2**60),
        "99999-01-01 00:00:00.000",
    ]
