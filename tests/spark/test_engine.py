"""``anomgan score --engine spark`` on a real Spark with two workers."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import load
from anomgan.data.readers.files import read_table
from anomgan.data.samples import load_sample
from anomgan.errors import InputError
from anomgan.spark import Outcome
from anomgan.spark import engine as spark
from anomgan.spark.plan import SUCCESS_FILE

pytest.importorskip("pyspark")

TINY = ["steps=10", "members=1", "hidden=8", "latent=4", "inversion_steps=1", "memory_rows=50"]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two workers in one JVM; anomgan finds it running and leaves it running."""
    folder = tmp_path_factory.mktemp("spark")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYSPARK_SUBMIT_ARGS",
            f"--master local[2] --conf spark.local.dir={folder} pyspark-shell",
        )
        with spark.session() as session:
            assert session.sparkContext.master == "local[2]"
            yield session


@pytest.fixture
def command(session: Any, capsys: pytest.CaptureFixture[str]) -> Any:
    [script] = importlib.metadata.entry_points(group="console_scripts", name="anomgan")
    main = script.load()

    def command(*args: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(arg) for arg in args])
        captured = capsys.readouterr()
        assert captured.out == ""
        return int(stop.value.code or 0), captured.err

    return command


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model of each mixed-type sample set, and its new rows as Parquet."""
    [script] = importlib.metadata.entry_points(group="console_scripts", name="anomgan")
    folder = tmp_path_factory.mktemp("models")
    settings = [part for setting in TINY for part in ("--set", setting)]
    for name in ("penguins", "taxis"):
        sample = load_sample(name)
        options = ["--seed", "3", "--preset", "fast", "--model", str(folder / name)]
        with pytest.raises(SystemExit) as stop:
            script.load()(["fit", str(sample.normal_path), *options, *settings])
        assert not stop.value.code
        sample.new.to_parquet(folder / f"{name}.parquet", row_group_size=31)
    return folder


def results(folder: Path) -> pd.DataFrame:
    """What anybody would read, pandas or Spark."""
    assert (folder / SUCCESS_FILE).exists()
    return pd.read_parquet(folder)


@pytest.mark.parametrize("name", ["penguins", "taxis"])
@pytest.mark.parametrize("options", [[], ["--fdr", "0.3"]])
def test_the_same_as_on_one_machine(
    command: Any, models: Path, tmp_path: Path, name: str, options: list[str]
) -> None:
    args = ["score", models / f"{name}.parquet", "--model", models / name, *options]
    code, told = command(*args, "--output", tmp_path / "local.csv")
    # Of drift, which takes all rows together, a cluster says nothing.
    lines = told.splitlines(keepends=True)
    told = "".join(line for line in lines if " as a whole " not in line)
    assert (code, command(*args, "--engine", "spark", "--output", tmp_path / "out")) == (
        0,
        (0, told),
    )
    expected, found = pd.read_csv(tmp_path / "local.csv"), results(tmp_path / "out")
    assert expected["is_anomaly"].any()
    pd.testing.assert_frame_equal(
        found, expected, check_dtype=False, check_exact=True, check_like=False
    )


def test_spark_reads_what_it_wrote(
    session: Any, command: Any, models: Path, tmp_path: Path
) -> None:
    args = ["score", models / "penguins.parquet", "--model", models / "penguins", "--append"]
    assert command(*args, "--engine", "spark", "--output", tmp_path / "out")[0] == 0
    table = session.read.parquet(str(tmp_path / "out"))
    new = load_sample("penguins").new
    assert table.columns == [*new.columns, "row", "score", "p_value", "is_anomaly"]
    assert table.count() == len(new)
    pd.testing.assert_frame_equal(results(tmp_path / "out")[list(new.columns)], new)


def test_parts_of_odd_sizes_and_a_broken_run(session: Any, models: Path, tmp_path: Path) -> None:
    detector = load(models / "penguins")
    source = tmp_path / "table"
    source.mkdir()
    new = load_sample("penguins").new
    for number, piece in enumerate((new[:5], new[5:5], new[5:6], new[6:])):
        piece.to_parquet(source / f"{number}.parquet")
    seen: list[tuple[int, int]] = []
    out = tmp_path / "out"

    def score() -> Outcome:
        return spark.score(
            session, detector, str(source), out, rows=17, progress=lambda *at: seen.append(at)
        )

    first = score()
    expected = detector.score_frame(read_table(models / "penguins.parquet"))
    whole = results(out)
    np.testing.assert_array_equal(whole["row"], np.arange(len(new)))
    np.testing.assert_array_equal(whole["score"], expected.score)
    assert first.report == expected.report
    assert all(0 <= done <= parts == 10 for done, parts in seen)

    files = sorted(out.glob("part-*"))
    before = {path.name: path.stat().st_mtime_ns for path in files}
    files[3].unlink()
    files[0].write_bytes(b"PAR1")
    (out / SUCCESS_FILE).unlink()
    assert score() == first
    after = {path.name: path.stat().st_mtime_ns for path in sorted(out.glob("part-*"))}
    assert {name for name in before if before[name] != after[name]} == {
        "part-00000.parquet", "part-00003.parquet",
    }  # fmt: skip
    pd.testing.assert_frame_equal(results(out), whole)


def test_the_first_wrong_cell_is_told_in_one_line(
    command: Any, models: Path, tmp_path: Path
) -> None:
    new = load_sample("penguins").new
    column = new.select_dtypes("number").columns[0]
    bad = new.astype({column: str})
    bad.loc[[40, 90], column] = "heavy"
    bad.to_parquet(tmp_path / "bad.parquet")
    args = ["score", tmp_path / "bad.parquet", "--model", models / "penguins", "--strict"]
    args += ["--engine", "spark", "--output", tmp_path / "out"]
    code, told = command(*args)
    assert code == 2
    assert told == (
        f"anomgan: error: {tmp_path / 'bad.parquet'}: row 40, column {column!r}: 'heavy' isn't "
        f"a number; correct or empty the cell\n"
    )
    assert not (tmp_path / "out" / SUCCESS_FILE).exists()


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["new.csv", "--output", "out"], "reads Parquet files and folders of them, not new.csv"),
        (["-", "--output", "out"], "reads Parquet files and folders of them, not -"),
        (["new.parquet"], "writes a folder of Parquet files; name it with --output"),
        (["new.parquet", "--output", "out"], "new.parquet: no such file"),
    ],
)
def test_what_spark_cannot_do(
    command: Any, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    args: list[str], told: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    code, found = command("score", *args, "--engine", "spark", "--model", models / "taxis")
    assert code == 2
    assert told in found
    assert not (tmp_path / "out").exists()


def test_an_unknown_engine(command: Any) -> None:
    assert command("score", "new.csv", "--engine", "flink") == (
        2,
        "anomgan: error: --engine flink: choose local or spark\n",
    )


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def start() -> str:
        with pytest.raises(InputError) as error, spark.session():
            pass
        return str(error.value)

    import pyspark.sql

    monkeypatch.setattr(pyspark.sql.SparkSession, "getActiveSession", lambda: None)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert f"needs Java 17 or newer, and JAVA_HOME={tmp_path} has none" in start()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "needs Java 17 or newer, and there is none on the PATH" in start()
    monkeypatch.setenv("SPARK_REMOTE", "sc://localhost")
    assert "unset SPARK_REMOTE" in start()
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    assert "pip install 'anomgan[spark]'" in start()


def test_a_spark_that_does_not_start_says_why(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import pyspark.sql

    def fail(builder: object) -> None:
        os.write(2, b"WARN chatter\nException in thread main: no heap left\n")
        raise RuntimeError("JAVA_GATEWAY_EXITED")

    monkeypatch.setattr(pyspark.sql.SparkSession, "getActiveSession", lambda: None)
    monkeypatch.setattr(spark, "_start", fail)
    with (
        pytest.raises(InputError, match=r"Spark can't be started: .*no heap left"),
        spark.session(),
    ):
        pass
    assert capfd.readouterr().err == ""


def test_a_plug_in_travels_to_the_executors(command: Any, models: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "lsgan.py"
    example = Path(__file__).parents[2] / "docs" / "plugin-example" / "anomgan_lsgan.py"
    plugin.write_bytes(example.read_bytes())
    normal, settings = load_sample("penguins").normal_path, [f"--set={each}" for each in TINY]
    named, model = ["--plugin", plugin], ["--model", tmp_path / "m"]
    assert command("fit", normal, "--method", "lsgan", *model, *named, *settings)[0] == 0
    new, there = models / "penguins.parquet", ["--engine", "spark", "--output", tmp_path / "o"]
    code, said = command("score", new, *model, *named, *there)
    assert code == 0, said
    assert command("score", new, *model, *named, "--output", tmp_path / "here.csv")[0] == 0
    expected = pd.read_csv(tmp_path / "here.csv")["score"]
    np.testing.assert_array_equal(results(tmp_path / "o")["score"], expected)
