from __future__ import annotations

import pytest

from anomgan.bench.markdown import to_markdown
from anomgan.bench.result_row import ResultRow
from anomgan.bench.summary import Summary

SETTINGS = {"anomgan": "1.0", "preset": "fast", "device": "cpu", "contamination": 0}


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


def test_the_table_says_what_the_rows_say():
    assert to_markdown(Summary.from_rows(FULL), SETTINGS) == (
        "| AUROC / AP, mean of 2 seeds | gan | knn |\n"
        "|---|---:|---:|\n"
        "| wine | **0.800** / 0.600 | 0.600 / **0.800** |\n"
        "| apes | **1.000** / **1.000** | **1.000** / 0.200 |\n"
        "| **mean of 2 sets** | **0.900** / **0.800** | 0.800 / 0.500 |\n"
        "| mean rank by AUROC | **1.25** | 1.75 |\n"
        "| mean rank by AP | **1.50** | **1.50** |\n"
        "| seconds, fit + score | **12.0** | **12.0** |\n"
        "\n"
        "anomgan 1.0, preset fast, on the CPU.  "
        "Bold: the best of a line; ranks and seconds are better when smaller.\n"
    )


def test_what_training_adds_is_a_paired_difference_over_the_sets():
    """Of one set 0.1 better, of another 0.3: mean 0.2, and t(0.975, 1) = 12.7062 times 0.1."""
    rows = [*FULL, row("wine", 0, "untrained", 0.8, 0.6), row("wine", 1, "untrained", 0.6, 0.8)]
    rows += [row("apes", seed, "untrained", 0.7, 1.0) for seed in range(2)]
    summary = Summary.from_rows(rows, {"gan": "untrained"})
    [gain] = summary.gains.to_dict("records")
    assert (gain["detector"], gain["control"], gain["sets"]) == ("gan", "untrained", 2)
    assert gain["auroc"] == pytest.approx(0.2)
    assert gain["auroc_high"] - gain["auroc"] == pytest.approx(1.27062, abs=1e-5)
    assert gain["auroc"] - gain["auroc_low"] == pytest.approx(1.27062, abs=1e-5)
    assert gain["ap"] == pytest.approx(-0.05)
    assert (
        "What training adds (gan − untrained, 2 sets, 95 % interval): AUROC +0.2000 ± 1.2706 and "
        "AP -0.0500 ± 0.6353.\n"
    ) in to_markdown(summary, SETTINGS)


def test_what_training_adds_goes_by_what_both_did():
    rows = [row("wine", 0, "gan", 0.9, 0.5), row("wine", 0, "untrained", 0.8, 0.5)]
    rows += [row("wine", 1, "gan", 0.1, 0.1), ResultRow("wine", 1, "untrained", error="bad")]
    summary = Summary.from_rows(rows, {"gan": "untrained", "none": "such"})
    assert len(summary.gains) == 1
    text = to_markdown(summary, SETTINGS)
    assert "(gan − untrained, 1 set): AUROC +0.1000 and AP +0.0000.\n" in text
    failed = [ResultRow("wine", 0, "gan", error="bad"), row("wine", 0, "untrained", 0.8, 0.5)]
    summary = Summary.from_rows(failed, {"gan": "untrained"})
    assert summary.gains.empty
    assert "training adds" not in to_markdown(summary, SETTINGS)


def test_failures_are_left_out_of_the_means_and_named():
    rows = [*FULL, row("wine", 0, "lof", 0.5, 0.5), row("wine", 1, "lof", 0.5, 0.5)]
    rows += [ResultRow("apes", seed, "lof", error="ValueError: no | luck") for seed in range(2)]
    text = to_markdown(Summary.from_rows(rows), SETTINGS)
    assert "| apes | **1.000** / **1.000** | **1.000** / 0.200 | failed |" in text
    assert "| 0.500 / 0.500 (1 set) |" in text
    assert "| mean rank by AUROC | **1.00** | 2.00 | 3.00 |" in text
    assert "ranks over the 1 where all did" in text
    assert "- failed: lof on apes, seed 1: ValueError: no | luck" in text


def test_detectors_that_all_failed_leave_a_table_too():
    rows = [ResultRow("wine", 0, "lof", error="bad"), ResultRow("wine", 0, "knn", error="bad")]
    text = to_markdown(Summary.from_rows(rows), SETTINGS)
    assert "| wine | failed | failed |" in text
    assert "| mean rank by AUROC | – | – |" in text
    assert "| seconds, fit + score | – | – |" in text
