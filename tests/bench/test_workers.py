from __future__ import annotations

import multiprocessing
import os

from anomgan.bench import workers
from anomgan.bench.measure import Task
from anomgan.bench.peers import Peer


class Deadly:
    """A contender that takes with it the process that it is sent to."""

    names = ("deadly",)

    def __reduce__(self):
        return os._exit, (9,)


def test_what_kills_a_process_costs_one_detector(make_set):
    before = dict(os.environ)
    tasks = [Task(make_set(), 0, (Deadly(), Peer("lof")))]
    lost, row = workers.run_tasks(tasks, 2)
    assert (lost.detector, row.detector) == ("deadly", "lof")
    assert lost.error == "its process ended with 9; too little memory?"
    assert row.auroc == 1
    assert dict(os.environ) == before
    assert not multiprocessing.active_children()


def test_threads_are_shared_unless_the_user_said_so(monkeypatch):
    for name in workers.THREAD_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with workers._limit_threads(3):
        assert os.environ["OMP_NUM_THREADS"] == "7"
        assert os.environ["MKL_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in os.environ
