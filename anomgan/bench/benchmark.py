"""A whole benchmark: sets, seeds and contenders, less what is known already."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from anomgan.bench.contender import Contender
from anomgan.bench.measure import Task
from anomgan.bench.result_row import Key, Row
from anomgan.bench.results import Results
from anomgan.bench.sets import LabelledSet
from anomgan.bench.workers import measured


@dataclass(frozen=True)
class Benchmark:
    """What is to be measured.

    Attributes:
        sets: Labelled sets, of different names.
        seeds: How many seeds, from 0.
        contenders: Who takes part.
    """

    sets: tuple[LabelledSet, ...]
    seeds: int
    contenders: tuple[Contender, ...]

    @property
    def names(self) -> list[str]:
        """The detectors, in the order of the report."""
        return [name for contender in self.contenders for name in contender.names]

    @property
    def keys(self) -> list[Key]:
        """All rows that there will be."""
        return [
            Key(data.name, seed, name)
            for data in self.sets
            for seed in range(self.seeds)
            for name in self.names
        ]

    def tasks(self, known: Collection[Key]) -> list[Task]:
        """What is left to do, a task for each set and seed.

        Raises:
            InputError: If one of these sets can't be used; better now than hours later.
        """
        tasks = []
        for data in self.sets:
            own = [self._task(data, seed, known) for seed in range(self.seeds)]
            own = [task for task in own if task.contenders]
            if own:
                data.split(own[0].seed)
            tasks += own
        return tasks

    def _task(self, data: LabelledSet, seed: int, known: Collection[Key]) -> Task:
        left = []
        for contender in self.contenders:
            names = [name for name in contender.names if (data.name, seed, name) not in known]
            if names:
                left.append(contender.only(names))
        return Task(data, seed, tuple(left))

    def run(self, tasks: list[Task], results: Results, jobs: int) -> Iterator[Row]:
        """Measure; rows are kept before they are given."""
        for row in measured(tasks, jobs):
            results.append(row)
            yield row
