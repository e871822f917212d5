"""Scoring says when a batch as a whole is unlike the training data."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest

from anomgan.data.readers import files

TOLD = "the rows as a whole aren't like the training rows: "


def test_a_batch_like_the_training_data_says_nothing(
    run: Any, fitted: Any, make_records: Any, tmp_path: Path
) -> None:
    make_records(300, seed=5).to_csv(tmp_path / "new.csv", index=False)
    to = tmp_path / "drift.json"
    done = run("score", tmp_path / "new.csv", "--model", fitted.model, "--drift-report", to)
    assert done.code == 0, done.err
    assert TOLD not in done.err
    found = json.loads(to.read_text())
    assert (found["drift"], found["reasons"], found["rows"]) == (False, [], 300)


def test_a_line_and_a_report_whatever_the_chunks(
    run: Any, fitted: Any, make_records: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = make_records(300, seed=5)
    records["weight"] += 30
    records.loc[::3, "colour"] = "pink"
    records.loc[::4, "size"] = None
    records.to_csv(tmp_path / "new.csv", index=False)
    arguments = "score", tmp_path / "new.csv", "--model", fitted.model, "--drift-report"
    done = run(*arguments, tmp_path / "drift.json")
    last = done.err.splitlines()[-1]
    assert TOLD in last
    assert "'size' has no value in 25.0% of them, 0.0% in training" in last
    assert "'colour' has a level never seen in 33.3%" in last
    found = json.loads((tmp_path / "drift.json").read_text())
    assert found["drift"] is True
    assert "; ".join(found["reasons"]) == last.partition(TOLD)[2]
    monkeypatch.setattr(files, "read_chunks", functools.partial(files.read_chunks, rows=7))
    assert run(*arguments, tmp_path / "pieces.json").out == done.out
    assert (tmp_path / "pieces.json").read_text() == (tmp_path / "drift.json").read_text()


def test_a_report_that_cannot_be_written(run: Any, fitted: Any, tmp_path: Path) -> None:
    error = run(
        "score", fitted.new, "--model", fitted.model, "--drift-report", tmp_path / "no" / "d.json"
    ).error
    assert error.startswith(f"--drift-report {tmp_path / 'no' / 'd.json'}: there is no folder")
