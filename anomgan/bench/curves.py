"""Growth of time and memory with rows, columns, members and steps, beside peers."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
        name: Name of the section, for ``--only``; begins with ``fit`` or ``score``.
        grows: Name of the growing size.
        stays: Description of the fixed sizes.
        parameter: The growing field of :class:`anomgan.bench.timed_case.TimedCase`, or setting.
        sizes: Its values, of which ``--quick`` takes the first two.
        peers: Other detectors to measure.
    """

    name: str
    grows: str
    stays: str
    parameter: str
    sizes: tuple[int, ...]
    peers: Sequence[str] = ()

    @property
    def scores(self) -> bool:
        """Whether it reports scoring instead of fitting."""
        return self.name.startswith("score")

    def case(self, size: int) -> dict[str, Any]:
        """The fields of a case with one value of the growing size."""
        return _make_case(scores=self.scores, **{self.parameter: size})

    def measure(self, *, quick: bool) -> Iterator[str]:
        """Measure, and yield a Markdown table: a row for each size, columns for each detector."""
        sizes = self.sizes[:2] if quick else self.sizes
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


def _make_case(*, scores: bool, **changes: int) -> dict[str, Any]:
    """Fields of a case to measure scoring or fitting, with some sizes or settings changed."""
    case = {"rows": 2_000, "columns": COLUMNS, "scored": SCORED_ROWS if scores else 100}
    settings = {key: value for key, value in changes.items() if key not in case}
    case |= {key: value for key, value in changes.items() if key in case}
    return case | {"settings": (SHORT_FIT if scores else {}) | settings}


ALL_PEERS = (*SKLEARN_PEERS, LUNAR)
_FIT, _SCORE = f"Fit on 2,000 × {COLUMNS}", f"Score {SCORED_ROWS:,} × {COLUMNS}"
_SCORE_ROWS, _SCORE_COLUMNS = f"Score {SCORED_ROWS:,} rows", f"Score {COLUMNS} columns"
_MEMBERS, _WIDTHS = (1, 2, 4, 8), (5, 20, 100, 300, 1_000)
_FIT_SIZES, _SCORE_SIZES = (500, 2_000, 5_000, 10_000, 50_000), (100, 1_000, 10_000, 100_000)

CURVES = (
    GrowthCurve("fit-rows", "rows", f"Fit on {COLUMNS} columns", "rows", _FIT_SIZES, ALL_PEERS),
    GrowthCurve("fit-columns", "columns", "Fit on 2,000 rows", "columns", _WIDTHS, SKLEARN_PEERS),
    GrowthCurve("fit-members", "members", _FIT, "members", _MEMBERS),
    GrowthCurve("fit-steps", "steps", _FIT, "steps", (125, 250, 500, 1_000)),
    GrowthCurve("score-rows", "rows", _SCORE_COLUMNS, "scored", _SCORE_SIZES, ALL_PEERS),
    GrowthCurve("score-columns", "columns", _SCORE_ROWS, "columns", _WIDTHS, SKLEARN_PEERS),
    GrowthCurve("score-members", "members", _SCORE, "members", _MEMBERS),
    GrowthCurve("score-steps", "steps of the inversion", _SCORE, "inversion_steps", (0, 1, 5, 20)),
)


def measure_latency(*, quick: bool) -> Iterator[str]:
    """Measure the latency of scoring a single row with a loaded model."""
    calls = 20 if quick else LATENCY_CALLS
    yield f"{calls} rows of {COLUMNS} columns one by one, after a fit on 2,000\n"
    yield "| | median, ms | 99 of 100 within, ms |"
    yield "|---|---:|---:|"
    for name in ("gan", *SKLEARN_PEERS):
        times = _run_cases(name, {"row": _make_case(scores=True)}, CASE_TIME_LIMIT_S, calls)["row"]
        yield f"| {DISPLAY_NAMES[name]} | {1e3 * times['p50_s']:.1f} | {1e3 * times['p99_s']:.1f} |"
