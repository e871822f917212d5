"""Tables go by the suffix of --output: the same cells in every format, or a refusal."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

from anomgan.cli import table_output, table_writers
from anomgan.cli.table_output import TABLE_SUFFIXES, open_table, to_arrow_table
from anomgan.errors import InputError

READERS = {
    ".csv": pd.read_csv,
    ".csv.gz": pd.read_csv,
    ".jsonl": lambda path: pd.read_json(path, lines=True, precise_float=True),
    ".jsonl.gz": lambda path: pd.read_json(path, lines=True, precise_float=True),
    ".parquet": pd.read_parquet,
    ".xlsx": pd.read_excel,
}


@pytest.mark.parametrize("suffix", TABLE_SUFFIXES)
@pytest.mark.parametrize("options", [[], ["--append", "--fdr", "0.2"]])
def test_scores_are_the_same_in_every_format(
    run: Any, fitted: Any, tmp_path: Path, suffix: str, options: list[str]
) -> None:
    path, to = tmp_path / f"scores{suffix}", ["--model", fitted.model, *options]
    done = run("score", fitted.new, *to, "--output", path)
    assert (done.code, done.out) == (0, "")
    expected = run("score", fitted.new, *to).table
    stored = READERS[suffix](path)
    # Cells of CSV are text, which only another CSV reader takes for numbers again.
    numbers = ["size", "weight"] if options else []
    stored = stored.astype(dict.fromkeys(numbers, float))
    pd.testing.assert_frame_equal(stored, expected, check_dtype=False)
    assert stored["is_anomaly"].dtype.kind == "i"


@pytest.mark.parametrize(
    "command",
    [["score", "NEW"], ["explain", "NEW", "--top", "1"], ["sample", "9"]],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("name", ["scores.xls", "scores"])
def test_unknown_suffixes_are_refused_before_any_work(
    run: Any, fitted: Any, tmp_path: Path, command: list[str], name: str
) -> None:
    words = [str(fitted.new) if word == "NEW" else word for word in command]
    path = tmp_path / name
    # There is no such model, and nobody looks for it.
    to = ["--model", fitted.model] if command[0] == "sample" else ["--model", tmp_path / "none"]
    error = run(*words, *to, "--output", path).error
    assert error.startswith(f"--output {path}: unknown kind of file")
    assert all(suffix in error for suffix in TABLE_SUFFIXES)
    assert not list(tmp_path.iterdir())


def test_explanations_as_a_table(run: Any, fitted: Any, tmp_path: Path) -> None:
    to = ["--model", fitted.model, "--top", "2"]
    expected = run("explain", fitted.new, *to, "--format", "csv").table
    path = tmp_path / "why.parquet"
    assert run("explain", fitted.new, *to, "--output", path).code == 0
    stored = pd.read_parquet(path)
    assert stored["sentence"].tolist() == expected["sentence"].tolist()
    assert stored["contribution"].tolist() == expected["contribution"].tolist()
    error = run("explain", fitted.new, *to, "--output", path, "--format", "json").error
    assert error == f"--format json: --output {path} asks for another; leave one out"


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    for suffix in TABLE_SUFFIXES:
        path = tmp_path / f"rows{suffix}"
        path.write_text("old")
        with contextlib.suppress(KeyError), open_table(path) as writer:
            writer.write(to_arrow_table({"a": [1.5]}))
            raise KeyError
        assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == len(TABLE_SUFFIXES)


def test_missing_and_odd_cells(tmp_path: Path) -> None:
    table = to_arrow_table(
        {
            "number": [1.5, None, float("inf")],
            "count": pd.Series([2**60 + 1, None, 3], dtype="Int64"),
            "text": ["=1+1", None, 'a "b"\x07'],
            "when": [dt.datetime(2024, 5, 1, 12), None, dt.datetime(1850, 1, 1)],
            "mixed": pd.Series([1, None, "a"], dtype=object),
            "flag": [True, None, False],
        }
    )
    for suffix in TABLE_SUFFIXES:
        with open_table(tmp_path / f"rows{suffix}") as writer:
            writer.write(table.slice(0, 2))
            writer.write(table.slice(2))
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert lines[0] == {
        "number": 1.5,
        "count": 2**60 + 1,
        "text": "=1+1",
        "when": "2024-05-01 12:00:00.000000",
        "mixed": "1",
        "flag": True,
    }
    assert set(lines[1].values()) == {None}
    assert lines[2]["number"] == "inf"
    assert pa.parquet.read_table(tmp_path / "rows.parquet") == table
    header, first, second, third = openpyxl.load_workbook(tmp_path / "rows.xlsx").active.values
    assert header == ("number", "count", "text", "when", "mixed", "flag")
    assert first == (1.5, str(2**60 + 1), "=1+1", dt.datetime(2024, 5, 1, 12), "1", True)
    assert second == (None,) * 6
    assert third == ("inf", 3, 'a "b"\\x07', "1850-01-01 00:00:00.000000", "a", False)


def test_types_that_change_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    with open_table(path) as writer:  # empty at first, whole numbers in a column of real ones
        writer.write(to_arrow_table({"a": [None], "b": [0.5]}))
        writer.write(to_arrow_table({"a": ["x"], "b": [1]}))
    assert pd.read_parquet(path)["b"].tolist() == [0.5, 1.0]
    told = r"column 'b' begins with int64, then has string"
    with open_table(path) as writer:
        writer.write(to_arrow_table({"b": [1]}))
        with pytest.raises(InputError, match=told):
            writer.write(to_arrow_table({"b": ["x"]}))


def test_what_a_sheet_cannot_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_writers, "MAX_EXCEL_ROWS", 2)
    path = tmp_path / "rows.xlsx"
    with pytest.raises(InputError, match="a sheet holds 2 rows at most"), open_table(path) as sheet:
        sheet.write(to_arrow_table({"a": [1, 2]}))
    with pytest.raises(InputError, match="32,767 characters"), open_table(path) as sheet:
        sheet.write(to_arrow_table({"a": ["x" * 40_000]}))
    assert not path.exists()


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(InputError, match=r"needs openpyxl; .* pip install 'anomgan\[files\]'"):
        table_output.check_output(tmp_path / "rows.xlsx")
