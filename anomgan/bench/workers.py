"""Run tasks in parallel processes, each with its share of the cores.

If a process dies (out of memory, say), only the detector that it was running is lost.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import Any

from anomgan.bench.contender import Contender
from anomgan.bench.measure import Task, measure
from anomgan.bench.result_row import ResultRow

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
"""Environment variables that limit threads, read when libraries are imported."""

SPAWN_CONTEXT = multiprocessing.get_context("spawn")  # a fork would share torch's threads and CUDA


def run_tasks(tasks: Sequence[Task], jobs: int) -> Iterator[ResultRow]:
    """Run tasks; yields result rows as they arrive.

    Args:
        tasks: The tasks.
        jobs: Number of processes; 1 runs them in this process.
    """
    if jobs == 1:
        for task in tasks:
            yield from measure(task)
        return
    workers: list[_Worker] = []
    try:
        yield from _run_parallel(deque(tasks), jobs, workers)
    finally:
        for worker in workers:
            worker.stop()


@dataclass
class _Worker:
    """A process, its task, and the detectors of the task whose rows haven't arrived."""

    process: multiprocessing.process.BaseProcess
    connection: Connection
    task: Task | None = None
    waiting: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, threads: int) -> _Worker:
        """Start a process."""
        ours, theirs = SPAWN_CONTEXT.Pipe()
        process = SPAWN_CONTEXT.Process(target=_serve, args=(theirs,), daemon=True)
        with _limit_threads(threads):
            process.start()
        theirs.close()  # so that its end is noticed here
        return cls(process, ours)

    def give(self, task: Task) -> None:
        """Send it a task."""
        self.task, self.waiting = task, task.names
        with contextlib.suppress(OSError):  # it died, which receiving from it will show
            self.connection.send(task)

    def stop(self) -> None:
        """Terminate the process."""
        self.connection.close()
        self.process.terminate()
        self.process.join()


def _run_parallel(queue: deque[Task], jobs: int, workers: list[_Worker]) -> Iterator[ResultRow]:
    threads = max(1, _count_cores() // jobs)
    while queue or any(worker.task for worker in workers):
        idle = [worker for worker in workers if worker.task is None]
        while queue and (idle or len(workers) < jobs):
            if not idle:
                idle.append(_Worker.start(threads))
                workers += idle
            idle.pop().give(queue.popleft())
        busy = [worker for worker in workers if worker.task]
        ready = wait([worker.connection for worker in busy])
        for worker in busy:
            if worker.connection not in ready:
                continue
            try:
                row: ResultRow | None = worker.connection.recv()
            except (EOFError, OSError):
                workers.remove(worker)
                rows, rest = _handle_death(worker)
                queue.extendleft(rest)
                yield from rows
                continue
            if row is None:
                worker.task = None
            else:
                worker.waiting.remove(row.detector)
                yield row


def _handle_death(worker: _Worker) -> tuple[list[ResultRow], list[Task]]:
    """Result rows of the detectors lost with a process, and the rest of its task."""
    worker.stop()
    task, waiting = worker.task, worker.waiting
    if task is None or not waiting:
        return [], []
    unfinished: list[Contender[Any]] = [c for c in task.contenders if set(c.names) & set(waiting)]
    code = worker.process.exitcode
    how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with {code}"
    reason = f"its process {how}; too little memory?"
    lost = [name for name in unfinished[0].names if name in waiting]
    rest = [replace(task, contenders=tuple(unfinished[1:]))] if unfinished[1:] else []
    return task.failed(lost, reason), rest


def _serve(connection: Connection) -> None:
    """Run tasks until the connection is closed; the main function of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent
    with contextlib.suppress(EOFError, OSError):
        while True:
            for row in measure(connection.recv()):
                connection.send(row)
            connection.send(None)


@contextlib.contextmanager
def _limit_threads(threads: int) -> Iterator[None]:
    """Limit the threads of processes started meanwhile, unless the user has set a limit."""
    added = [name for name in THREAD_VARIABLES if name not in os.environ]
    os.environ.update(dict.fromkeys(added, str(threads)))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _count_cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
