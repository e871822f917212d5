from __future__ import annotations

import multiprocessing
import os

import numpy as np
import pandas as pd
import pytest

from anomgan.bench import workers
from anomgan.bench.benchmark import Benchmark
from anomgan.bench.measure import Task, measure
from anomgan.bench.peers import Peer
from anomgan.bench.results import Results, describe_settings
from anomgan.bench.sets import LabelledSet
from anomgan.config import Config
from anomgan.errors import InputError


@pytest.fixture
def results(tmp_path):
    settings = describe_settings("fast", Config.make("fast"), "cpu", [])
    with Results.open(tmp_path / "out", settings) as opened:
        yield opened


def test_rows_say_what_was_measured(make_set, fake, capsys):
    [row] = measure(Task(make_set(), 0, (fake(),)))
    assert (row.dataset, row.seed, row.detector) == ("far", 0, "fake")
    assert (row.rows_fit, row.rows_scored, row.columns, row.anomalies) == (30, 40, 3, 10)
    assert (row.auroc, row.ap) == (1, 1)
    assert (row.fit_s, row.score_s, row.peak_mb, row.error) == (1, 0.5, 10, "")
    assert capsys.readouterr() == ("", "")


def test_failures_are_rows_and_end_nothing(make_set, fake):
    class Endless(fake):
        def run(self, table, seed):
            for outcome in super().run(table, seed):
                outcome.scores[0] = np.inf
                yield outcome

    broken = fake(("one", "two"), error="no\nluck " + "x" * 500)
    rows = list(measure(Task(make_set(), 0, (broken, Endless(("inf",)), fake()))))
    assert [row.detector for row in rows] == ["one", "two", "inf", "fake"]
    assert rows[0].error == rows[1].error
    assert rows[0].error.startswith("RuntimeError: no luck xxx")
    assert len(rows[0].error) == 300
    assert rows[2].error == "ValueError: the scores aren't all finite numbers"
    assert not rows[3].error
    assert rows[0].rows_fit == 30


def test_a_table_that_cant_be_encoded_fails_for_all(make_set, fake):
    rows = list(measure(Task(make_set(normal=4), 0, (fake(("a", "b")), fake()))))
    assert [row.detector for row in rows] == ["a", "b", "fake"]
    assert all("at least 5 rows" in row.error for row in rows)


def test_what_is_known_is_skipped(make_set, fake, results):
    calls = []
    gan = fake(("gan", "gan (paper)"), calls=calls)
    first = Benchmark((make_set("a"),), 1, (fake(("gan",), calls=calls),))
    assert len(list(first.run(first.tasks(results.rows), results, 1))) == 1
    more = Benchmark((make_set("a"), make_set("b")), 2, (gan, fake()))
    tasks = more.tasks(results.rows)
    assert [(task.data.name, task.seed, task.names) for task in tasks] == [
        ("a", 0, ["gan (paper)", "fake"]),
        ("a", 1, ["gan", "gan (paper)", "fake"]),
        ("b", 0, ["gan", "gan (paper)", "fake"]),
        ("b", 1, ["gan", "gan (paper)", "fake"]),
    ]
    assert len(list(more.run(tasks, results, 1))) == 11
    assert calls[:2] == [("gan",), ("gan (paper)",)]
    assert sorted(results.rows) == sorted(more.keys)
    assert more.tasks(results.rows) == []
    assert len((results.folder / "results.csv").read_text().splitlines()) == 13


def test_failures_count_as_known(make_set, fake, results):
    benchmark = Benchmark((make_set(),), 1, (fake(error="bad"),))
    [row] = benchmark.run(benchmark.tasks(results.rows), results, 1)
    assert row.error == "RuntimeError: bad"
    assert benchmark.tasks(results.rows) == []


def test_unusable_sets_are_refused_before_anything_runs(make_set, fake, results):
    bad = make_set("bad", odd=0)
    with pytest.raises(InputError, match=r"bad\.npz: has no abnormal row"):
        Benchmark((make_set(), bad), 1, (fake(),)).tasks(results.rows)


def test_detectors_see_no_label(folder):
    task = Task(LabelledSet("split", folder), 0, (Peer("iforest"), Peer("knn")))
    before = [(row.auroc, row.detector) for row in measure(task)]
    path = folder / "new_labels.csv"
    (1 - pd.read_csv(path)).to_csv(path, index=False)
    after = [(1 - row.auroc, row.detector) for row in measure(task)]
    assert before == after


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
