"""Parts of a table: done anywhere, in any order and number, they give what is given in one go."""

from __future__ import annotations

import datetime
import decimal
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector
from anomgan.calibration.conformal import fdr_threshold, flag_rows
from anomgan.data.parse_report import ParseReport, Unreadable
from anomgan.data.readers.files import read_table
from anomgan.errors import InputError
from anomgan.spark.partition import FlagRule, Outcome, PartitionScorer, read_outcome
from anomgan.spark.plan import PLAN_FILE, Plan, open_output, table_files

TINY = {"steps": 10, "members": 1, "hidden": 8, "latent": 2, "inversion_steps": 1}


def make_records(rows: int, seed: int) -> pd.DataFrame:
    """Every kind of column that engines are at odds about."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(100, 20, rows).round(2)
    when = pd.Timestamp("2024-03-30 22:00", tz="Europe/Berlin") + pd.to_timedelta(
        rng.integers(0, 10**15, rows), unit="ns"
    )
    frame = pd.DataFrame(
        {
            "amount": [decimal.Decimal(str(a)) for a in amount],
            "when": pd.Series(when).astype("datetime64[ns, Europe/Berlin]"),
            "count": pd.array(rng.integers(0, 9, rows), dtype="Int64"),
            "open": pd.array(rng.random(rows) < 0.5, dtype="boolean"),
            "colour": pd.Categorical(rng.choice(["red", "green", "blue"], rows)),
            "took": pd.to_timedelta(rng.integers(1, 10**12, rows), unit="ns"),
            "big": rng.integers(2**53, 2**63, rows, dtype=np.uint64),
            "small": rng.normal(size=rows).astype(np.float32),
            "day": [datetime.date(2024, 1, 1) + datetime.timedelta(int(i)) for i in amount],
        }
    )
    frame.loc[::7, ["count", "open", "colour"]] = None
    return frame


@pytest.fixture(scope="module")
def detector() -> GANDetector:
    return GANDetector(settings=TINY, random_state=0).fit(make_records(120, seed=0))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    records = make_records(50, seed=1)
    records["colour"] = records["colour"].cat.add_categories("violet")
    records.loc[31, "colour"] = "violet"
    records.loc[40, "amount"] = decimal.Decimal(10**6)
    path = tmp_path / "new.parquet"
    records.to_parquet(path, row_group_size=13)
    return path


def plan_of(
    detector: GANDetector, source: Path, output: Path, rows: int, **changes: object
) -> Plan:
    scorer = PartitionScorer("new", output, (), True, (), FlagRule())
    scorer = replace(scorer, **changes)  # type: ignore[arg-type]
    return Plan.make(scorer, detector, table_files(str(source), detector, scorer), rows)


def together(folder: Path) -> pd.DataFrame:
    return pd.concat([pd.read_parquet(p) for p in sorted(folder.glob("part-*"))]).reset_index(
        drop=True
    )


@pytest.mark.parametrize("rows", [1, 7, 13, 1000])
def test_scores_are_those_in_one_go(
    detector: GANDetector, source: Path, tmp_path: Path, rows: int
) -> None:
    plan = plan_of(detector, source, tmp_path / "out", rows)
    with open_output(plan):
        for part in reversed(plan.partitions):
            plan.scorer.score(part, detector)
    found, whole = together(tmp_path / "out"), detector.score_frame(read_table(source))
    assert list(found.columns) == ["row", "score", "p_value", "is_anomaly"]
    np.testing.assert_array_equal(found["row"], np.arange(50))
    np.testing.assert_array_equal(found["score"], whole.score)
    np.testing.assert_array_equal(found["p_value"], whole.p_value)
    np.testing.assert_array_equal(found["is_anomaly"], whole.score > -detector.offset_)
    outcome = plan.outcome()
    assert outcome.report == whole.report
    assert "column 'colour': 1 cell with a level that wasn't in training" in outcome.report.lines()
    assert (outcome.rows, outcome.flagged) == (50, int(found["is_anomaly"].sum()))


def test_a_folder_is_one_table(detector: GANDetector, source: Path, tmp_path: Path) -> None:
    frame = pd.read_parquet(source)
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, piece in {"c": frame[:11], "a": frame[11:11], "b": frame[11:]}.items():
        piece.to_parquet(folder / f"{name}.parquet")
    plan = plan_of(detector, folder, tmp_path / "out", 8)
    with open_output(plan):
        for part in plan.partitions:
            plan.scorer.score(part, detector)
    expected = detector.score_frame(pd.concat([frame[11:], frame[:11]])).score
    np.testing.assert_array_equal(together(tmp_path / "out")["score"], expected)


@pytest.mark.parametrize("fdr", [0.01, 0.3, 0.6, 0.99])
def test_benjamini_hochberg_over_all_parts(
    detector: GANDetector, source: Path, tmp_path: Path, fdr: float
) -> None:
    plan = plan_of(detector, source, tmp_path / "out", 9, rule=FlagRule(fdr=fdr))
    with open_output(plan):
        for part in plan.partitions:
            plan.scorer.score(part, detector)
        assert plan.missing(plan.scorer.output) == list(plan.partitions)
        for part in plan.partitions:
            plan.scorer.flag(part, plan.p_value_threshold())
    found = together(tmp_path / "out")
    expected = flag_rows(detector.score_frame(read_table(source)).p_value, fdr=fdr)
    np.testing.assert_array_equal(found["is_anomaly"], expected)
    assert plan.outcome().flagged == expected.sum()


def test_the_cut_decides_as_benjamini_hochberg_does() -> None:
    # By hand: 4 rows; 0.01·4/1, 0.04·4/3 = 0.053…, 0.5·4/4.
    known, counts = np.array([0.01, 0.04, 0.5]), np.array([1, 2, 1])
    assert [fdr_threshold(known, counts, q) for q in (0.03, 0.05, 0.06, 0.5)] == [
        0,
        0.01,
        0.04,
        0.5,
    ]
    rng = np.random.default_rng(0)
    for _ in range(200):
        p_values = rng.integers(1, 30, rng.integers(1, 60)) / 30 * rng.choice([1, 0.05])
        fdr = float(rng.uniform(0.01, 0.9))
        cut = fdr_threshold(*np.unique(p_values, return_counts=True), fdr)
        np.testing.assert_array_equal(p_values <= cut, flag_rows(p_values, fdr=fdr))


def test_parts_that_are_there_are_not_done_again(
    detector: GANDetector, source: Path, tmp_path: Path
) -> None:
    plan = plan_of(detector, source, tmp_path / "out", 20)
    with open_output(plan):
        for part in plan.partitions[:2]:
            plan.scorer.score(part, detector)
        (plan.scorer.output / ".anomgan-1-abcd").write_bytes(b"PAR1")
    first = plan.scorer.output / plan.partitions[0].name
    first.write_bytes(first.read_bytes()[:-9])  # a disk that lost its end
    again = plan_of(detector, source, tmp_path / "out", 20)
    with open_output(again):
        assert [part.number for part in again.missing(again.scorer.output)] == [0, 2]
        with pytest.raises(InputError, match=r"part-00000\.parquet isn't there, or not whole"):
            again.outcome()
    assert sorted(p.name for p in again.scorer.output.iterdir()) == [
        PLAN_FILE, "part-00000.parquet", "part-00001.parquet",
    ]  # fmt: skip


def test_a_part_that_fails_leaves_nothing(
    detector: GANDetector, source: Path, tmp_path: Path
) -> None:
    plan = plan_of(detector, source, tmp_path / "out", 50)
    with open_output(plan):
        frame = pd.read_parquet(source).assign(amount="much")
        frame.to_parquet(source)
        strict = replace(plan.scorer, strict=True)
        with pytest.raises(InputError, match="new: row 0, column 'amount': 'much' isn't"):
            strict.score(plan.partitions[0], detector)
    assert [p.name for p in plan.scorer.output.iterdir()] == [PLAN_FILE]


def test_another_scoring_does_not_mix_in(
    detector: GANDetector, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with open_output(plan_of(detector, source, out, 20)) as _:
        pass
    plan = plan_of(detector, source, out, 20)
    plan.scorer.score(plan.partitions[0], detector)
    other = GANDetector(settings=TINY, random_state=1).fit(make_records(120, seed=0))
    os.utime(source, (0, 0))
    for changed in (
        plan_of(detector, source, out, 20),
        plan_of(other, source, out, 20),
        plan_of(detector, source, out, 20, strict=True),
    ):
        with (
            pytest.raises(InputError, match="holds results of another input"),
            open_output(changed),
        ):
            pass


def test_only_one_run_at_a_time(detector: GANDetector, source: Path, tmp_path: Path) -> None:
    plan = plan_of(detector, source, tmp_path / "out", 20)
    with (
        open_output(plan),
        pytest.raises(InputError, match="another run is writing there"),
        open_output(plan),
    ):
        pass


def test_folders_that_are_not_ours(detector: GANDetector, source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    for name, told in (("file", "is a file"), ("mine", "with other things in it")):
        plan = plan_of(detector, source, tmp_path / name, 20)
        with pytest.raises(InputError, match=told), open_output(plan):
            pass


def test_tables_that_cannot_be_scored(detector: GANDetector, tmp_path: Path) -> None:
    frame, folder = make_records(20, seed=2), tmp_path / "parts"
    folder.mkdir()
    frame[:9].to_parquet(folder / "a.parquet")
    frame[9:].drop(columns="count").to_parquet(folder / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet: .*'count'"):
        plan_of(detector, folder, tmp_path / "out", 20)
    frame[9:].assign(small=1).to_parquet(folder / "b.parquet")
    assert len(plan_of(detector, folder, tmp_path / "out", 20).partitions) == 2
    with pytest.raises(InputError, match=r"'small' is int64, in a\.parquet it is float"):
        plan_of(detector, folder, tmp_path / "out", 20, repeated=tuple(frame.columns))
    frame[:0].to_parquet(tmp_path / "none.parquet")
    with pytest.raises(InputError, match="has a header but no rows"):
        plan_of(detector, tmp_path / "none.parquet", tmp_path / "out", 20)


def test_an_outcome_survives_its_footer(tmp_path: Path) -> None:
    report = ParseReport(9, {"a": Unreadable(2, 3, "x\udc80é", "a number")}, {"a": 2}, {}, {"b": 1})
    outcome = Outcome(9, 4, report, ("first", "second"), ((0.1, 3), (1 / 3, 6)))
    assert Outcome.from_json(outcome.to_json()) == outcome
    assert read_outcome(tmp_path / "nothing.parquet") is None


def test_folders_tell_columns(source: Path, tmp_path: Path) -> None:
    training = make_records(120, seed=0).assign(site=["north", "south"] * 60)
    detector = GANDetector(settings=TINY, random_state=0).fit(training)
    table = tmp_path / "table"
    for site in ("north", "south"):
        (table / f"site={site}").mkdir(parents=True)
        (table / f"site={site}" / "new.parquet").write_bytes(source.read_bytes())
    plan = plan_of(detector, table, tmp_path / "out", 20)
    with open_output(plan):
        for partition in plan.partitions:
            plan.scorer.score(partition, detector)
    expected = detector.score_frame(read_table(table), source="new")
    found = together(tmp_path / "out")
    np.testing.assert_array_equal(found["score"], expected.score)
    assert found["row"].tolist() == list(range(100))
