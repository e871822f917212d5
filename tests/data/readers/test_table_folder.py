"""Folders of tables as one table."""

from __future__ import annotations

from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import PIL.Image
import pytest

from anomgan.data.readers.files import read_chunks, read_table
from anomgan.errors import DataWarning, InputError


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_csv_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    files = {"b.csv": "x,y\n3,4\n5,6\n", "a.tsv": "y\tx\n2\t1\n", "_SUCCESS": "", ".a.csv": "z"}
    frame = read_table(write(tmp_path, files))
    assert frame.to_dict("list") == {"y": ["2", "4", "6"], "x": ["1", "3", "5"]}
    assert frame.index.tolist() == [0, 1, 2]
    assert [len(chunk) for chunk in read_chunks(tmp_path, rows=1)] == [1, 1, 1]


def test_parquet_files_keep_their_types(tmp_path: Path) -> None:
    for at in range(3):
        numbers = pd.array([2**60 + at, None], "Int64")
        frame = pd.DataFrame({"n": numbers, "t": pd.Timestamp("2024-05-01")})
        frame.to_parquet(tmp_path / f"part-{at}.parquet")
    frame = read_table(tmp_path)
    assert frame["n"].dropna().tolist() == [2**60, 2**60 + 1, 2**60 + 2]
    assert frame["t"].dtype.kind == "M"


def test_folders_that_tell_a_column(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "day=1/site=a%20b/x.csv": "v\n1\n",
            "day=10/site=c/x.csv": "v\n2\n",
            "day=2/site=__HIVE_DEFAULT_PARTITION__/x.csv": "v\n3\n",
        },
    )
    frame = read_table(tmp_path)
    assert frame.fillna("-").to_dict("list") == {
        "v": ["1", "2", "3"],
        "day": ["1", "10", "2"],
        "site": ["a b", "c", "-"],
    }
    write(tmp_path, {"day=1/site=a%20b/x.csv": "v,day\n1,5\n"})
    with pytest.raises(InputError, match=r"x\.csv: has a column 'day', which .* tells, too"):
        read_table(tmp_path)


def test_the_file_that_differs_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"a.csv": "x,y\n1,2\n", "b.csv": "x,y\n1,2\n", "c.csv": "x,z,w\n1,2,3\n"})
    told = r"c\.csv: lacks 'y' and also has 'z', 'w', unlike .*a\.csv; the files of a table must"
    with pytest.raises(InputError, match=told):
        read_table(tmp_path)
    write(tmp_path, {"c.csv": "x,y\n1\n"})
    with pytest.raises(InputError, match=r"c\.csv: line 2 has 1 fields"):
        read_table(tmp_path)


def test_several_kinds_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a.csv": "x\n1\n", "b.jsonl": "{}"})
    with pytest.raises(InputError, match=r"tables of several kinds, such as 'a\.csv', 'b\.jsonl'"):
        read_table(tmp_path)


def test_a_folder_of_pictures_stays_one(tmp_path: Path) -> None:
    write(tmp_path, {"labels.csv": "x\n1\n"})
    PIL.Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png")
    with pytest.warns(DataWarning, match=r"aren't those of pictures: labels\.csv"):
        assert read_table(tmp_path)["path"].tolist() == ["a.png"]


def test_a_folder_elsewhere() -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/there/in/day=2/b.csv": b"x\n2\n", "/there/in/day=1/a.csv": b"x\n1\n"})
    frame = read_table("memory://there/in")
    assert frame.to_dict("list") == {"x": ["1", "2"], "day": ["1", "2"]}
    memory.pipe({"/there/none/a.doc": b""})
    with pytest.raises(InputError, match="memory://there/none: holds no table; known are"):
        read_table("memory://there/none")
