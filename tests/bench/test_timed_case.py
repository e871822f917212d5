from __future__ import annotations

import pytest

from anomgan.bench import timed_case as case
from anomgan.bench.timed_case import TimedCase, run_cases


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
