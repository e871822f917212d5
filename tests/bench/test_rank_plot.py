from __future__ import annotations

import pytest

from anomgan.bench.result_row import ResultRow
from anomgan.bench.summary import Summary


def row(dataset, seed, detector, auroc, ap, error=""):
    return ResultRow(dataset, seed, detector, auroc, ap, 2.0, 1.0, 100.0, error=error)


FULL = [
    row("wine", 0, "gan", 0.9, 0.5),
    row("wine", 1, "gan", 0.7, 0.7),
    row("wine", 0, "knn", 0.6, 0.8),
    row("wine", 1, "knn", 0.6, 0.8),
    row("apes", 0, "gan", 1.0, 1.0),
    row("apes", 1, "gan", 1.0, 1.0),
    row("apes", 0, "knn", 1.0, 0.2),
    row("apes", 1, "knn", 1.0, 0.2),
]


@pytest.mark.parametrize("detectors", [{"gan", "knn"}, {"gan"}])
def test_the_picture_is_a_png(detectors):
    from anomgan.bench.rank_plot import plot_ranks

    drawn = plot_ranks(Summary.from_rows([row for row in FULL if row.detector in detectors]))
    assert drawn.startswith(b"\x89PNG")
    assert len(drawn) > 5_000
