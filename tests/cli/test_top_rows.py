"""score --top, --flagged, --json, and the progress on a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def score(fitted: Any) -> list[Any]:
    return ["score", fitted.new, "--model", fitted.model]


def test_flagged_leaves_the_others_out(run: Any, score: list[Any], tmp_path: Path) -> None:
    table = run(*score).table
    for options in ([], ["--fdr", 0.3], ["--alpha", 0.2]):
        table = run(*score, *options).table
        flagged = run(*score, *options, "--flagged")
        assert 0 < len(flagged.table) < len(table)
        expected = table[table["is_anomaly"] == 1].reset_index(drop=True)
        assert flagged.table.equals(expected)
        assert f"60 rows scored, {len(expected)} flagged" in flagged.err
    nothing = run(*score, "--alpha", "0.0001", "--flagged")
    assert nothing.out == "row,score,p_value,is_anomaly\n"


def test_top_is_a_table_with_reasons(run: Any, score: list[Any], tmp_path: Path) -> None:
    ranked = run(*score).table.sort_values("score", ascending=False, kind="stable")
    done = run(*score, "--top", 3)
    header, *lines = done.out.splitlines()
    assert header.split() == ["row", "score", "p_value", "flagged", "why"]
    assert [int(line.split()[0]) for line in lines] == ranked["row"].head(3).tolist()
    assert all("weight = 200" in line and " yes " in line for line in lines)

    with_file = run(*score, "--top", 3, "--output", tmp_path / "all.csv")
    assert with_file.out == done.out
    assert (tmp_path / "all.csv").read_text() == run(*score).out
    assert "--top" in run(*score, "--top", 3, "--output", "-").error


def test_top_of_the_flagged(run: Any, score: list[Any]) -> None:
    flagged = run(*score, "--flagged").table
    lines = run(*score, "--flagged", "--top", 60).out.splitlines()[1:]
    assert sorted(int(line.split()[0]) for line in lines) == flagged["row"].tolist()


def test_summary_and_top_as_json(run: Any, score: list[Any], tmp_path: Path) -> None:
    facts = json.loads(run(*score, "--top", 2, "--json").out)
    assert (facts["records"], facts["without_score"]) == (60, 0)
    assert facts["rule"] == "the model's threshold"
    assert "reasons" not in facts["top"][0]
    assert facts["top"][0]["columns"][0]["column"] == "weight"
    assert facts["top"][0]["is_anomaly"] == 1
    assert "name a file by --output" in run(*score, "--json").error
    summary = json.loads(run(*score, "--json", "--output", tmp_path / "s.csv").out)
    assert summary == {key: value for key, value in facts.items() if key != "top"}


def test_spark_writes_all_rows(run: Any, score: list[Any], tmp_path: Path) -> None:
    error = run(*score, "--engine", "spark", "--output", tmp_path / "s", "--flagged").error
    assert "--flagged goes with --engine local" in error


def test_progress_only_on_a_terminal(score: list[Any], tmp_path: Path) -> None:
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "anomgan", *map(str, score)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, check=True)
    os.close(terminal)
    assert "60 records scored" in os.read(master, 65536).decode()
    assert len(done.stdout.splitlines()) == 61
    os.close(master)
