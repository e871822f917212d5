"""Options of fit that say how columns are to be read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import load


@pytest.fixture
def parcels(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "zip": rng.choice(["01001", "01002", "20095"], 60),
            "weight": rng.normal(5, 1, 60).round(2),
            "note": rng.choice(["fragile", "urgent"], 60),
        }
    )
    frame.to_csv(tmp_path / "parcels.csv", index=False)
    return tmp_path / "parcels.csv"


def test_the_kinds_of_columns(run: Any, parcels: Path, tiny: list[str], tmp_path: Path) -> None:
    options = ["--category", "zip", "--number", "weight", "--text", "note"]
    done = run("fit", parcels, "--model", tmp_path / "model", *options, *tiny)
    assert done.code == 0, done.err
    detector = load(tmp_path / "model")
    kinds = {c.name: c.kind for c in detector.encoder_.schema.columns}
    assert kinds == {"zip": "category", "weight": "numeric"}
    assert set(detector.sample(20, random_state=0)["zip"]) <= {"01001", "01002", "20095"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--category", "zip", "--number", "zip"], "--category and --number name the same column"),
        (["--drop", "zip", "--category", "zip"], "--drop and --category name the same column"),
        (["--number", "heft"], "--number: "),
        (["--number", "note"], "column 'note': no cell can be read as a number"),
    ],
)
def test_mistakes(run: Any, parcels: Path, options: list[str], message: str) -> None:
    done = run("fit", parcels, *options, "--no-track")
    assert done.code == 2
    assert message in done.err


def test_a_dry_run_shows_how_columns_are_read(run: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "price": [f"{price:.2f} €".replace(".", ",") for price in rng.gamma(2, 9, 60)],
            "heat": np.where(rng.random(60) < 0.2, "n.a.", rng.integers(18, 30, 60).astype(str)),
            "id": [f"row {i}" for i in range(60)],
            "site with a very long name": rng.choice(["north", "south"], 60),
        }
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    model = tmp_path / "model"
    done = run("fit", tmp_path / "t.csv", "--dry-run", "--id", "id", "--model", model)
    assert (done.code, model.exists()) == (0, False)
    lines = done.out.splitlines()
    assert max(map(len, lines[:5])) <= 80
    assert lines[1].startswith("price          numeric, decimal co…  ")
    assert lines[2].split()[-2:] == [str((table["heat"] == "n.a.").sum()), "n.a."]
    assert "column 'price': cells such as" in done.out
    done = run("fit", tmp_path / "t.csv", "--dry-run", "--json", "--category", "heat")
    facts = json.loads(done.out)
    assert [(each["name"], each["kind"]) for each in facts["columns"]] == [
        ("price", "numeric"),
        ("heat", "category"),
        ("id", "left out"),
        ("site with a very long name", "category"),
    ]
    assert facts["columns"][0]["examples"] == table["price"].iloc[:3].tolist()
    assert run("fit", tmp_path / "t.csv", "--dry-run", "--number", "id").code == 2


def test_info_shows_how_columns_were_read(run: Any, tiny: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=60).round(2), "b": rng.integers(0, 9, 60)})
    table.loc[3:8, "a"] = -999
    table.to_csv(tmp_path / "t.csv", index=False)
    model = tmp_path / "model"
    done = run("fit", tmp_path / "t.csv", "--model", model, "--missing", "-999", *tiny)
    assert done.code == 0, done.err
    shown = run("info", model).out
    assert re.search(r"a +numeric +[-\d. ]+ to [\d.]+ +6 -999", shown)
    columns = json.loads(run("info", model, "--json").out)["training"]["reading"]
    assert columns[0]["markers"] == ["-999"]
    (tmp_path / "new.csv").write_text("a,b\n-999,1\n0.5,2\n")
    assert run("score", tmp_path / "new.csv", "--model", model).code == 0


def test_times_and_their_formats(run: Any, make_records: Any, tmp_path: Path) -> None:
    path = tmp_path / "normal.csv"
    days = pd.date_range("2024-01-01", periods=90, freq="D")
    table = make_records(90).assign(day=days.strftime("%d|%m|%Y"), tick=range(900, 1800, 10))
    table.to_csv(path, index=False)
    plain = run("fit", path, "--dry-run", "--json")
    assert "--number tick keeps these numbers" in plain.err
    kinds = {column["name"]: column["kind"] for column in json.loads(plain.out)["columns"]}
    assert (kinds["day"], kinds["tick"]) == ("left out", "left out")
    options = ["--date-format", "day=%d|%m|%Y", "--number", "tick"]
    done = run("fit", path, "--dry-run", "--json", *options)
    columns = {column["name"]: column for column in json.loads(done.out)["columns"]}
    assert (columns["day"]["kind"], columns["day"]["form"]) == ("datetime", "%d|%m|%Y")
    assert columns["tick"]["kind"] == "numeric"
    everywhere = run("fit", path, "--dry-run", "--json", "--date-format", "%d|%m|%Y")
    assert '"form": "%d|%m|%Y"' in everywhere.out
    assert "('01|01|2024' is 2024-01-01); learnt of these times: weekday" in everywhere.out
    wrong = run("fit", path, "--dry-run", "--date-format", "day=%d-%m")
    assert wrong.code == 2
    assert "column 'day': no cell can be read as a time" in wrong.err
    both = run("fit", path, "--dry-run", "--time", "tick", "--number", "tick")
    assert "--number and --time name the same column 'tick'" in both.err
