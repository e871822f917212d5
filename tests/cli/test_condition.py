"""Fitting with --condition and --other, from the file to the scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import load

MAKERS = ["north", "south", "east"]


@pytest.fixture
def records(make_records: Any) -> pd.DataFrame:
    """Records of three makers; "east" has but three."""
    frame: pd.DataFrame = make_records(60)
    return frame.assign(maker=MAKERS[:2] * 28 + MAKERS[:1] + MAKERS[2:] * 3)


@pytest.fixture
def normal(records: pd.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "normal.csv"
    records.to_csv(path, index=False)
    return path


def test_from_the_file_to_the_scores(
    run: Any, normal: Path, records: pd.DataFrame, tiny: list[str], tmp_path: Path
) -> None:
    model = tmp_path / "model"
    done = run("fit", normal, "--model", model, "--condition", "maker", *tiny)
    assert (done.code, done.out) == (0, ""), done.err
    text = " ".join(done.err.split())
    assert "columns 2 numeric, 1 category layout separated by comma" in text
    assert "condition maker (2 levels) left out" in text
    assert (
        "column 'maker': 3 cells with a level that was rare in training; "
        "judged against all levels pooled"
    ) in text
    detector = load(model)
    assert detector.method == "cgan"
    assert detector.condition == ["maker"]

    new = records.assign(maker=["north"] * 50 + ["west"] * 6 + ["east"] * 3 + [None])
    new.to_csv(tmp_path / "new.csv", index=False)
    scored = run("score", tmp_path / "new.csv", "--model", model)
    assert scored.code == 0, scored.err
    assert np.isfinite(scored.table["score"]).all()
    expected = detector.score_frame(new).score
    np.testing.assert_array_equal(scored.table["score"], expected)
    for odd in [
        "6 cells with a level that wasn't in training; judged against all levels pooled",
        "3 cells with a level that was rare in training; judged against all levels pooled",
        "1 cell missing, few or none were in training; judged against all levels pooled",
    ]:
        assert f"warning: {tmp_path / 'new.csv'}: column 'maker': {odd}" in scored.err

    new.drop(columns="maker").to_csv(tmp_path / "without.csv", index=False)
    error = run("score", tmp_path / "without.csv", "--model", model).error
    assert "no column 'maker'; the model expects 4 columns" in error


def test_info(run: Any, normal: Path, tiny: list[str], tmp_path: Path) -> None:
    model = tmp_path / "model"
    options = ["--condition", "maker", "--condition", "colour", "--condition", "maker"]
    assert run("fit", normal, "--model", model, *options, *tiny).code == 0
    shown = run("info", model)
    facts = dict(line.split(maxsplit=1) for line in shown.out.splitlines())
    assert facts["method"] == "cgan"
    assert facts["condition"] == "maker (2 levels), colour (3 levels)"
    assert facts["size"].startswith("numeric  ")
    assert facts["maker"].startswith("condition, 2 levels  ")
    assert "other" not in facts
    known = json.loads(run("info", model, "--json").out)
    assert known["condition"] == ["maker", "colour"]
    assert known["training"]["conditions"] == {"maker": 2, "colour": 3}


def test_numbers_with_a_gap_are_the_levels_they_were(
    run: Any, records: pd.DataFrame, tiny: list[str], tmp_path: Path
) -> None:
    records = records.drop(columns="maker").assign(line=[1, 2, 3] * 20)
    records.to_csv(tmp_path / "normal.csv", index=False)
    model = tmp_path / "model"
    done = run("fit", tmp_path / "normal.csv", "--model", model, "--condition", "line", *tiny)
    assert done.code == 0, done.err
    expected = run("score", tmp_path / "normal.csv", "--model", model).table
    records.loc[5, "line"] = None  # so that pandas writes 1.0, 2.0, 3.0
    records.to_csv(tmp_path / "new.csv", index=False)
    assert ",2.0\n" in (tmp_path / "new.csv").read_text()
    scored = run("score", tmp_path / "new.csv", "--model", model)
    others = expected.index != 5
    np.testing.assert_array_equal(scored.table["score"][others], expected["score"][others])
    assert "1 cell missing, few or none were in training" in scored.err
    assert "wasn't in training" not in scored.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--condition", "makr"],
            "--condition: {path} has no column 'makr'; it has: 'name', 'size'",
        ),
        (
            ["--condition", "maker", "--label", "maker"],
            "--label and --condition name the same column 'maker'; choose one",
        ),
        (
            ["--condition", "maker", "--id", "maker"],
            "--id and --condition name the same column 'maker'; choose one",
        ),
        (
            ["--condition", "maker", "--drop", "maker"],
            "--drop and --condition name the same column 'maker'; choose one",
        ),
        (
            ["--other", "{path}", "--method", "f-anogan"],
            "method 'f-anogan' learns from no other rows; use method='cyclegan'",
        ),
        (["--other", "{path}.csv"], "{path}.csv: no such file"),
        (
            ["--condition", "name"],
            "{path}: column 'name' can't be a condition: no level has at least 5 rows; "
            "bin it or choose another column",
        ),
        (
            [
                *("--condition", "maker", "--condition", "colour", "--condition", "size"),
                *("--drop", "weight", "--id", "name", "--drop", "remark"),
            ],
            "{path}: no column is left to learn from; name fewer in --condition or --drop",
        ),
    ],
)
def test_what_is_refused(
    run: Any, normal: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    given = [option.format(path=normal) for option in options]
    error = run("fit", normal, "--model", tmp_path / "model", *given).error
    assert error.startswith(message.format(path=normal))
    assert not (tmp_path / "model").exists()


def test_standard_input_can_be_read_once(run: Any, normal: Path, tmp_path: Path) -> None:
    stdin = normal.read_bytes()
    error = run("fit", "-", "--other", "-", "--model", tmp_path / "model", stdin=stdin).error
    assert error == "--other -: standard input is NORMAL already; name a file"


def test_other_rows(
    run: Any, normal: Path, records: pd.DataFrame, tiny: list[str], tmp_path: Path
) -> None:
    marked = records.assign(y=[0] * 55 + [1] * 5)
    marked.to_csv(normal, index=False)
    other = tmp_path / "other.csv"
    marked.assign(y="who knows", weight=-9.0).head(20).to_csv(other, index=False)
    options = ["--label", "y", "--id", "name", "--drop", "remark", "--other", other]
    model = tmp_path / "model"
    done = run("fit", normal, "--model", model, *options, *tiny)
    assert done.code == 0, done.err
    assert "warning" not in done.err
    assert f"other rows 20 from {other}" in " ".join(done.err.split())
    assert "rows 55, besides 5 marked abnormal" in " ".join(done.err.split())
    assert load(model).method == "cyclegan"
    assert f"other rows   20 from {other}" in run("info", model).out
    scored = run("score", normal, "--model", model)
    assert np.isfinite(scored.table["score"]).all()

    records.drop(columns="weight").to_csv(other, index=False)
    error = run("fit", normal, "--model", model, *options, *tiny).error
    assert error.startswith(f"{other}: no column 'weight'; the model expects 4 columns")


def test_a_translating_method_needs_no_other_rows(
    run: Any, normal: Path, tiny: list[str], tmp_path: Path
) -> None:
    done = run("fit", normal, "--model", tmp_path / "model", "--method", "cyclegan", *tiny)
    assert done.code == 0, done.err
    assert "other rows" not in done.err


def test_a_conditional_method_wants_a_condition(
    run: Any, normal: Path, tiny: list[str], tmp_path: Path
) -> None:
    done = run("fit", normal, "--model", tmp_path / "model", "--method", "cgan", *tiny)
    assert done.code == 0, done.err
    assert done.err.count("method 'cgan' without a condition is an ordinary GAN") == 1
