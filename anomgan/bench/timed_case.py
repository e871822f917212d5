"""One detector on tables of growing size, in a process of its own: seconds and memory of each.

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

from anomgan.bench.contender import Contender, Encoded
from anomgan.bench.gans import DEFAULT_METHOD, GANContender
from anomgan.bench.peers import Peer
from anomgan.bench.synthetic import table
from anomgan.config import Config
from anomgan.evaluation.baselines import SKLEARN

Figures = dict[str, float]


@dataclass(frozen=True)
class Case:
    """Tables and settings.

    Attributes:
        rows: To fit on.
        columns: Numbers in each.
        scored: Rows to score.
        settings: Of ours, beside its defaults; others have no use for them.
    """

    rows: int
    columns: int
    scored: int
    settings: Mapping[str, Any] = field(default_factory=dict)

    def measure(self, name: str) -> Figures:
        """Fit and score: ``fit_s``, ``score_s`` and ``peak_mb``, libraries and tables included."""
        new = table(self.scored, self.columns, 2)
        encoded = Encoded.of(table(self.rows, self.columns, 1), new)
        contender: Contender = Peer(name)
        if name == DEFAULT_METHOD:
            config = Config.make(settings=dict(self.settings))
            contender = GANContender(DEFAULT_METHOD, (config.score,), config, "cpu")
        [outcome] = contender.run(encoded, 0)
        return {
            "fit_s": outcome.fit_s,
            "score_s": outcome.score_s,
            "peak_mb": outcome.peak_mb,
        }

    def wait(self, name: str, calls: int) -> Figures:
        """Seconds to score a single row, of so many calls: ``p50_s`` and ``p99_s``."""
        from anomgan import GANDetector

        train, new = (table(n, self.columns, seed) for n, seed in ((self.rows, 1), (calls, 2)))
        if name == DEFAULT_METHOD:
            detector = GANDetector(settings=dict(self.settings), random_state=0).fit(train)
            score: Any = detector.score_samples
            rows: list[Any] = [new.iloc[[at]] for at in range(calls)]
        else:
            score = SKLEARN[name](train.to_numpy(), 0)
            rows = [new.to_numpy()[[at]] for at in range(calls)]
        taken = []
        for row in rows:
            started = time.perf_counter()
            score(row)
            taken.append(time.perf_counter() - started)
        p50, p99 = np.quantile(taken, [0.5, 0.99])
        return {"p50_s": float(p50), "p99_s": float(p99)}


def measured(
    name: str, cases: Mapping[str, Case], patience: float
) -> Iterator[tuple[str, Figures]]:
    """Figures of each case, smallest first, until the next would take longer than the patience.

    What it would take is judged by the last case and by how much larger the next one is.
    """
    last: tuple[Case, float] | None = None
    for label, case in cases.items():
        if last is not None and last[1] * _times(case, last[0]) > patience:
            return
        started = time.perf_counter()
        yield label, case.measure(name)
        last = case, time.perf_counter() - started


def _times(case: Case, before: Case) -> float:
    """How many times as much work it is, if that grew with the size."""
    sizes = [(each.rows + each.scored) * each.columns for each in (case, before)]
    return max(1.0, sizes[0] / sizes[1])


def main() -> None:
    """Measure what the argument asks for; a line of JSON for each case."""
    asked = json.loads(sys.argv[1])
    warnings.simplefilter("ignore")
    cases = {label: Case(**case) for label, case in asked["cases"].items()}
    if asked.get("calls"):
        found: Any = ((label, c.wait(asked["name"], asked["calls"])) for label, c in cases.items())
    else:
        found = measured(asked["name"], cases, asked["patience"])
    for label, figures in found:
        sys.stdout.write(json.dumps([label, figures]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
