"""One set, one seed: what each detector makes of it, as rows of results.

A detector that fails leaves a row with the reason and never ends the run.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from anomgan.bench.contender import Contender, Encoded, Outcome
from anomgan.bench.protocol import Labels
from anomgan.bench.result_row import Row
from anomgan.bench.sets import LabelledSet
from anomgan.utils.text import one_line

LONGEST_ERROR = 300
"""Letters of an error that results keep."""


@dataclass(frozen=True)
class Task:
    """What one process does in one go.

    Attributes:
        data: The set.
        seed: Seed of the split and of the detectors.
        contenders: Who takes part.
    """

    data: LabelledSet
    seed: int
    contenders: tuple[Contender, ...]

    @property
    def names(self) -> list[str]:
        """The detectors, in the order of their rows."""
        return [name for contender in self.contenders for name in contender.names]

    def failed(self, names: Collection[str], reason: str) -> list[Row]:
        """Rows of detectors that gave no scores."""
        return [Row(self.data.name, self.seed, name, error=reason) for name in names]


def measure(task: Task) -> Iterator[Row]:
    """Fit and score; a row for each detector as soon as it is done."""
    try:
        with _quiet():
            parts = task.data.split(task.seed)
            table = Encoded.of(parts.normal, parts.new)
    except Exception as error:
        yield from task.failed(task.names, _reason(error))
        return
    blank = Row(
        task.data.name,
        task.seed,
        detector="",
        rows_fit=len(parts.normal),
        rows_scored=len(parts.new),
        columns=parts.normal.shape[1],
        anomalies=int(parts.label.sum()),
    )
    for contender in task.contenders:
        waiting, outcomes = list(contender.names), contender.run(table, task.seed)
        while waiting:
            try:
                with _quiet():
                    row = _judged(blank, next(outcomes), parts.label)
            except Exception as error:  # one training: the others of this contender fail with it
                reason = _reason(error)
                yield from (replace(blank, detector=name, error=reason) for name in waiting)
                break
            yield replace(row, detector=waiting.pop(0))


def _judged(row: Row, outcome: Outcome, label: Labels) -> Row:
    """Compare scores with the truth.

    Raises:
        ValueError: If there isn't a finite score for each row.
    """
    if outcome.scores.shape != label.shape or not np.isfinite(outcome.scores).all():
        raise ValueError("the scores aren't all finite numbers")
    return replace(
        row,
        auroc=float(roc_auc_score(label, outcome.scores)),
        ap=float(average_precision_score(label, outcome.scores)),
        fit_s=outcome.fit_s,
        score_s=outcome.score_s,
        peak_mb=outcome.peak_mb,
    )


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {one_line(error)}"
    return text if len(text) <= LONGEST_ERROR else f"{text[: LONGEST_ERROR - 1]}…"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what libraries print and warn of out of the report."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
