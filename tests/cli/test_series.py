"""Series from the command line: one output row for each input row."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


def make_log(rows: int, seed: int = 0) -> pd.DataFrame:
    """Sensors of two machines with a rhythm of sixteen steps."""
    rng, t = np.random.default_rng(seed), np.arange(rows // 2)
    parts = [
        pd.DataFrame(
            {
                "timestamp": pd.date_range("2024-03-30", periods=len(t), freq="5min"),
                "machine": machine,
                "heat": (10 + np.sin(t * np.pi / 8 + at) + 0.1 * rng.normal(size=len(t))).round(3),
                "load": (np.cos(t * np.pi / 8) + 0.1 * rng.normal(size=len(t))).round(3),
            }
        )
        for at, machine in enumerate(["press", "saw"])
    ]
    return pd.concat(parts).sort_values("timestamp", kind="stable").reset_index(drop=True)


@pytest.fixture(scope="module")
def folder(run, tiny, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("series")
    make_log(500).to_csv(folder / "log.csv", index=False)
    new = make_log(300, 1)
    new.loc[(new["machine"] == "saw") & (new.index > 200) & (new.index < 240), "heat"] = 10.0
    new.to_csv(folder / "new.csv", index=False)
    done = run(
        *("fit", folder / "log.csv", "--time", "timestamp", "--group", "machine"),
        *("--window", "16", "--model", folder / "model", *tiny, "--set", "checks=0"),
    )
    assert done.code == 0, done.err
    assert "16 points (80min)" in done.err
    assert "2, by machine" in done.err
    assert re.search(r"false alarms +\d+ events in \d+ held-out points, [\d.]+ a day", done.err)
    return folder


def test_each_row_is_scored_in_its_order(run, folder: Path) -> None:
    done = run("score", folder / "new.csv", "--model", folder / "model")
    assert done.code == 0, done.err
    rows = pd.read_csv(pd.io.common.StringIO(done.out))
    assert rows["row"].tolist() == list(range(300))
    frozen = rows.loc[range(211, 231, 2), "score"]  # of the saw
    assert frozen.min() > rows["score"].median()
    piped = run("score", "-", "--model", folder / "model", stdin=(folder / "new.csv").read_bytes())
    assert piped.out == done.out


def test_events_say_when_and_which_columns(run, folder: Path) -> None:
    events = folder / "events.csv"
    done = run("score", folder / "new.csv", "--model", folder / "model", "--events", events)
    assert done.code == 0, done.err
    table = pd.read_csv(events, parse_dates=["start", "end", "peak"])
    worst = table.loc[table["severity"].idxmax()]
    assert worst["machine"] == "saw"
    assert worst["start"] <= worst["peak"] <= worst["end"]
    assert 200 - 32 < worst["first_row"] < worst["last_row"] < 240 + 32
    assert worst["columns"].startswith("heat")
    explained = run("explain", folder / "new.csv", "--model", folder / "model", "--top", "1")
    assert explained.code == 0, explained.err
    assert "heat" in explained.out.splitlines()[1]
    chosen = run("explain", folder / "new.csv", "--model", folder / "model", "--rows", "3,1")
    named = [line.split(":")[0] for line in chosen.out.splitlines() if ": score" in line]
    assert named == ["row 1", "row 3"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--window", "few"], "--window few: give the number"),
        (["--window", "8", "--time", "timestamp", "--time", "heat"], "one column of times"),
        (["--window", "8", "--time", "when"], "no column 'when'"),
        (["--group", "machine", "--id", "machine"], "name the same column"),
        (["--window", "8", "--condition", "machine"], "--condition: series take none"),
        (["--window", "8", "--time", "timestamp"], "no series has two different times"),
    ],
)
def test_mistakes_end_in_a_message(run, folder: Path, tmp_path: Path, options, message) -> None:
    log = pd.read_csv(folder / "log.csv").assign(timestamp="2024-01-01")
    log.to_csv(tmp_path / "log.csv", index=False)
    done = run("fit", tmp_path / "log.csv", *options, "--model", tmp_path / "model")
    assert done.code == 2
    assert message in done.err


def test_dry_run_shows_how_series_are_read(run, folder: Path) -> None:
    options = ("--time", "timestamp", "--group", "machine", "--window", "auto", "--dry-run")
    done = run("fit", folder / "log.csv", *options)
    assert done.code == 0, done.err
    assert "96 points" in done.out + done.err


def test_the_report_draws_the_series(run, folder: Path) -> None:
    page = folder / "page.html"
    done = run("report", folder / "model", "--data", folder / "new.csv", "--output", page)
    assert done.code == 0, done.err
    text = page.read_text(encoding="utf-8")
    assert "the nearest window of training (green)" in text
