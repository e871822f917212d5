from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector
from anomgan.calibration.conformal import ConformalCalibrator
from anomgan.calibration.mondrian import MondrianCalibrator
from anomgan.data.parse_report import ParseReport
from anomgan.evaluation.drift import MIN_DRIFT_ROWS, Drift, DriftMonitor, detect_drift

TINY = {"steps": 20, "members": 1, "hidden": 16, "memory_rows": 100, "inversion_steps": 1}


def judged(scores: np.ndarray, calibration: np.ndarray, *, cross_fitted: bool = False) -> Drift:
    """What is made of scores of which nothing else is known."""
    calibrator = ConformalCalibrator.fit(calibration)
    detector = SimpleNamespace(
        ensemble_=SimpleNamespace(calibrator=calibrator, mondrian=None),
        encoder_=SimpleNamespace(
            schema=SimpleNamespace(columns=(), conditions=()), dependent_rows=1
        ),
        training_facts_={"rows": 1000, "calibration": {"cross_fitted": cross_fitted}},
    )
    monitor = DriftMonitor(cast("GANDetector", detector))
    for part in np.array_split(scores, 3):
        report = ParseReport(len(part))
        known: Any = SimpleNamespace(p_value=calibrator.p_values(part), report=report, values=None)
        monitor.add(known)
    return monitor.result()


@pytest.mark.parametrize("cross_fitted", [False, True])
@pytest.mark.parametrize(("calibration", "rows"), [(50, 60), (400, 5000), (4000, 300)])
def test_no_false_alarms(calibration: int, rows: int, cross_fitted: bool) -> None:
    """p-values of the test itself are valid, also where the batch is longer than training was."""
    rng = np.random.default_rng(rows)
    found = [
        judged(rng.normal(size=rows), rng.normal(size=calibration), cross_fitted=cross_fitted)
        for _ in range(300)
    ]
    assert not any(found)
    small = np.mean([each.p_values.p_value <= 0.05 for each in found if each.p_values])
    assert small < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)


def test_a_shift_is_found_and_told() -> None:
    rng = np.random.default_rng(0)
    found = judged(rng.normal(1, 1, 300), rng.normal(size=400))
    assert found
    [reason] = found.reasons()
    assert found.p_values is not None
    shift = found.p_values
    assert reason == (
        f"{shift.share:.0%} of them have a p-value up to {shift.at:.2g}, where {shift.at:.0%} would"
    )
    assert shift.share - shift.at == pytest.approx(shift.statistic)
    assert sum(shift.histogram) == 300
    assert shift.histogram[0] > shift.histogram[-1]


def test_rows_that_are_all_too_normal_are_a_shift_too() -> None:
    rng = np.random.default_rng(0)
    scores, calibration = np.full(200, -3.0), rng.normal(size=400)
    assert judged(scores, calibration)
    assert not judged(scores, calibration, cross_fitted=True)


def test_some_anomalies_are_no_drift() -> None:
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(size=950), np.full(50, 9.0)])
    assert not judged(scores, rng.normal(size=4000))


def test_a_small_batch_says_nothing() -> None:
    found = judged(np.full(MIN_DRIFT_ROWS - 1, 9.0), np.arange(400.0))
    assert not found
    assert found.p_values is None
    assert judged(np.full(MIN_DRIFT_ROWS, 9.0), np.arange(400.0))


@pytest.fixture(scope="module")
def detector() -> GANDetector:
    return GANDetector(preset="fast", settings=TINY, random_state=0).fit(records(600, 0))


def records(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    gaps = rng.random(rows) < 0.05
    city = rng.choice([f"city {i}" for i in range(10)], rows)
    return pd.DataFrame(
        {
            "size": np.where(gaps, np.nan, rng.normal(size=rows)),
            "weight": rng.normal(size=rows),
            "city": np.where(rng.random(rows) < 0.01, rng.integers(10**9, size=rows), city),
        }
    )


def test_columns(detector: GANDetector) -> None:
    usual = detect_drift(detector, records(400, 1))
    assert not usual
    shares = {(share.column, share.what): share for share in usual.columns}
    assert shares["size", "missing"].training_share == pytest.approx(0.05, abs=0.02)
    assert shares["city", "unseen"].training_share == pytest.approx(0.01, abs=0.01)

    table = records(400, 2)
    table.loc[::4, "size"] = np.nan
    table.loc[::10, "city"] = "Atlantis"
    reasons = [
        text for text in detect_drift(detector, table).reasons() if text.startswith("column")
    ]
    gaps, new = reasons
    assert gaps.startswith("column 'size' has no value in 2")
    assert new.startswith("column 'city' has a level never seen in 1")

    filled = records(400, 3).fillna({"size": 0.0})
    assert any(
        "'size' has no value in 0.0%" in text for text in detect_drift(detector, filled).reasons()
    )


def test_report_is_plain(detector: GANDetector) -> None:
    from anomgan.utils.serialization import to_plain

    state = detect_drift(detector, records(400, 1)).to_json()
    assert to_plain(state) == {**state, "columns": [dict(each) for each in state["columns"]]}
    assert state["drift"] is False
    assert state["rows"] == 400


def test_conditions_are_compared_each_with_its_own() -> None:
    """A batch of one level only is no drift, however unlike the mean of all levels it is."""
    rng = np.random.default_rng(0)
    level = np.repeat([0, 1], 300)
    scores = rng.normal(size=600) + 3 * level
    calibrator = ConformalCalibrator.fit(scores)
    mondrian = MondrianCalibrator.fit(calibrator, [(np.eye(2)[level], scores)])
    conditions = np.eye(2)[np.ones(500, int)]
    fresh = rng.normal(3, 1, 500)
    found = []
    for apart in (mondrian, None):
        detector: Any = SimpleNamespace(
            ensemble_=SimpleNamespace(calibrator=calibrator, mondrian=apart),
            encoder_=SimpleNamespace(
                schema=SimpleNamespace(columns=(), conditions=()),
                spec=SimpleNamespace(conditions=np.asarray),
                dependent_rows=1,
            ),
            training_facts_={"rows": 1000, "calibration": {"cross_fitted": False}},
        )
        p_value = calibrator.p_values(fresh) if apart is None else apart.p_values(fresh, conditions)
        monitor = DriftMonitor(detector)
        scored: Any = SimpleNamespace(p_value=p_value, report=ParseReport(500), values=conditions)
        monitor.add(scored)
        found.append(bool(monitor.result()))
    assert found == [False, True]
