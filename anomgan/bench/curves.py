"""Growth of time and memory with rows, columns, members and steps, beside peers."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anomgan.bench.process import run_module

CASE_TIME_LIMIT_S = 60.0
"""A size whose estimated time is longer isn't tried."""

LATENCY_CALLS = 200
"""Calls with a single row from which latency is measured."""

SKLEARN_PEERS = "iforest", "knn"
LUNAR = "lunar"
SHORT_FIT = {"steps": 20, "checks": 0}
"""Settings for a short fit where scoring is measured: its cost doesn't depend on the steps."""

FIT_ROWS, SCORED_ROWS, COLUMNS = 5_000, 10_000, 20
DISPLAY_NAMES = {"gan": "anomgan", "iforest": "IsolationForest", "knn": "kNN", "lunar": "LUNAR"}


@dataclass(frozen=True)
class GrowthCurve:
    """A table of costs over one growing size, the others fixed.

    Attributes:
        name: Name of the section, for ``--only``.
        grows: Name of the growing size.
        stays: Description of the fixed sizes.
        sizes: Values of the growing size.
        case: The fields of a :class:`anomgan.bench.timed_case.TimedCase` for a value.
        peers: Other detectors to measure.
        scores: Whether to report scoring instead of fitting.
        quick: Values of the growing size with ``--quick``.
    """

    name: str
    grows: str
    stays: str
    sizes: tuple[int, ...]
    case: Callable[[int], dict[str, Any]]
    peers: Sequence[str] = ()
    scores: bool = False
    quick: tuple[int, ...] = field(default=())

    def measure(self, *, quick: bool) -> Iterator[str]:
        """Measure, and yield a Markdown table: a row for each size, columns for each detector."""
        sizes = self.quick if quick else self.sizes
        cases = {f"{size:,}": self.case(size) for size in sizes}
        results = {
            name: _run_cases(name, cases, CASE_TIME_LIMIT_S)
            for name in ("gan", *self.peers)
            if name != LUNAR or importlib.util.find_spec("pyod")
        }
        shown = ("score_s", "peak_mb") if self.scores else ("fit_s", "peak_mb")
        what = "score" if self.scores else "fit"
        heads = [f"{DISPLAY_NAMES[name]}: {what}, s | MB" for name in results]
        rate = " | rows/s" if self.scores else ""
        yield f"{self.stays}\n"
        yield f"| {self.grows}{rate} | {' | '.join(heads)} |"
        yield "|---:|" + "---:|" * (2 * len(results) + bool(rate))
        for label, case in cases.items():
            cells = [_format_cell(of.get(label), key) for of in results.values() for key in shown]
            ours = results["gan"].get(label)
            if rate:
                cells.insert(0, f"{case['scored'] / ours['score_s']:,.0f}" if ours else "–")
            yield f"| {label} | {' | '.join(cells)} |"


def _format_cell(figures: dict[str, float] | None, key: str) -> str:
    if figures is None:
        return "–"
    return f"{figures[key]:,.0f}" if key == "peak_mb" else f"{figures[key]:.2f}"


def _run_cases(
    name: str, cases: dict[str, dict[str, Any]], time_limit_s: float, calls: int = 0
) -> dict[str, dict[str, float]]:
    """Figures of each case that was tried, by label.

    Raises:
        RuntimeError: If the process fails.
    """
    request = {"name": name, "cases": cases, "time_limit_s": time_limit_s, "calls": calls}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures"
        run_module("anomgan.bench.timed_case", json.dumps(request), out=out)
        return dict(map(json.loads, out.read_text().splitlines()))


def _fit_case(rows: int = 2_000, columns: int = COLUMNS, **settings: Any) -> dict[str, Any]:
    return {"rows": rows, "columns": columns, "scored": 100, "settings": settings}


def _score_case(
    scored: int = SCORED_ROWS, columns: int = COLUMNS, **settings: Any
) -> dict[str, Any]:
    fit = 2_000
    return {"rows": fit, "columns": columns, "scored": scored, "settings": SHORT_FIT | settings}


CURVES = (
    GrowthCurve(
        "fit-rows",
        "rows",
        f"Fit on {COLUMNS} columns",
        (500, 2_000, 5_000, 10_000, 50_000),
        lambda rows: _fit_case(rows=rows),
        (*SKLEARN_PEERS, LUNAR),
        quick=(500, 2_000),
    ),
    GrowthCurve(
        "fit-columns",
        "columns",
        "Fit on 2,000 rows",
        (5, 20, 100, 300, 1_000),
        lambda columns: _fit_case(columns=columns),
        SKLEARN_PEERS,
        quick=(5, 20),
    ),
    GrowthCurve(
        "fit-members",
        "members",
        f"Fit on 2,000 × {COLUMNS}",
        (1, 2, 4, 8),
        lambda members: _fit_case(members=members),
        quick=(1, 2),
    ),
    GrowthCurve(
        "fit-steps",
        "steps",
        f"Fit on 2,000 × {COLUMNS}",
        (125, 250, 500, 1_000),
        lambda steps: _fit_case(steps=steps),
        quick=(50, 100),
    ),
    GrowthCurve(
        "score-rows",
        "rows",
        f"Score {COLUMNS} columns",
        (100, 1_000, 10_000, 100_000),
        lambda rows: _score_case(scored=rows),
        (*SKLEARN_PEERS, LUNAR),
        scores=True,
        quick=(100, 1_000),
    ),
    GrowthCurve(
        "score-columns",
        "columns",
        f"Score {SCORED_ROWS:,} rows",
        (5, 20, 100, 300, 1_000),
        lambda columns: _score_case(columns=columns),
        SKLEARN_PEERS,
        scores=True,
        quick=(5, 20),
    ),
    GrowthCurve(
        "score-members",
        "members",
        f"Score {SCORED_ROWS:,} × {COLUMNS}",
        (1, 2, 4, 8),
        lambda members: _score_case(members=members),
        scores=True,
        quick=(1, 2),
    ),
    GrowthCurve(
        "score-steps",
        "steps of the inversion",
        f"Score {SCORED_ROWS:,} × {COLUMNS}",
        (0, 1, 5, 20),
        lambda steps: _score_case(inversion_steps=steps),
        scores=True,
        quick=(0, 1),
    ),
)


def measure_latency(*, quick: bool) -> Iterator[str]:
    """Measure the latency of scoring a single row with a loaded model."""
    calls = 20 if quick else LATENCY_CALLS
    yield f"{calls} rows of {COLUMNS} columns one by one, after a fit on 2,000\n"
    yield "| | median, ms | 99 of 100 within, ms |"
    yield "|---|---:|---:|"
    for name in ("gan", *SKLEARN_PEERS):
        times = _run_cases(name, {"row": _score_case()}, CASE_TIME_LIMIT_S, calls)["row"]
        yield f"| {DISPLAY_NAMES[name]} | {1e3 * times['p50_s']:.1f} | {1e3 * times['p99_s']:.1f} |"
