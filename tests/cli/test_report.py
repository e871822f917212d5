from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def files(fitted: Any, tmp_path_factory: Any) -> Path:
    folder = tmp_path_factory.mktemp("files")
    odd = (fitted.records.index % 10 == 0).astype(int)
    fitted.records.assign(odd=odd).to_csv(folder / "marked.csv", index=False)
    fitted.records.assign(odd=odd)[["odd"]].to_csv(folder / "labels.csv", index=False)
    return folder


def test_page_is_written_where_it_is_wanted(run, fitted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("report", fitted.model)
    assert done.code == 0, done.err
    assert done.out == ""
    assert "wrote report.html" in done.err
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "<h1>model</h1>" in page
    again = run("report", fitted.model, "--output", "-").out
    made = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d"  # when
    assert re.sub(made, "", again) == re.sub(made, "", page)


@pytest.mark.parametrize("how", ["column", "file"])
def test_labels_come_from_a_column_or_a_file(run, fitted, files, how):
    given = {
        "column": ["--data", files / "marked.csv", "--label", "odd"],
        "file": ["--data", fitted.new, "--labels", files / "labels.csv"],
    }[how]
    done = run("report", fitted.model, *given, "--output", "-")
    assert done.code == 0, done.err
    assert "6 of 60 rows are abnormal" in done.out
    assert "AUROC" in done.out
    assert "warning" not in done.err


def test_rows_carry_the_users_names(run, make_records, tiny, tmp_path):
    make_records(100).to_csv(tmp_path / "normal.csv", index=False)
    model = tmp_path / "model"
    assert run("fit", tmp_path / "normal.csv", "--model", model, "--id", "name", *tiny).code == 0
    done = run("report", model, "--data", tmp_path / "normal.csv", "--output", "-")
    assert done.code == 0, done.err
    assert done.out.count('<span class="row">row record ') == 20


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--label", "odd"], "--label belongs to --data"),
        (["--labels", "x.csv"], "--labels belongs to --data"),
        (["--normal", "x.csv"], "--normal belongs to --data"),
        (["--data", "{new}", "--normal", "{new}"], "there is nothing to compare"),
        (["--data", "{new}", "--label", "nope"], "has no column 'nope'"),
        (["--data", "{new}", "--label", "colour"], "says neither normal nor abnormal"),
        (["--data", "{new}", "--labels", "{new}"], "name the column with --label"),
        (["--data", "{new}", "--labels", "{short}"], "has 3 labels for the 60 rows"),
        (["--data", "{empty}"], "has a header but no rows"),
        (["--data", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--output", "{folder}"], "is a folder"),
    ],
)
def test_wrong_input_is_refused_and_nothing_written(run, fitted, tmp_path, options, words):
    (tmp_path / "short.csv").write_text("label\n0\n1\n0\n", encoding="utf-8")
    (tmp_path / "empty.csv").write_text("size,weight,colour\n", encoding="utf-8")
    places = {
        "new": fitted.new,
        "short": tmp_path / "short.csv",
        "empty": tmp_path / "empty.csv",
        "folder": tmp_path,
    }
    filled = [option.format(**places) for option in options]
    page = tmp_path / "page.html"
    where = [] if "--output" in filled else ["--output", page]
    assert words in run("report", fitted.model, *filled, *where).error
    assert not page.exists()
