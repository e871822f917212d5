"""Run the detectors on one set with one seed, and evaluate their scores.

A detector that fails leaves a row with the reason and never ends the benchmark.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from anomgan.bench.contender import Contender
from anomgan.bench.result_row import ResultRow
from anomgan.bench.sets import LabelledSet
from anomgan.utils.text import one_line

MAX_ERROR_CHARS = 300
"""Length to which error messages are cut in the results."""


@dataclass(frozen=True)
class Task:
    """The unit of work of one process.

    Attributes:
        data: The set.
        seed: Seed of the split and of the detectors.
        contenders: The detectors.
    """

    data: LabelledSet
    seed: int
    contenders: tuple[Contender[Any], ...]

    @property
    def names(self) -> list[str]:
        """The detectors, in the order of their rows."""
        return [name for contender in self.contenders for name in contender.names]

    def failed(self, names: Collection[str], reason: str) -> list[ResultRow]:
        """Result rows of detectors that gave no scores."""
        return [self.data.row_type(self.data.name, self.seed, name, error=reason) for name in names]


def measure(task: Task) -> Iterator[ResultRow]:
    """Fit, score and evaluate; yields a row for each detector as soon as it is done."""
    try:
        with _silence():
            parts = task.data.split(task.seed)
            table = parts.encode()
    except Exception as error:
        yield from task.failed(task.names, _shorten_error(error))
        return
    template = task.data.row_type(
        task.data.name,
        task.seed,
        detector="",
        rows_fit=len(parts.normal),
        rows_scored=len(parts.new),
        columns=parts.normal.shape[1],
        anomalies=int(parts.label.sum()),
    )
    for contender in task.contenders:
        waiting, runs = list(contender.names), contender.run(table, task.seed)
        while waiting:
            try:
                with _silence():
                    row = parts.evaluate(template, next(runs))
            except Exception as error:  # its other detectors share the fit, so they fail too
                reason = _shorten_error(error)
                yield from (replace(template, detector=name, error=reason) for name in waiting)
                break
            yield replace(row, detector=waiting.pop(0))


def _shorten_error(error: Exception) -> str:
    text = f"{type(error).__name__}: {one_line(error)}"
    return text if len(text) <= MAX_ERROR_CHARS else f"{text[: MAX_ERROR_CHARS - 1]}…"


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Discard what libraries print and warn of."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield
