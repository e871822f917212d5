"""A whole benchmark: sets, seeds and contenders, without what has been measured already."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from anomgan.bench.contender import Contender
from anomgan.bench.measure import Task
from anomgan.bench.result_row import ResultKey, ResultRow
from anomgan.bench.results import Results
from anomgan.bench.sets import LabelledSet
from anomgan.bench.workers import run_tasks


@dataclass(frozen=True)
class Benchmark:
    """What is to be measured.

    Attributes:
        sets: Labelled sets, of different names.
        seeds: Number of seeds, from 0.
        contenders: The detectors to compare.
    """

    sets: tuple[LabelledSet, ...]
    seeds: int
    contenders: tuple[Contender[Any], ...]

    @property
    def names(self) -> list[str]:
        """Names of the detectors, in the order of the report."""
        return [name for contender in self.contenders for name in contender.names]

    @property
    def keys(self) -> list[ResultKey]:
        """Keys of all results, in the order of the report."""
        return [
            ResultKey(data.name, seed, name)
            for data in self.sets
            for seed in range(self.seeds)
            for name in self.names
        ]

    def tasks(self, finished: Collection[ResultKey]) -> list[Task]:
        """What is left to do: one task for each set and seed.

        Args:
            finished: Keys of results that exist already.

        Raises:
            InputError: If one of the sets can't be used; better now than hours later.
        """
        tasks = []
        for data in self.sets:
            of_set = [self._make_task(data, seed, finished) for seed in range(self.seeds)]
            of_set = [task for task in of_set if task.contenders]
            if of_set:
                data.split(of_set[0].seed)
            tasks += of_set
        return tasks

    def _make_task(self, data: LabelledSet, seed: int, finished: Collection[ResultKey]) -> Task:
        remaining = []
        for contender in self.contenders:
            names = [name for name in contender.names if (data.name, seed, name) not in finished]
            if names:
                remaining.append(contender.select(names))
        return Task(data, seed, tuple(remaining))

    def run(self, tasks: list[Task], results: Results, jobs: int) -> Iterator[ResultRow]:
        """Run tasks in `jobs` processes; rows are stored before they are yielded."""
        for row in run_tasks(tasks, jobs):
            results.append(row)
            yield row
