from __future__ import annotations

import pytest

from anomgan.bench.benchmark import Benchmark
from anomgan.bench.results import Results, describe_settings
from anomgan.config import Config
from anomgan.errors import InputError


@pytest.fixture
def results(tmp_path):
    settings = describe_settings("fast", Config.make("fast"), "cpu", [])
    with Results.open(tmp_path / "out", settings) as opened:
        yield opened


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
