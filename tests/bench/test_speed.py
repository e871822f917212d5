"""What ``make bench-speed`` is made of, but for the seconds."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan.bench import timed_case as case
from anomgan.bench.curves import CURVES, GrowthCurve
from anomgan.bench.phases import OTHER, PHASES, compute_shares, find_phase, sample_stacks
from anomgan.bench.process import ProcessUsage, run
from anomgan.bench.speed import SECTIONS, STRESS_SECTIONS, fill_page, select_sections
from anomgan.bench.synthetic import make_table, write_csv
from anomgan.bench.timed_case import TimedCase, run_cases

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


# --- the page -------------------------------------------------------------------------------------


def test_a_table_goes_between_its_comments() -> None:
    page = "a\n<!-- x -->\nold\n\\1\n<!-- /x -->\nb\n<!-- xy -->\n<!-- /xy -->\n"
    expected = "a\n<!-- x -->\n| 1 |\n<!-- /x -->\nb\n<!-- xy -->\n<!-- /xy -->\n"
    assert fill_page(page, "x", "| 1 |") == expected
    assert fill_page(expected, "x", "| 1 |") == expected
    with pytest.raises(ValueError, match="one pair of comments <!-- y --> … <!-- /y -->"):
        fill_page(page, "y", "")


def test_the_page_has_a_place_for_every_section() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in SECTIONS | STRESS_SECTIONS:
        assert fill_page(page, name, "here") != page


def test_sections_are_chosen_by_how_their_names_begin() -> None:
    assert list(select_sections(None)) == list(SECTIONS)
    assert list(select_sections("score-r,latency")) == ["score-rows", "latency"]
    assert set(select_sections("load")) == set(STRESS_SECTIONS)
    with pytest.raises(ValueError, match="no section begins with 'speed'; there are: machine, "):
        select_sections("fit,speed")


# --- tables made for it ---------------------------------------------------------------------------


def test_what_is_written_is_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomgan.bench.synthetic.MAX_BLOCK_CELLS", 30)  # ten rows of three
    made = make_table(25, 3, seed=1)
    write_csv(tmp_path / "a.csv", 25, 3, seed=1)
    found = pd.read_csv(tmp_path / "a.csv", dtype="float32").astype(float)
    pd.testing.assert_frame_equal(found, made)
    assert not np.array_equal(made, make_table(25, 3, seed=2))


# --- cases ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gan", "iforest"])
def test_a_case_is_fitted_and_scored(name: str) -> None:
    tiny = {"steps": 5, "members": 1, "hidden": 8, "memory_rows": 20, "checks": 0}
    figures = TimedCase(40, 3, 10, tiny).measure(name)
    assert figures.keys() == {"fit_s", "score_s", "peak_mb"}
    assert min(figures.values()) > 0
    assert TimedCase(40, 3, 10, tiny).measure_latency(name, 3).keys() == {"p50_s", "p99_s"}


def test_what_would_take_too_long_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(case.time, "perf_counter", lambda: clock[0])

    def measure(self: TimedCase, name: str) -> dict[str, float]:
        clock[0] += self.rows
        return {}

    monkeypatch.setattr(TimedCase, "measure", measure)
    cases = {str(rows): TimedCase(rows, 2, 0) for rows in (1, 2, 20, 60, 61)}
    assert [label for label, _ in run_cases("gan", cases, 60.0)] == ["1", "2", "20", "60"]


def test_curves_grow() -> None:
    for curve in CURVES:
        cases = [TimedCase(**curve.case(size)) for size in curve.sizes]
        assert len(cases) > 1
        assert list(curve.sizes) == sorted(set(curve.sizes))
        assert len({repr(each) for each in cases}) == len(cases)


def test_a_curve_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {"gan": {"1": (2.0, 0.5, 300.4)}, "knn": {"1": (1, 4, 200), "20": (3, 6, 210)}}

    def fake(name: str, *_: Any) -> dict[str, dict[str, float]]:
        keys = ("fit_s", "score_s", "peak_mb")
        own = figures[name].items()
        return {label: dict(zip(keys, each, strict=True)) for label, each in own}

    monkeypatch.setattr("anomgan.bench.curves._run_cases", fake)
    curve = GrowthCurve("score-c", "rows", "So many", "scored", (1, 20, 300), ("knn",))
    assert list(curve.measure(quick=True)) == [
        "So many\n",
        "| rows | rows/s | anomgan: score, s | MB | kNN: score, s | MB |",
        "|---:|---:|---:|---:|---:|---:|",
        "| 1 | 2 | 0.50 | 300 | 4.00 | 200 |",
        "| 20 | – | – | – | 6.00 | 210 |",
    ]


# --- processes and phases -------------------------------------------------------------------------


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    out = tmp_path / "out"
    usage = run(sys.executable, "-c", "x = bytearray(600_000_000); print('so')", out=out)
    assert out.read_text() == "so\n"
    assert usage.megabytes > 500
    with pytest.raises(RuntimeError, match="oh dear"):
        run(sys.executable, "-c", "raise SystemExit('oh dear')")
    assert ProcessUsage(2.0, 10_000.4).format_row("it", 5_000) == "| it | 2.0 | 2,500 | 10,000 |"


@pytest.mark.parametrize(
    ("stack", "phase"),
    [
        (["anomgan.nets.mlp.MLP.forward", "anomgan.scoring.inversion._descend"], "inversion"),
        (
            ["anomgan.nets.mlp.MLP.forward", "anomgan.scoring.features.RecordFeatures.features"],
            "networks",
        ),
        (
            ["anomgan.nets.mlp.MLP.forward", "anomgan.training.trainer._PhaseRunner.step"],
            "losses and gradients",
        ),
        (
            [
                "anomgan.training.sampler.Sampler.__call__",
                "anomgan.training.trainer._PhaseRunner.step",
            ],
            "drawing batches",
        ),
        (["builtins.f", "anomgan.inverted.f"], OTHER),
        (["threading.Condition.wait", "anomgan.scoring.scorer.Scorer.__call__"], None),
        ([], None),
    ],
)
def test_stacks_have_phases(stack: list[str], phase: str | None) -> None:
    assert find_phase(stack) == phase


@pytest.mark.parametrize("name", [name for parts in PHASES.values() for name in parts])
def test_phases_speak_of_what_there_is(name: str) -> None:
    if name.startswith("mlflow"):
        return
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute)


def test_shares_are_of_the_whole() -> None:
    assert list(compute_shares({"a": 1, "b": 3}).items()) == [("b", 0.75), ("a", 0.25)]
    with sample_stacks() as counts:
        while not counts:
            sum(range(1000))
    assert sum(compute_shares(counts).values()) == pytest.approx(1)
