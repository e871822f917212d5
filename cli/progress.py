"""The progress bar of a fit."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

if TYPE_CHECKING:
    from anomgan.train import Progress as Training


class FitProgress:
    """Step, losses and time left on standard error; nothing at all where that is no terminal."""

    def __init__(self) -> None:
        """Prepare the bar; ``with`` shows it."""
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[losses]}", markup=False),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("reading", total=None, losses="")

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the bar."""
        self._bar.stop()

    def __call__(self, training: Training) -> None:
        """Show where training stands; the callback of a fit."""
        self._bar.update(
            self._task,
            description="training" if training.step < training.steps else "calibrating",
            completed=training.step,
            total=training.steps,
            losses=" ".join(f"{name} {loss:.2f}" for name, loss in training.losses.items()),
        )
