from __future__ import annotations

import numpy as np
import pandas as pd

from anomgan.bench.measure import Task, measure
from anomgan.bench.peers import Peer
from anomgan.bench.sets import LabelledSet


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


def test_detectors_see_no_label(folder):
    task = Task(LabelledSet("split", folder), 0, (Peer("iforest"), Peer("knn")))
    before = [(row.auroc, row.detector) for row in measure(task)]
    path = folder / "new_labels.csv"
    (1 - pd.read_csv(path)).to_csv(path, index=False)
    after = [(1 - row.auroc, row.detector) for row in measure(task)]
    assert before == after
