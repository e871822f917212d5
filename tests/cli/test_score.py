"""Scoring files: what comes out, wherever the records come from and however they are cut up."""

from __future__ import annotations

import functools
import gzip
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from anomgan import load
from anomgan.data.readers import files


def test_one_row_each_in_input_order(run: Any, fitted: Any) -> None:
    done = run("score", fitted.new, "--model", fitted.model)
    assert done.code == 0
    table = done.table
    assert list(table.columns) == ["row", "score", "p_value", "is_anomaly"]
    assert table["row"].tolist() == list(range(len(fitted.records)))
    assert table["p_value"].between(0, 1, inclusive="right").all()
    assert (table["is_anomaly"] == (table["p_value"] <= 0.05)).all()
    planted = fitted.records["weight"] == 200
    assert table.loc[planted, "score"].min() > table.loc[~planted, "score"].max()


def test_the_numbers_are_those_of_the_estimator(run: Any, fitted: Any) -> None:
    table = run("score", fitted.new, "--model", fitted.model).table
    detector = load(fitted.model)
    frame = files.read_table(fitted.new)
    np.testing.assert_array_equal(table["score"], -detector.score_samples(frame))
    np.testing.assert_array_equal(table["p_value"], detector.p_values(frame))


@pytest.mark.parametrize("options", [[], ["--append"], ["--fdr", "0.2"]])
def test_chunks_make_no_difference(
    run: Any, fitted: Any, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    whole = run("score", fitted.new, "--model", fitted.model, *options)
    monkeypatch.setattr(files, "read_chunks", functools.partial(files.read_chunks, rows=7))
    pieces = run("score", fitted.new, "--model", fitted.model, *options)
    assert pieces == whole


@pytest.mark.parametrize("kind", ["csv.gz", "parquet", "stdin", "semicolons"])
def test_the_same_records_from_elsewhere(run: Any, fitted: Any, tmp_path: Path, kind: str) -> None:
    expected = run("score", fitted.new, "--model", fitted.model).out
    stdin, path = b"", tmp_path / f"new.{kind}"
    if kind == "csv.gz":
        path.write_bytes(gzip.compress(fitted.new.read_bytes()))
    elif kind == "parquet":
        fitted.records.to_parquet(path)
    elif kind == "semicolons":
        path = tmp_path / "new.csv"
        fitted.records.to_csv(path, index=False, sep=";")
    else:
        path, stdin = Path("-"), fitted.new.read_bytes()
    done = run("score", path, "--model", fitted.model, stdin=stdin)
    assert done.code == 0, done.err
    assert done.out == expected


def test_npz(run: Any, tiny: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "normal.npz", X=rng.normal(size=(60, 3)))
    np.savez(tmp_path / "new.npz", X=np.concatenate([rng.normal(size=(9, 3)), [[50, 50, 50]]]))
    model = tmp_path / "model"
    assert run("fit", tmp_path / "normal.npz", "--model", model, *tiny).code == 0
    table = run("score", tmp_path / "new.npz", "--model", model).table
    assert table["score"].idxmax() == 9


def test_append_repeats_the_input_first(run: Any, fitted: Any) -> None:
    plain = run("score", fitted.new, "--model", fitted.model).table
    table = run("score", fitted.new, "--model", fitted.model, "--append").table
    inputs = list(fitted.records.columns)
    assert list(table.columns) == [*inputs, "row", "score", "p_value", "is_anomaly"]
    pd.testing.assert_frame_equal(table[inputs], fitted.records, check_dtype=False)
    pd.testing.assert_frame_equal(table[plain.columns], plain)


def test_append_keeps_awkward_cells(run: Any, fitted: Any, tmp_path: Path) -> None:
    records = fitted.records.head(4).assign(**{"a,b": ['two\nlines "quoted"', "é;x", "", " y "]})
    records["when"] = pd.Timestamp("2024-02-29 12:30")
    records["list"] = [[1, 2], [], None, [3]]
    records.to_parquet(tmp_path / "new.parquet")
    done = run("score", tmp_path / "new.parquet", "--model", fitted.model, "--append")
    assert done.code == 0, done.err
    table = done.table
    assert table["a,b"].fillna("").tolist() == records["a,b"].tolist()
    assert pd.to_datetime(table["when"]).eq(pd.Timestamp("2024-02-29 12:30")).all()
    assert table["list"].notna().tolist() == [True, True, False, True]


@pytest.mark.parametrize("taken", ["row", "score", "p_value", "is_anomaly"])
def test_append_refuses_two_columns_of_one_name(
    run: Any, fitted: Any, tmp_path: Path, taken: str
) -> None:
    path = tmp_path / "new.csv"
    fitted.records.assign(**{taken: 1}).to_csv(path, index=False)
    error = run("score", path, "--model", fitted.model, "--append").error
    assert f"{path}: has a column {taken!r} already" in error
    assert run("score", path, "--model", fitted.model).code == 0


def test_alpha(run: Any, fitted: Any) -> None:
    table = run("score", fitted.new, "--model", fitted.model, "--alpha", "0.3").table
    assert (table["is_anomaly"] == (table["p_value"] <= 0.3)).all()
    assert table["is_anomaly"].sum() > (table["p_value"] <= 0.05).sum()


def test_alpha_below_every_p_value_is_told(run: Any, fitted: Any) -> None:
    done = run("score", fitted.new, "--model", fitted.model, "--alpha", "0.0001")
    assert done.table["is_anomaly"].sum() == 0
    assert "warning: no row can be flagged at alpha 0.0001" in done.err


@pytest.mark.parametrize("append", [[], ["--append"]])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_fdr_is_benjamini_hochberg(run: Any, fitted: Any, share: float, append: list[str]) -> None:
    done = run("score", fitted.new, "--model", fitted.model, "--fdr", share, *append)
    table = done.table
    expected = false_discovery_control(table["p_value"], method="bh") <= share
    assert (table["is_anomaly"] == expected).all()
    assert 0 < expected.sum() < len(table)
    plain = run("score", fitted.new, "--model", fitted.model, *append).table
    pd.testing.assert_frame_equal(table.iloc[:, :-1], plain.iloc[:, :-1])


def test_identifier_takes_the_place_of_the_row(
    run: Any, make_records: Any, tiny: list[str], fitted: Any, tmp_path: Path
) -> None:
    make_records(60).to_csv(tmp_path / "normal.csv", index=False)
    model = tmp_path / "model"
    done = run("fit", tmp_path / "normal.csv", "--model", model, "--id", "name", *tiny)
    assert done.code == 0, done.err
    done = run("score", fitted.new, "--model", model)
    assert list(done.table.columns) == ["name", "score", "p_value", "is_anomaly"]
    assert done.table["name"].tolist() == fitted.records["name"].tolist()
    assert "warning" not in done.err
    appended = run("score", fitted.new, "--model", model, "--append").table
    assert list(appended.columns) == [*fitted.records, "score", "p_value", "is_anomaly"]
    fitted.records.drop(columns="name").to_csv(tmp_path / "new.csv", index=False)
    error = run("score", tmp_path / "new.csv", "--model", model).error
    assert f"{tmp_path / 'new.csv'}: has no column 'name'" in error


def test_oddities_are_told_once_with_their_rows(
    run: Any, fitted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = fitted.records.assign(weight=fitted.records["weight"].astype(object))
    records.loc[[11, 30], "weight"] = "heavy"
    records.loc[[3, 4, 50], "colour"] = "pink"
    records["[red]surplus"] = 1
    path = tmp_path / "new.csv"
    records.to_csv(path, index=False)
    monkeypatch.setattr(files, "read_chunks", functools.partial(files.read_chunks, rows=10))
    done = run("score", path, "--model", fitted.model)
    assert done.code == 0, done.err
    assert len(done.table) == len(records)
    [unreadable] = [line for line in done.err.splitlines() if "'weight': 2 cells can't" in line]
    assert unreadable.startswith(f"anomgan: warning: {path}: ")
    assert "first in row 11: 'heavy'" in unreadable
    assert done.err.count("'colour': 3 cells with a level that wasn't in training") == 1
    assert done.err.count("[red]surplus") == 1
    strict = run("score", path, "--model", fitted.model, "--strict")
    assert strict.code == 2
    assert f"{path}: row 11, column 'weight': 'heavy' isn't a number" in strict.err


def test_output_appears_whole_or_not_at_all(run: Any, fitted: Any, tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("old")
    ragged = fitted.new.read_bytes() + b"one,field\n"
    error = run("score", "-", "--model", fitted.model, "--output", path, stdin=ragged).error
    assert "stdin: data record 61 has 2 fields, the header has 5" in error
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["scores.csv"]
    done = run("score", fitted.new, "--model", fitted.model, "--output", path)
    assert (done.code, done.out) == (0, "")
    assert path.read_text() == run("score", fitted.new, "--model", fitted.model).out
    assert [file.name for file in tmp_path.iterdir()] == ["scores.csv"]


def test_output_compressed_through_a_link_and_to_a_device(
    run: Any, fitted: Any, tmp_path: Path
) -> None:
    expected = run("score", fitted.new, "--model", fitted.model).out
    target, link = tmp_path / "scores.csv.gz", tmp_path / "link.csv.gz"
    target.write_text("old")
    link.symlink_to(target)
    assert run("score", fitted.new, "--model", fitted.model, "--output", link).code == 0
    assert link.is_symlink()
    assert gzip.decompress(target.read_bytes()).decode() == expected
    assert run("score", fitted.new, "--model", fitted.model, "--output", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()
    assert run("score", fitted.new, "--model", fitted.model, "--output", "-").out == expected


def test_output_may_replace_the_input(run: Any, fitted: Any, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    shutil.copy(fitted.new, path)
    expected = run("score", path, "--model", fitted.model, "--append").out
    done = run("score", path, "--model", fitted.model, "--append", "--output", path)
    assert done.code == 0
    assert path.read_text() == expected


def test_model_from_the_environment(run: Any, fitted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANOMGAN_MODEL", str(fitted.model))
    expected = run("score", fitted.new, "--model", fitted.model).out
    assert run("score", fitted.new).out == expected


COMMAND = [sys.executable, "-m", "anomgan", "score", "-"]


def test_output_starts_before_the_input_ends(fitted: Any) -> None:
    header, *lines = fitted.new.read_bytes().splitlines()
    long = b'"%s"' % (b"x" * 4000)  # few rows, but more bytes than are read before the first
    with subprocess.Popen(
        [*COMMAND, "--model", str(fitted.model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(header + b",essay\n")
        for _ in range(20):
            for line in lines:
                process.stdin.write(line + b"," + long + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"row,score,p_value,is_anomaly\n"
        assert process.stdout.readline().startswith(b"0,")
        process.stdin.write(lines[0] + b",last\n")
        process.stdin.close()
        assert process.stdout.read().count(b"\n") == 20 * len(lines)
        assert process.wait() == 0


def test_a_reader_that_has_had_enough(fitted: Any) -> None:
    header, *lines = fitted.new.read_bytes().splitlines(keepends=True)
    with subprocess.Popen(
        [*COMMAND, "--model", str(fitted.model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.stdin.write(header + b"".join(lines))
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_a_sheet_of_a_workbook(run: Any, fitted: Any, tmp_path: Path) -> None:
    expected = run("score", fitted.new, "--model", fitted.model).out
    path = tmp_path / "new.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"note": ["see the other sheet"]}).to_excel(book, sheet_name="About")
        fitted.records.to_excel(book, sheet_name="May", index=False)
    for sheet in ("May", "2"):
        done = run("score", path, "--model", fitted.model, "--sheet", sheet)
        assert done.code == 0, done.err
        assert done.out == expected
    done = run("score", path, "--model", fitted.model)
    assert "warning: " + f"{path}: has 2 sheets, 'About', 'May'; read is the first" in done.err
    error = run("score", path, "--model", fitted.model, "--sheet", "June").error
    assert error == f"{path}: has no sheet 'June'; it has, counted from 1: 'About', 'May'"


def test_a_folder_of_tables(run: Any, fitted: Any, tmp_path: Path) -> None:
    expected = run("score", fitted.new, "--model", fitted.model).out
    for at in range(3):
        fitted.records[20 * at : 20 * at + 20].to_csv(tmp_path / f"{at}.csv", index=False)
    done = run("score", tmp_path, "--model", fitted.model)
    assert done.code == 0, done.err
    assert done.out == expected
