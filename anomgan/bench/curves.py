"""How seconds and memory grow with rows, columns, members and steps, beside the peers."""

from __future__ import annotations

import importlib.util
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anomgan.bench.process import module

PATIENCE = 60.0
"""Seconds; a size that would take longer, judged by the one before, isn't tried."""

CALLS = 200
"""Single rows scored to see how long one takes."""

SCIKIT = "iforest", "knn"
LUNAR = "lunar"
CHEAP = {"steps": 20, "checks": 0}
"""What makes the fit short where scoring is measured: it costs the same after however many."""

FIT_ROWS, SCORED, COLUMNS = 5_000, 10_000, 20
PEERS_CALLED = {"gan": "anomgan", "iforest": "IsolationForest", "knn": "kNN", "lunar": "LUNAR"}


@dataclass(frozen=True)
class Curve:
    """One thing that grows while all else stays.

    Attributes:
        name: What ``--only`` calls it.
        grows: What grows, in words.
        stays: The rest, in words.
        sizes: Its values.
        case: The fields of a :class:`anomgan.bench.timed_case.Case` for one of them.
        peers: Who is measured beside.
        scores: Whether scoring is shown, otherwise fitting.
    """

    name: str
    grows: str
    stays: str
    sizes: tuple[int, ...]
    case: Callable[[int], dict[str, Any]]
    peers: Sequence[str] = ()
    scores: bool = False
    quick: tuple[int, ...] = field(default=())

    def lines(self, *, quick: bool) -> Iterator[str]:
        """Measure, then a Markdown table: a line for each size, columns for each detector."""
        sizes = self.quick if quick else self.sizes
        cases = {f"{size:,}": self.case(size) for size in sizes}
        found = {
            name: _measured(name, cases, PATIENCE)
            for name in ("gan", *self.peers)
            if name != LUNAR or importlib.util.find_spec("pyod")
        }
        shown = ("score_s", "peak_mb") if self.scores else ("fit_s", "peak_mb")
        what = "score" if self.scores else "fit"
        heads = [f"{PEERS_CALLED[name]}: {what}, s | MB" for name in found]
        rate = " | rows/s" if self.scores else ""
        yield f"{self.stays}\n"
        yield f"| {self.grows}{rate} | {' | '.join(heads)} |"
        yield "|---:|" + "---:|" * (2 * len(found) + bool(rate))
        for label, case in cases.items():
            cells = [_cell(own.get(label), key) for own in found.values() for key in shown]
            ours = found["gan"].get(label)
            if rate:
                cells.insert(0, f"{case['scored'] / ours['score_s']:,.0f}" if ours else "–")
            yield f"| {label} | {' | '.join(cells)} |"


def _cell(figures: dict[str, float] | None, key: str) -> str:
    if figures is None:
        return "–"
    return f"{figures[key]:,.0f}" if key == "peak_mb" else f"{figures[key]:.2f}"


def _measured(
    name: str, cases: dict[str, dict[str, Any]], patience: float, calls: int = 0
) -> dict[str, dict[str, float]]:
    """Figures of each case that was tried, by label; raises as :func:`process.run` does."""
    asked = {"name": name, "cases": cases, "patience": patience, "calls": calls}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures"
        module("anomgan.bench.timed_case", json.dumps(asked), out=out)
        return dict(map(json.loads, out.read_text().splitlines()))


def _fit(rows: int = 2_000, columns: int = COLUMNS, **settings: Any) -> dict[str, Any]:
    return {"rows": rows, "columns": columns, "scored": 100, "settings": settings}


def _score(scored: int = SCORED, columns: int = COLUMNS, **settings: Any) -> dict[str, Any]:
    fit = 2_000
    return {"rows": fit, "columns": columns, "scored": scored, "settings": CHEAP | settings}


CURVES = (
    Curve(
        "fit-rows",
        "rows",
        f"Fit on {COLUMNS} columns",
        (500, 2_000, 5_000, 10_000, 50_000),
        lambda rows: _fit(rows=rows),
        (*SCIKIT, LUNAR),
        quick=(500, 2_000),
    ),
    Curve(
        "fit-columns",
        "columns",
        "Fit on 2,000 rows",
        (5, 20, 100, 300, 1_000),
        lambda columns: _fit(columns=columns),
        SCIKIT,
        quick=(5, 20),
    ),
    Curve(
        "fit-members",
        "members",
        f"Fit on 2,000 × {COLUMNS}",
        (1, 2, 4, 8),
        lambda members: _fit(members=members),
        quick=(1, 2),
    ),
    Curve(
        "fit-steps",
        "steps",
        f"Fit on 2,000 × {COLUMNS}",
        (125, 250, 500, 1_000),
        lambda steps: _fit(steps=steps),
        quick=(50, 100),
    ),
    Curve(
        "score-rows",
        "rows",
        f"Score {COLUMNS} columns",
        (100, 1_000, 10_000, 100_000),
        lambda rows: _score(scored=rows),
        (*SCIKIT, LUNAR),
        scores=True,
        quick=(100, 1_000),
    ),
    Curve(
        "score-columns",
        "columns",
        f"Score {SCORED:,} rows",
        (5, 20, 100, 300, 1_000),
        lambda columns: _score(columns=columns),
        SCIKIT,
        scores=True,
        quick=(5, 20),
    ),
    Curve(
        "score-members",
        "members",
        f"Score {SCORED:,} × {COLUMNS}",
        (1, 2, 4, 8),
        lambda members: _score(members=members),
        scores=True,
        quick=(1, 2),
    ),
    Curve(
        "score-steps",
        "steps of the inversion",
        f"Score {SCORED:,} × {COLUMNS}",
        (0, 1, 5, 20),
        lambda steps: _score(inversion_steps=steps),
        scores=True,
        quick=(0, 1),
    ),
)


def latency(*, quick: bool) -> Iterator[str]:
    """How long a caller waits for the score of a single row, in this process, once warm."""
    calls = 20 if quick else CALLS
    yield f"{calls} rows of {COLUMNS} columns one by one, after a fit on 2,000\n"
    yield "| | median, ms | 99 of 100 within, ms |"
    yield "|---|---:|---:|"
    for name in ("gan", *SCIKIT):
        found = _measured(name, {"row": _score()}, PATIENCE, calls)["row"]
        yield f"| {PEERS_CALLED[name]} | {1e3 * found['p50_s']:.1f} | {1e3 * found['p99_s']:.1f} |"
