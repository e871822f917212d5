"""Time and memory of one detector on tables of growing size, in a process of its own.

``python -m anomgan.bench.timed_case JSON`` is what :mod:`anomgan.bench.curves` starts.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anomgan.bench.contender import Contender, EncodedTable
from anomgan.bench.gans import DEFAULT_METHOD, GANContender
from anomgan.bench.peers import Peer
from anomgan.bench.synthetic import make_table
from anomgan.config import Config
from anomgan.evaluation.baselines import SKLEARN

Figures = dict[str, float]


@dataclass(frozen=True)
class TimedCase:
    """Size of the tables, and settings.

    Attributes:
        rows: Number of rows to fit on.
        columns: Number of numeric columns.
        scored: Number of rows to score.
        settings: Changed settings of our detector; peers ignore them.
    """

    rows: int
    columns: int
    scored: int
    settings: Mapping[str, Any] = field(default_factory=dict)

    def measure(self, name: str) -> Figures:
        """Fit and score: ``fit_s``, ``score_s`` and ``peak_mb``, libraries and tables included."""
        new = make_table(self.scored, self.columns, 2)
        encoded = EncodedTable.of(make_table(self.rows, self.columns, 1), new)
        contender: Contender[EncodedTable] = Peer(name)
        if name == DEFAULT_METHOD:
            config = Config.make(settings=dict(self.settings))
            contender = GANContender(DEFAULT_METHOD, (config.score,), config, "cpu")
        [outcome] = contender.run(encoded, 0)
        return {
            "fit_s": outcome.fit_s,
            "score_s": outcome.score_s,
            "peak_mb": outcome.peak_mb,
        }

    def measure_latency(self, name: str, calls: int) -> Figures:
        """Quantiles over `calls` calls of the time to score one row: ``p50_s`` and ``p99_s``."""
        from anomgan import GANDetector

        train, new = (make_table(n, self.columns, seed) for n, seed in ((self.rows, 1), (calls, 2)))
        if name == DEFAULT_METHOD:
            detector = GANDetector(settings=dict(self.settings), random_state=0).fit(train)
            score: Any = detector.score_samples
            rows: list[Any] = [new.iloc[[at]] for at in range(calls)]
        else:
            score = SKLEARN[name](train.to_numpy(), 0)
            rows = [new.to_numpy()[[at]] for at in range(calls)]
        seconds = []
        for row in rows:
            started = time.perf_counter()
            score(row)
            seconds.append(time.perf_counter() - started)
        p50, p99 = np.quantile(seconds, [0.5, 0.99])
        return {"p50_s": float(p50), "p99_s": float(p99)}


def run_cases(
    name: str, cases: Mapping[str, TimedCase], time_limit_s: float
) -> Iterator[tuple[str, Figures]]:
    """Yield the figures of each case, smallest first, until the next would exceed the limit.

    Its time is estimated from the last case's, in proportion to their sizes.
    """
    last: tuple[TimedCase, float] | None = None
    for label, case in cases.items():
        if last is not None and last[1] * _compare_work(case, last[0]) > time_limit_s:
            return
        started = time.perf_counter()
        yield label, case.measure(name)
        last = case, time.perf_counter() - started


def _compare_work(case: TimedCase, before: TimedCase) -> float:
    """Ratio of two cases' sizes, at least 1."""
    sizes = [(each.rows + each.scored) * each.columns for each in (case, before)]
    return max(1.0, sizes[0] / sizes[1])


def main() -> None:
    """Measure the cases described by the argument; print a line of JSON for each."""
    request = json.loads(sys.argv[1])
    warnings.simplefilter("ignore")
    cases = {label: TimedCase(**case) for label, case in request["cases"].items()}
    if request.get("calls"):
        results: Any = (
            (label, c.measure_latency(request["name"], request["calls"]))
            for label, c in cases.items()
        )
    else:
        results = run_cases(request["name"], cases, request["time_limit_s"])
    for label, figures in results:
        sys.stdout.write(json.dumps([label, figures]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
