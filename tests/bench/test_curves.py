from __future__ import annotations

from typing import Any

import pytest

from anomgan.bench.curves import CURVES, GrowthCurve
from anomgan.bench.timed_case import TimedCase


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
