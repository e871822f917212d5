"""Whatever is wrong with files, folders and options: one line that says what and where, exit 2."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

HEADER = "a,b\n"
ROWS = "".join(f"{i * i % 17}.5,{i * 7 % 11}\n" for i in range(40))


# --- tables that can't be learnt from -------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{path}: is empty"),
        ("\n\n", "{path}: is empty"),
        (HEADER, "{path}: has a header but no rows"),
        (HEADER + "1,2\n", "{path}: n_samples=1; at least 5 rows are needed"),
        (
            HEADER + "1,2\n" * 40,
            "{path}: no column to learn from; left out: 'a' (constant 1.0), 'b'",
        ),
        (HEADER + ROWS + "1,2,3\n", "{path}: line 42 has 3 fields, the header has 2"),
        (HEADER + ROWS + '"1,2\n', "{path}: "),
        (
            "id,note\n" + "".join(f"u{i},text {i}\n" for i in range(30)),
            "{path}: no column to learn from; left out: 'id' (text that differs in every row)",
        ),
    ],
    ids=["empty", "blank", "header", "one-row", "constant", "ragged", "quote", "text"],
)
def test_tables_to_fit(run: Any, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "normal.csv"
    path.write_text(text)
    error = run("fit", path, "--model", tmp_path / "model").error
    assert error.startswith(message.format(path=path))
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is empty"),
        (b"size,weight,colour\n", "has a header but no rows"),
        (
            b"size,weight\n1,2\n",
            "no column 'colour'; the model expects 3 columns: 'size', 'weight'",
        ),
        (b"duration,service\n1,http\n", "no column 'size', 'weight', 'colour'; the model expects"),
        (b"size,weight,colour\n1,2\n", "has 2 fields, the header has 3"),
    ],
    ids=["empty", "header", "no-column", "other-schema", "ragged"],
)
def test_tables_to_score(run: Any, fitted: Any, tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "new.csv"
    path.write_bytes(text)
    error = run("score", path, "--model", fitted.model).error
    assert error.startswith(f"{path}: ")
    assert message in error
    error = run("score", "-", "--model", fitted.model, stdin=text).error
    assert error.startswith("stdin: ")
    assert message in error


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.csv", "no such file"),
        ("folder", "has no pictures"),
        ("table.doc", "unknown kind of file; known are .csv"),
        ("table.parquet", "isn't a Parquet file, or is damaged"),
        ("table.npz", "isn't an .npz archive, or is damaged"),
        ("table.csv.gz", "the compressed data is cut off or damaged"),
    ],
)
@pytest.mark.parametrize("command", ["fit", "score"])
def test_files_that_are_not_tables(
    run: Any, fitted: Any, tmp_path: Path, name: str, message: str, command: str
) -> None:
    (tmp_path / "folder").mkdir()
    if name.startswith("table"):
        (tmp_path / name).write_bytes(b"neither this nor that")
    model = fitted.model if command == "score" else tmp_path / "model"
    error = run(command, tmp_path / name, "--model", model).error
    assert error.startswith(f"{tmp_path / name}: {message}")


# --- tables that look bad and work ----------------------------------------------------------------


def fits_and_scores(run: Any, tiny: list[str], path: Path, rows: int) -> str:
    """Fit and score a file; every row gets a finite score.  Returns what was said."""
    model = path.with_name("model")
    fit = run("fit", path, "--model", model, *tiny)
    assert fit.code == 0, fit.err
    score = run("score", path, "--model", model)
    assert score.code == 0, score.err
    assert len(score.table) == rows
    assert np.isfinite(score.table["score"]).all()
    assert "Traceback" not in fit.err + score.err
    return str(fit.err + score.err)


@pytest.mark.parametrize(
    ("data", "rows", "columns"),
    [
        ((HEADER + ROWS[:44]).encode(), 7, 2),
        (("a\n" + "\n".join(f"{i * i % 17}.5" for i in range(40))).encode(), 40, 1),
        (("\ufeff" + HEADER + ROWS).encode(), 40, 2),
        ((HEADER + ROWS).replace(",", ";").encode(), 40, 2),
        ((HEADER + ROWS).replace("\n", "\r\n").encode("utf-16"), 40, 2),
    ],
    ids=["few-rows", "one-column", "bom", "semicolon", "utf-16"],
)
def test_unusual_tables(
    run: Any, tiny: list[str], tmp_path: Path, data: bytes, rows: int, columns: int
) -> None:
    path = tmp_path / "normal.csv"
    path.write_bytes(data)
    said = fits_and_scores(run, tiny, path, rows)
    assert f"columns      {columns} numeric\n" in said


def test_ten_rows_say_that_nothing_can_be_flagged(
    run: Any, tiny: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "normal.csv"
    path.write_text(HEADER + "".join(ROWS.splitlines(keepends=True)[:10]))
    said = fits_and_scores(run, tiny, path, 10)
    assert "warning: nothing will be flagged: 10 calibration rows give no p-value below" in said


def test_latin_1(run: Any, tiny: list[str], tmp_path: Path) -> None:
    path = tmp_path / "normal.csv"
    path.write_bytes(
        b"size,ort\n"
        + "".join(f"{i * i % 17}.5,{'Köln' if i % 2 else 'Mölln'}\n" for i in range(40)).encode(
            "latin-1"
        )
    )
    said = fits_and_scores(run, tiny, path, 40)
    assert f"anomgan: warning: {path}: isn't all UTF-8" in said
    model = path.with_name("model")
    path.write_text("size,ort\n1,Köln\n")
    assert "wasn't in training" not in run("score", path, "--model", model).err


def test_missing_and_infinite_cells(run: Any, tiny: list[str], tmp_path: Path) -> None:
    path = tmp_path / "normal.csv"
    path.write_text(HEADER + ROWS + "nan,1\n,2\ninf,3\n-inf,4\n")
    said = fits_and_scores(run, tiny, path, 44)
    assert f"warning: {path}: column 'a': 2 cells can't be read as a number" in said
    assert "first in row 42: 'inf'" in said


def test_very_wide_table(run: Any, tiny: list[str], tmp_path: Path) -> None:
    path = tmp_path / "normal.csv"
    columns = 10_000  # ten times as many are read in tests/data/test_files.py
    rng = np.random.default_rng(0)
    rows = [",".join(map(str, rng.integers(0, 9, columns))) for _ in range(3)]
    path.write_text("\n".join([",".join(f"c{i}" for i in range(columns)), *rows]))
    error = run("fit", path, "--model", tmp_path / "model", *tiny).error
    assert error.startswith(f"{path}: n_samples=3; at least 5 rows are needed")


# --- model directories ----------------------------------------------------------------------------


def cut_weights(model: Path) -> None:
    path = model / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-9])


def cut_description(model: Path) -> None:
    path = model / "model.json"
    path.write_bytes(path.read_bytes()[:-9])


def from_the_future(model: Path) -> None:
    path = model / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99}))


def edited(model: Path) -> None:
    path = model / "model.json"
    path.write_text(path.read_text().replace('"alpha": 0.05', '"alpha": 0.06'))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "no such model directory; fit a model first"),
        (lambda model: (model / "model.json").unlink(), "isn't a model directory"),
        (lambda model: (model / "model.json").write_text("[]"), "isn't a model directory"),
        (lambda model: (model / "weights.safetensors").unlink(), "weights.safetensors is missing"),
        (cut_weights, "the model is damaged: weights.safetensors has"),
        (cut_description, "the model is damaged: model.json isn't whole"),
        (edited, "the model is damaged: model.json isn't as it was written"),
        (from_the_future, "written by a newer anomgan (format 99); upgrade anomgan"),
    ],
)
def test_models_that_cannot_be_used(
    run: Any, fitted: Any, tmp_path: Path, damage: Any, message: str
) -> None:
    model = tmp_path / "model"
    shutil.copytree(fitted.model, model)
    damage(model)
    for arguments in (["score", fitted.new, "--model", model], ["info", model]):
        error = run(*arguments).error
        assert error.startswith(f"{model}: ")
        assert message in error


def test_a_folder_that_is_no_model_is_refused_before_reading(run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("years of work")
    error = run("fit", tmp_path / "absent.csv", "--model", folder).error
    assert error.startswith(f"{folder}: is a folder that isn't a model; it won't be overwritten")
    assert (folder / "chapter.txt").read_text() == "years of work"


def test_a_model_below_a_file(run: Any, fitted: Any, tmp_path: Path) -> None:
    error = run("fit", fitted.new, "--model", fitted.new / "model").error
    assert error.startswith(f"{fitted.new / 'model'}: ")
    assert "is a file; name another folder" in error


def test_no_permission_to_write_the_model(
    run: Any, fitted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode, **_: not mode & os.W_OK)
    error = run("fit", fitted.new, "--model", tmp_path / "model").error
    assert error.startswith(f"{tmp_path / 'model'}: can't write to {tmp_path}")


def refuse_to_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate a full disk, which shows at the latest when data are written through to it."""

    def fsync(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)


def test_disk_full_while_saving(
    run: Any, fitted: Any, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    normal, model = fitted.new.with_name("normal.csv"), tmp_path / "model"
    shutil.copytree(fitted.model, model)
    before = run("score", fitted.new, "--model", model).out
    refuse_to_sync(monkeypatch)
    error = run("fit", normal, "--model", model, "--seed", 3, *tiny).error
    assert error.startswith(f"{model}: can't write the model: No space left on device; free some")
    assert run("score", fitted.new, "--model", model).out == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "steps"], "--set steps: write it as key=value"),
        (["--set", "=3"], "--set =3: write it as key=value"),
        (["--set", "stepz=3"], "unknown setting 'stepz'; choose one of: members"),
        (["--set", "steps=many"], "setting steps='many' must be a whole number"),
        (["--set", "steps=-1"], "setting steps=-1 must lie between 0 and"),
        (["--method", "gann"], "unknown method 'gann'; choose one of: "),
        (["--preset", "quick"], "unknown preset 'quick'; choose one of: fast, balanced, thorough"),
        (["--device", "tpu"], "device='tpu' must be one of: auto, cpu, cuda"),
        (["--device", "cuda:99"], "device='cuda:99': torch finds "),
        (["--alpha", "2"], "--alpha 2 must lie between 0 and 1"),
        (["--alpha", "nan"], "--alpha nan must lie between 0 and 1"),
        (["--contamination", "0.7"], "--contamination 0.7 must lie between 0 and 0.5"),
    ],
)
def test_options_of_fit(
    run: Any, fitted: Any, tmp_path: Path, options: list[str], message: str
) -> None:
    error = run("fit", fitted.new, "--model", tmp_path / "model", *options).error
    assert error.startswith(message)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--alpha", "2"], "--alpha 2 must lie between 0 and 1"),
        (["--fdr", "0"], "--fdr 0 must lie between 0 and 1"),
        (["--alpha", "0.1", "--fdr", "0.1"], "--alpha and --fdr are two ways to flag rows; choose"),
        (["--output", "{tmp}/no/scores.csv"], "--output {tmp}/no/scores.csv: there is no folder"),
        (["--output", "{tmp}"], "--output {tmp}: is a folder; name a file in it"),
        (["--output", "{tmp}/" + "x" * 300], "{tmp}/" + "x" * 300 + ": File name too long"),
    ],
)
def test_options_of_score(
    run: Any, fitted: Any, tmp_path: Path, options: list[str], message: str
) -> None:
    options = [option.format(tmp=tmp_path) for option in options]
    error = run("score", fitted.new, "--model", fitted.model, *options).error
    assert error.startswith(message.format(tmp=tmp_path))


def test_no_permission_to_write_the_output(
    run: Any, fitted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "scores.csv"

    def refuse(self: Path, mode: str = "r", **options: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "open", refuse)
    error = run("score", fitted.new, "--model", fitted.model, "--output", path).error
    assert error == f"--output {path}: can't be written: Permission denied"


def test_oddly_typed_parquet(run: Any, fitted: Any, tmp_path: Path) -> None:
    path = tmp_path / "new.parquet"
    frame = pd.DataFrame({"size": [[1], [2]], "weight": [1.0, 2.0], "colour": ["red", "blue"]})
    frame.to_parquet(path)
    assert run("score", path, "--model", fitted.model).error.startswith(f"{path}: ")
