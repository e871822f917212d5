"""Progress bars on standard error."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from anomgan.cli.console import LOGGER, say

if TYPE_CHECKING:
    from anomgan.bench.measure import Task
    from anomgan.bench.result_row import ResultRow
    from anomgan.training.history import Progress as TrainingProgress


class Bar:
    """A progress bar while the context lasts, if standard error is a terminal and without -q."""

    has_total = True
    """Whether the number of things to do is known, or will be."""

    def __init__(self, *columns: ProgressColumn, shared: bool = False) -> None:
        """Prepare the bar.

        Args:
            columns: Shown before the remaining time.
            shared: Whether results go to standard output meanwhile; where that is a terminal, too,
                the bar would tear them apart and isn't shown.
        """
        self.shown = (
            sys.stderr.isatty()
            and LOGGER.isEnabledFor(logging.INFO)
            and not (shared and sys.stdout.isatty())
        )
        if self.has_total:
            count = MofNCompleteColumn(table_column=Column(no_wrap=True))
            remaining = TimeRemainingColumn(table_column=Column(no_wrap=True))
            columns = (BarColumn(bar_width=None), count, *columns, remaining)
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            *columns,
            # The stream itself, because sys.stderr is redirected while detectors run.
            console=Console(file=sys.stderr),
            transient=True,
            redirect_stdout=False,
            disable=not self.shown,
        )

    def __enter__(self) -> Self:
        """Show the bar."""
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        self.bar.stop()


class FitProgress(Bar):
    """Step, losses and remaining time of a fit."""

    def __init__(self) -> None:
        """Start with reading, whose duration is unknown."""
        super().__init__(TextColumn("{task.fields[losses]}", markup=False))
        self._task = self.bar.add_task("reading", total=None, losses="")

    def __call__(self, training: TrainingProgress) -> None:
        """Show the training step; the callback of a fit."""
        self.bar.update(
            self._task,
            description="training" if training.step < training.steps else "calibrating",
            completed=training.step,
            total=training.steps,
            losses=" ".join(f"{name} {loss:.2f}" for name, loss in training.losses.items()),
        )


class RowsProgress(Bar):
    """Records scored so far, and how many in a second."""

    has_total = False

    def __init__(self, *, shared: bool) -> None:
        """Start before the first record; ``shared`` is that of :class:`Bar`."""
        super().__init__(TextColumn("{task.fields[rate]}", markup=False), shared=shared)
        self._task = self.bar.add_task("reading", total=None, rate="")
        self._rows, self._started = 0, time.monotonic()

    def __call__(self, rows: int) -> None:
        """Count further records."""
        self._rows += rows
        rate = self._rows / max(time.monotonic() - self._started, 1e-9)
        self.bar.update(
            self._task, description=f"{self._rows:,} records scored", rate=f"{rate:,.0f} a second"
        )


class PartsProgress(Bar):
    """Partitions of a table that are done, and their total."""

    def __init__(self) -> None:
        """Start with what Spark does before the first partition."""
        super().__init__()
        self._task = self.bar.add_task("starting Spark", total=None)

    def __call__(self, done: int, parts: int) -> None:
        """Show how many are done."""
        self.bar.update(self._task, description="scoring", completed=done, total=parts)


class BenchProgress(Bar):
    """Results of a benchmark; without a terminal, prints a line for each data set."""

    def __init__(self, tasks: list[Task]) -> None:
        """Count the tasks."""
        super().__init__(TimeElapsedColumn())
        self._left = Counter(task.data.name for task in tasks for _ in task.names)
        self._sets = len(self._left)
        self._task = self.bar.add_task("starting", total=sum(self._left.values()))

    def __call__(self, row: ResultRow) -> None:
        """Count a result."""
        self.bar.update(
            self._task, description=f"{row.dataset}, seed {row.seed}: {row.detector}", advance=1
        )
        self._left[row.dataset] -= 1
        if not self._left[row.dataset]:
            del self._left[row.dataset]
            if not self.shown:
                say(f"{row.dataset} done, {self._sets - len(self._left)} of {self._sets} sets")
