from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from anomgan.data.arrow import arrow_to_frame
from anomgan.data.encoders.table import TableEncoder
from anomgan.data.readers.files import read_table
from anomgan.data.readers.parquet import list_parquet_files, read_batches, read_parquet_info
from anomgan.data.table.cells import read_cells
from anomgan.errors import InputError


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "table.parquet"
    frame = pd.DataFrame({"a": np.arange(23), "b": [f"t{i}" for i in range(23)]})
    frame.to_parquet(path, row_group_size=5, index=False)
    return path


@pytest.mark.parametrize("first", [0, 1, 4, 5, 9, 22, 23, 40])
@pytest.mark.parametrize("count", [None, 0, 1, 5, 6, 23, 99])
@pytest.mark.parametrize("rows", [3, 100])
def test_any_range_of_rows(table: Path, first: int, count: int | None, rows: int) -> None:
    found = [
        value
        for batch in read_batches(table, first=first, count=count, rows=rows)
        for value in arrow_to_frame(batch)["a"]
    ]
    assert found == list(range(23))[first : None if count is None else first + count]


def test_only_row_groups_in_the_range_are_read(table: Path, tmp_path: Path) -> None:
    # Of a file whose first pages are overwritten, the last rows can still be read.
    data = bytearray(table.read_bytes())
    data[4:60] = b"\0" * 56
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(data)
    [batch] = read_batches(broken, first=20, count=3)
    assert batch.column("a").to_pylist() == [20, 21, 22]
    with pytest.raises(InputError, match=r"broken\.parquet: can't be read as Parquet"):
        list(read_batches(broken, first=0, count=3))


def test_the_footer(table: Path) -> None:
    [part] = list_parquet_files(table)
    info = read_parquet_info(part)
    assert (info.rows, info.columns.names, info.told) == (23, ["a", "b"], {})


def test_files_of_a_folder_go_by_name_and_hidden_ones_are_left_out(tmp_path: Path) -> None:
    for name in ("part-1.parquet", "part-0.parquet", "_part.parquet", ".x.parquet", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "_temporary").mkdir()
    assert [p.path for p in list_parquet_files(tmp_path)] == ["part-0.parquet", "part-1.parquet"]


def test_folders_tell_columns(tmp_path: Path) -> None:
    for day in (2, 10):
        (tmp_path / f"day={day}").mkdir()
        frame = pd.DataFrame({"a": range(day, day + 3)})
        frame.to_parquet(tmp_path / f"day={day}" / "x.parquet", index=False)
    first, second = (read_parquet_info(part) for part in list_parquet_files(tmp_path))
    assert first.columns.names == ["a", "day"]
    assert (first.told, second.told) == ({"day": "10"}, {"day": "2"})
    [batch] = read_batches(second.path, first=1, told=second.told)
    assert batch.to_pydict() == {"a": [3, 4], "day": ["2", "2"]}
    pd.DataFrame({"day": [1]}).to_parquet(tmp_path / "day=2" / "x.parquet")
    with pytest.raises(InputError, match="has a column 'day', which the name of its folder tells"):
        read_parquet_info(list_parquet_files(tmp_path)[1])


def test_folders_that_cannot_be_read_as_one_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder without \.parquet files"):
        list_parquet_files(tmp_path)
    with pytest.raises(InputError, match="nowhere: no such file"):
        list_parquet_files(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a URL; Spark reads paths"):
        list_parquet_files("s3://bucket/new.parquet")


def test_nothing_is_lost_on_the_way_to_pandas(tmp_path: Path) -> None:
    offsets = np.array([0, 1, 1, 3], np.int32).tobytes()
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"a\xffb")]
    far = pa.array([-2_000_000, None, 4_000_000], pa.int32()).cast(pa.date32())
    table = pa.table(
        {
            "plain": ["x", "y", "z"],
            "id": pa.array([2**60 + 1, None, 2**60], pa.int64()),
            "day": far,
            "text": pa.Array.from_buffers(pa.string(), 3, buffers),
            "near": pa.array([0, None, 1], pa.int32()).cast(pa.date32()),
        }
    )
    pa.parquet.write_table(table, tmp_path / "table.parquet")
    frame = read_table(tmp_path / "table.parquet")
    assert list(frame) == table.column_names
    assert frame["id"].tolist() == [2**60 + 1, pd.NA, 2**60]
    assert frame["day"].astype("str").tolist()[0] == "-3506-03-09"
    assert frame["text"].tolist() == ["a", "", "\\xffb"]
    assert frame["near"].iloc[2] == dt.date(1970, 1, 2)

    encoder = TableEncoder.fit(pd.DataFrame({"a": [1, 4, 9, 2, 8]}))
    days = pd.DataFrame({"a": pd.Series(far, dtype=pd.ArrowDtype(far.type))})
    assert read_cells(days["a"]).form == "time"
    assert encoder.transform(days)[1].unreadable["a"].count == 2
