"""The same table in every kind of file, and what is wrong with some of them."""

from __future__ import annotations

import bz2
import datetime as dt
import functools
import gzip
import http.server
import io
import json
import lzma
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest

from anomgan.data.readers import excel, json_records
from anomgan.data.readers.files import KNOWN_KINDS, SUFFIXES, find_kind, read_chunks, read_table
from anomgan.data.readers.sources import describe_source
from anomgan.data.table.cells import read_cells
from anomgan.errors import DataWarning, InputError

TABLE = pd.DataFrame(
    {
        "count": [1, 2, 3],
        "size": [0.1 + 0.2, None, -4.0],
        "kind": ["red, green", None, "blue"],
        "open": [True, False, True],
    }
)
CSV = TABLE.to_csv(index=False).encode()


def as_zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def as_excel(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_excel(file, index=False)
    return file.getvalue()


def as_stream(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    return file.getvalue()


def as_feather(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_feather(file)
    return file.getvalue()


JSON_LINES = TABLE.to_json(orient="records", lines=True, double_precision=15).encode()

FILES: dict[str, Callable[[], bytes]] = {
    "t.csv": lambda: CSV,
    "t.tsv": lambda: TABLE.to_csv(index=False, sep="\t").encode(),
    "t.data": lambda: CSV,
    "T.DAT": lambda: CSV,
    "t.csv.gz": lambda: gzip.compress(CSV),
    "t.csv.bz2": lambda: bz2.compress(CSV),
    "t.txt.xz": lambda: lzma.compress(CSV),
    "t.csv.zst": lambda: pa.compress(CSV, "zstd", asbytes=True),
    "t.jsonl": lambda: JSON_LINES,
    "t.ndjson.gz": lambda: gzip.compress(JSON_LINES),
    "t.json": lambda: TABLE.to_json(orient="records", indent=1, double_precision=15).encode(),
    "t.feather": lambda: as_feather(TABLE),
    "t.arrow": lambda: as_stream(TABLE),
    "t.parquet": lambda: TABLE.to_parquet(),
    "t.xlsx": lambda: as_excel(TABLE),
    "t.zip": lambda: as_zip({"deep/t.csv": CSV}),
    "t2.zip": lambda: as_zip({"t.parquet": TABLE.to_parquet(), "__MACOSX/._t.parquet": b"x"}),
    "t3.zip": lambda: as_zip({"t.csv.gz": gzip.compress(CSV)}),
}


@pytest.mark.parametrize("place", ["local", "memory"])
@pytest.mark.parametrize("name", FILES)
def test_the_same_table(tmp_path: Path, name: str, place: str) -> None:
    source: str | Path = tmp_path / name
    if place == "memory":
        source = f"memory://kinds/{name}"
    with fsspec.open(str(source), "wb") as file:
        file.write(FILES[name]())
    for frame in (read_table(source), pd.concat(list(read_chunks(source, rows=2)))):
        assert list(frame.columns) == list(TABLE.columns)
        assert frame.index.tolist() == [0, 1, 2]
        numbers = frame[["count", "size"]].astype(float)
        pd.testing.assert_frame_equal(numbers, TABLE[["count", "size"]].astype(float))
        assert frame["kind"].fillna("-").tolist() == ["red, green", "-", "blue"]
        assert frame["open"].astype(str).tolist() == ["True", "False", "True"]


def test_every_kind_is_known_by_its_ending() -> None:
    assert all(find_kind(f"a{suffix}") for suffix in SUFFIXES)
    assert find_kind("a.csv.zst") == "text"
    assert find_kind("a.csv.parquet") == "parquet"
    assert find_kind("a.doc") is None
    for suffix in (".csv", ".data", ".jsonl", ".zst", ".feather", ".xlsx", ".zip"):
        assert suffix in KNOWN_KINDS


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("damage", ["cut", "other"])
def test_damaged_compression(tmp_path: Path, suffix: str, damage: str) -> None:
    text = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(100_000))
    packed = {
        ".gz": gzip.compress,
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
        ".zst": lambda data: pa.compress(data, "zstd", asbytes=True),
    }[suffix](text)
    path = tmp_path / f"t.csv{suffix}"
    path.write_bytes(packed[: len(packed) // 2] if damage == "cut" else text)
    with pytest.raises(InputError, match="the compressed data is cut off or damaged"):
        read_table(path)


def test_what_a_file_really_is(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for name, told in {
        "t.csv.bz2": "in .bz2",
        "t.txt.xz": "in .xz",
        "t.csv.zst": "in .zst",
        "t.feather": "in .arrow or .feather",
        "t.xlsx": "in .zip or .xlsx",
    }.items():
        path.write_bytes(FILES[name]())
        with pytest.raises(InputError, match=f"end its name {told}"):
            read_table(path)


# --- Excel ----------------------------------------------------------------------------------------


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_sheets_by_name_and_number(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "t.xlsx", {"May": [["a"], [1]], "1": [["b"], [2]], "x": [["c"], [3]]}
    )
    with pytest.warns(
        DataWarning, match=r"has 3 sheets, 'May', '1', 'x'; read is the first; .*--sheet"
    ):
        assert list(read_table(path)) == ["a"]
    assert list(read_table(path, sheet="x")) == ["c"]
    assert list(read_table(path, sheet="1")) == ["b"]  # a name goes before a number
    assert list(read_table(path, sheet=3)) == ["c"]
    for sheet in ("June", "0", 4):
        with pytest.raises(
            InputError, match=rf"has no sheet '{sheet}'; it has, counted from 1: 'May'"
        ):
            read_table(path, sheet=sheet)


def test_cells_of_excel(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        [],
        [None, "when", "time", "n", "zip", "share", "said"],
        [
            None,
            dt.datetime(2024, 5, 1, 12, 30),
            dt.time(8, 5),
            3,
            "00501",
            0.25,
            'so, "what"\nelse',
        ],
        [],
        [None, dt.datetime(2024, 5, 2), dt.time(23), 2.5, "10001", None, "#N/A"],
    ]
    frame = read_table(workbook(tmp_path / "t.xlsx", {"only": rows}))
    assert frame.fillna("-").to_dict("list") == {
        "when": ["2024-05-01 12:30:00", "2024-05-02 00:00:00"],
        "time": ["08:05:00", "23:00:00"],
        "n": ["3", "2.5"],
        "zip": ["00501", "10001"],
        "share": ["0.25", "-"],
        "said": ['so, "what"\nelse', "-"],
    }


def test_what_is_no_workbook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.xlsx"
    for data in (b"a,b\n1,2\n", as_zip({"a.csv": CSV})):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"t\.xlsx: isn't an Excel workbook"):
            read_table(path)
    with pytest.raises(InputError, match="is empty"):
        read_table(workbook(path, {"nothing": []}))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(InputError, match=r"needs openpyxl; .*'anomgan\[files\]'"):
        read_table(path)


# --- JSON -----------------------------------------------------------------------------------------


def test_keys_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    records = [{"a": 1, "in": {"x": 2.5}}, {"a": None}, {"b": True, "a": 2**60 + 1}]
    path.write_text("\n\n".join(map(json.dumps, records)))
    chunks = list(read_chunks(path, rows=1))
    assert [list(chunk) for chunk in chunks] == [["a", "in.x", "b"]] * 3
    frame = read_table(path)
    assert frame["a"].tolist() == [1, pd.NA, 2**60 + 1]
    assert frame["in.x"].iloc[0] == 2.5
    assert read_cells(frame["b"]).form == "boolean"


def test_cells_of_several_types_are_text(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('[{"a": 1}, {"a": "low"}, {"a": 10000000000000000000000000}]')
    assert read_cells(read_table(path)["a"]).to_text().to_pylist() == ["1", "low", "1" + "0" * 25]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"a": 1}\n{"a": }\n', r"line 2: isn't JSON: Expecting value \(character 7\)"),
        ('{"a": 1}\n\n[2]\n', r"line 3: isn't an object"),
        ('[{"a": 1},\n {"a": oops}]', r"isn't JSON: Expecting value \(line 2, character 8\)"),
        ('[{"a": 1}, 5]', r"record 1: isn't an object"),
        ('[{"a": 1}]\n[{"a": 1}]', r"isn't JSON: Extra data"),
        ('{"a.b": 1, "a": {"b": 2}}', r"line 1: has the key 'a\.b' twice"),
        ("", "is empty"),
        ("[]", "has a header but no rows"),
        ("[" * 100_000, "can't be read as JSON"),
        ('{"a": ' + "9" * 5000 + "}", "can't be read as JSON"),
    ],
)
def test_broken_json(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        read_table(path)


# --- Arrow ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["t.feather", "t.arrow"])
def test_damaged_arrow(tmp_path: Path, name: str) -> None:
    path, data = tmp_path / name, FILES[name]()
    for damaged in (data[: len(data) // 2], b"a,b\n1,2\n" * 9, b""):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="isn't an Arrow or Feather file, or is damaged"):
            read_table(path)


# --- ZIP ------------------------------------------------------------------------------------------


def test_zip_of_several_tables(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    path.write_bytes(as_zip({"b.csv": b"x,y\n3,4\n", "a.csv": b"y,x\n2,1\n", "readme.md": b"text"}))
    with pytest.warns(
        DataWarning, match=r"ignored, as the endings aren't those of tables: readme\.md"
    ):
        assert read_table(path).to_dict("list") == {"y": ["2", "4"], "x": ["1", "3"]}
    path.write_bytes(as_zip({"a.csv": b"x,y\n1,2\n", "b.csv": b"x,z\n3,4\n"}))
    with pytest.raises(
        InputError, match=r"t\.zip/b\.csv: lacks 'y' and also has 'z', unlike .*/a\.csv"
    ):
        read_table(path)


def test_errors_name_the_member(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    path.write_bytes(as_zip({"a.csv": b"x,y\n1,2\n\n3\n"}))
    with pytest.raises(InputError, match=r"t\.zip/a\.csv: line 4 has 1 fields"):
        read_table(path)
    path.write_bytes(as_zip({"a.doc": b""}))
    with pytest.raises(InputError, match=r"t\.zip: holds no table; known are \.csv"):
        read_table(path)
    path.write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"t\.zip: isn't a ZIP archive"):
        read_table(path)


# --- URLs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("memory://kinds/none.csv", "memory://kinds/none.csv: no such file"),
        ("nonsense://a/b.csv", "nonsense://a/b.csv: can't be opened: Protocol not known: nonsense"),
        ("file:///none.csv", "no such file"),
        ("memory://kinds/t.doc", "unknown kind of file"),
    ],
)
def test_urls_that_lead_nowhere(url: str, told: str) -> None:
    fsspec.filesystem("memory").pipe_file("/kinds/t.doc", b"")
    with pytest.raises(InputError, match=told):
        read_table(url)


def test_a_package_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(InputError, match=r"s3fs.* pip install 'anomgan\[files\]'"):
        read_table("s3://bucket/t.csv")


def test_secrets_stay_out_of_messages() -> None:
    assert describe_source("https://me:word@host/t.csv?key=abc#x") == "https://host/t.csv"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A server of the files in the folder."""
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("name", ["t.csv.gz", "t.jsonl", "t.parquet", "t.xlsx", "t.zip"])
def test_the_web(tmp_path: Path, web: str, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name]())
    frame = read_table(f"{web}/{name}?key=abc")
    assert frame["count"].astype(int).tolist() == [1, 2, 3]
    with pytest.raises(InputError, match=rf"^{web}/none\.csv: no such file"):
        read_table(f"{web}/none.csv?key=abc")


def test_a_zip_with_a_password(tmp_path: Path) -> None:
    data = bytearray(as_zip({"a.csv": CSV}))
    for at in (6, data.index(b"PK\x01\x02") + 8):  # the flags of both headers
        data[at] |= 1
    (tmp_path / "t.zip").write_bytes(data)
    with pytest.raises(InputError, match=r"t\.zip: can't be unpacked: .* is encrypted"):
        read_table(tmp_path / "t.zip")


def test_a_damaged_member(tmp_path: Path) -> None:
    data = bytearray(as_zip({"a.csv": CSV}))
    data[data.index(b"green")] ^= 1
    (tmp_path / "t.zip").write_bytes(data)
    with pytest.raises(InputError, match=r"t\.zip/a\.csv: the compressed data is .* damaged"):
        read_table(tmp_path / "t.zip")


def test_what_would_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_records, "_MAX_LINE_CHARS", 20)
    monkeypatch.setattr(json_records, "_MAX_ARRAY_CHARS", 20)
    monkeypatch.setattr(excel, "_MAX_UNPACKED_BYTES", 2000)
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n{"a": "' + "x" * 30 + '"}\n')
    with pytest.raises(InputError, match="line 2: goes on for more than 20 characters"):
        read_table(path)
    path.write_text("[" + ", ".join(['{"a": 1}'] * 9) + "]")
    with pytest.raises(InputError, match="an array of more than 20 characters"):
        read_table(path)
    with pytest.raises(InputError, match=r"unpacks to [\d,]+ bytes, more than 2,000"):
        read_table(workbook(tmp_path / "t.xlsx", {"a": [["x"], [1]]}))
