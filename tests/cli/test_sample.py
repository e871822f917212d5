from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pytest


def orders(rows: int, seed: int) -> pd.DataFrame:
    """An identifier, whole numbers, a moment, a category, truth values, gaps, a constant."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "order": [f"A{seed}-{i}" for i in range(rows)],
            "machine": rng.choice(["press", "drill"], rows, p=[0.7, 0.3]),
            "count": rng.poisson(20, rows),
            "price": rng.normal(100, 10, rows).round(2),
            "when": pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.uniform(0, 1e7, rows), "s"),
            "paid": rng.choice(["yes", "no"], rows),
            "currency": "EUR",
        }
    )
    frame["when"] = frame["when"].dt.floor("s")
    frame.loc[rng.random(rows) < 0.3, "price"] = np.nan
    return frame


@pytest.fixture(scope="module")
def shop(run: Any, tiny: Any, tmp_path_factory: Any) -> Path:
    """A conditional model of orders, and the files it was fitted on."""
    folder = tmp_path_factory.mktemp("shop")
    orders(300, 0).to_csv(folder / "normal.csv", index=False)
    orders(120, 1).to_csv(folder / "held.csv", index=False)
    done = run(
        "fit",
        folder / "normal.csv",
        "--model",
        folder / "model",
        "--id",
        "order",
        "--condition",
        "machine",
        *tiny,
    )
    assert done.code == 0, done.err
    return folder


def test_rows_have_the_users_columns_kinds_and_levels(run, shop):
    done = run("sample", 200, "--model", shop / "model")
    assert done.code == 0, done.err
    rows = done.table
    assert list(rows) == ["order", "machine", "count", "price", "when", "paid"]
    assert list(rows["order"]) == [f"synthetic-{i}" for i in range(200)]
    assert set(rows["machine"].dropna()) == {"press", "drill"}
    assert rows["count"].dtype.kind == "i"
    assert rows["price"].dtype.kind == "f"
    assert pd.to_datetime(rows["when"], format="ISO8601").dt.year.between(2025, 2027).all()
    assert set(rows["paid"]) <= {"yes", "no"}
    assert "'machine' comes as often as in training" in done.err
    assert "--condition machine=LEVEL" in done.err


def test_samples_can_be_scored(run, shop):
    drawn = run("sample", 30, "--model", shop / "model").out
    done = run("score", "-", "--model", shop / "model", stdin=drawn.encode())
    assert done.code == 0, done.err
    assert list(done.table["order"]) == [f"synthetic-{i}" for i in range(30)]
    assert "warning" not in done.err


@pytest.mark.parametrize("level", ["press", "drill"])
def test_a_wanted_level_is_on_every_row(run, shop, level):
    done = run("sample", 50, "--model", shop / "model", "--condition", f"machine={level}")
    assert set(done.table["machine"]) == {level}
    assert done.err == ""


def test_same_seed_same_rows_another_seed_others(run, shop):
    first, again, other = (
        run("sample", 20, "--model", shop / "model", "--seed", seed).out for seed in (3, 3, 4)
    )
    assert first == again != other


def test_long_samples_are_written_block_by_block(run, shop, monkeypatch, tmp_path):
    monkeypatch.setattr("anomgan.gans.sampling.CHUNK_ROWS", 16)
    rows = run("sample", 40, "--model", shop / "model").table
    assert list(rows["order"]) == [f"synthetic-{i}" for i in range(40)]
    assert not rows.drop(columns="order").duplicated().any()
    done = run("sample", 40, "--model", shop / "model", "--output", tmp_path / "rows.parquet")
    assert done.code == 0, done.err
    stored = pd.read_parquet(tmp_path / "rows.parquet")
    assert list(stored["count"]) == list(rows["count"])
    assert stored["when"].dtype.kind == "M"
    assert stored["count"].dtype.kind == "i"


def test_compressed_csv_holds_the_same(run, shop, tmp_path):
    assert run("sample", 9, "--model", shop / "model", "--output", tmp_path / "r.csv.gz").out == ""
    assert pd.read_csv(tmp_path / "r.csv.gz").to_csv(index=False) == run(
        "sample", 9, "--model", shop / "model"
    ).table.to_csv(index=False)


def test_quality_is_told_and_written(run, shop, tmp_path):
    path = tmp_path / "quality.json"
    done = run(
        *("sample", 150, "--model", shop / "model", "--output", tmp_path / "rows.csv"),
        *("--quality", shop / "held.csv", "--training", shop / "normal.csv"),
        *("--quality-json", path),
    )
    assert done.code == 0, done.err
    for word in ("coverage", "told apart", "distribution of 'count'", "copies of training rows"):
        assert word in done.err
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["rows"] == {
        "generated": 150,
        "reference": 120,
        "training": 300,
        "compared": 60,
    }
    names = {column["name"] for column in found["columns"]}
    assert names == {"machine", "count", "price", "when", "paid"}
    assert len(pd.read_csv(tmp_path / "rows.csv")) == 150


def test_training_rows_as_reference_are_told(run, shop):
    done = run(
        *("sample", 50, "--model", shop / "model"),
        *("--quality", shop / "normal.csv", "--training", shop / "normal.csv"),
    )
    assert "reference rows are training rows" in done.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--condition", "machine"], "write it as COL=LEVEL"),
        (["--condition", "=press"], "write it as COL=LEVEL"),
        (["--condition", "count=5"], "the model has no such condition; it has: 'machine'"),
        (["--condition", "machine=lathe"], "learnt no level 'lathe'; it knows: press, drill"),
        (["--condition", "machine="], "learnt no level None"),
        (["--condition", "machine=press", "--condition", "machine=drill"], "given twice"),
        (["--training", "x.csv"], "--training belongs to --quality"),
        (["--quality-json", "x.json"], "--quality-json belongs to --quality"),
        (["--quality", "missing.csv"], "missing.csv: no such file"),
    ],
)
def test_wrong_options_are_refused(run, shop, options, words):
    assert words in run("sample", 30, "--model", shop / "model", *options).error


def test_what_cant_be_compared_is_refused(run, shop, tmp_path):
    few = tmp_path / "few.csv"
    orders(10, 2).to_csv(few, index=False)
    model = ["--model", shop / "model"]
    assert "at least 20 drawn rows" in run("sample", 5, *model, "--quality", few).error
    assert "10 normal rows are too few" in run("sample", 50, *model, "--quality", few).error
    orders(50, 2).drop(columns="count").to_csv(few, index=False)
    assert "no column 'count'" in run("sample", 50, *model, "--quality", few).error


@pytest.mark.parametrize("count", ["0", "-3", "many"])
def test_counts_that_are_none_are_refused(run, shop, count):
    assert "N" in run("sample", "--model", shop / "model", "--", count).error


def test_unconditional_models_refuse_conditions(run, fitted):
    done = run("sample", 3, "--model", fitted.model, "--condition", "colour=red")
    assert "the model has no conditions" in done.error


def test_pictures_go_to_a_folder(run, tmp_path):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (24, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "normal.npz", X=pictures)
    model = ["--model", tmp_path / "model"]
    tiny = ["--preset", "fast", "--set", "steps=4", "--set", "members=1", "--set", "hidden=8"]
    done = run("fit", tmp_path / "normal.npz", *model, *tiny)
    assert done.code == 0, done.err
    assert "name a folder" in run("sample", 3, *model).error
    done = run("sample", 3, *model, "--output", tmp_path / "made")
    assert done.code == 0, done.err
    assert done.out == ""
    names = sorted(path.name for path in (tmp_path / "made").iterdir())
    assert names == [f"synthetic-{i:06}.png" for i in range(3)]
    with PIL.Image.open(tmp_path / "made" / names[0]) as picture:
        assert picture.mode == "L"
        assert picture.size == (8, 8)
    # A report shows pictures, too.
    page = tmp_path / "page.html"
    done = run("report", tmp_path / "model", "--data", tmp_path / "normal.npz", "--output", page)
    assert done.code == 0, done.err
    assert page.read_text(encoding="utf-8").count("data:image/png;base64,") == 20
