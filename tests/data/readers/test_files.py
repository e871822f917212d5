"""Reading tables: every format, every kind of damage, and memory that stays flat."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import re
import threading
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomgan.data.readers.files import read_chunks, read_table
from anomgan.errors import DataWarning, InputError


def write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def as_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x y\n2,\n",
        "a;b\n1;x y\n2;\n",
        "a\tb\n1\tx y\n2\t\n",
        "a|b\n1|x y\n2|\n",
        "\ufeffa,b\n1,x y\n2,\n",
        "a,b\r\n1,x y\r\n2,NA\r\n",
        "\n\na,b\n\n1,x y\n\n\n2,n/a",
        ' a ,"b"\n1,"x y"\n2,""\n',
    ],
)
def test_delimited_text_is_read_as_strings(tmp_path: Path, text: str) -> None:
    frame = read_table(write(tmp_path / "t.csv", text))
    expected = pd.DataFrame({"a": ["1", "2"], "b": ["x y", None]}, dtype="str")
    pd.testing.assert_frame_equal(frame, expected)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "T.TXT"])
@pytest.mark.parametrize("packed", [False, True])
def test_text_endings_and_gzip(tmp_path: Path, name: str, packed: bool) -> None:
    data = b"a\tb\n1\t2\n"
    path = tmp_path / (f"{name}.gz" if packed else name)
    write(path, gzip.compress(data) if packed else data)
    assert read_table(path).to_dict("list") == {"a": ["1"], "b": ["2"]}


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    as_stdin(monkeypatch, b"a,b\n1,2\n3,4\n")
    assert read_table("-").to_dict("list") == {"a": ["1", "3"], "b": ["2", "4"]}


def test_rows_come_before_the_input_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    out, into = os.pipe()
    finish = threading.Event()

    def feed() -> None:
        with os.fdopen(into, "wb") as pipe:
            pipe.write(b"a,b\n" + b"12345678,12345678\n" * 300_000)
            pipe.flush()
            finish.wait(30)
            pipe.write(b"last,row\n")

    feeder = threading.Thread(target=feed)
    feeder.start()
    with os.fdopen(out) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        chunks = read_chunks("-")
        first = next(chunks)  # would wait for the event if it needed the whole input
        held_back = not finish.is_set()
        finish.set()
        rest = pd.concat(list(chunks))
    feeder.join()
    assert held_back
    assert len(first) + len(rest) == 300_001
    assert rest.iloc[-1].tolist() == ["last", "row"]


def test_chunks_are_bounded_and_numbered(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a\n" + "\n".join(map(str, range(10))))
    chunks = list(read_chunks(path, rows=4))
    assert [chunk.index.tolist() for chunk in chunks] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [chunk["a"].tolist() for chunk in chunks][2] == ["8", "9"]


def test_a_file_of_many_blocks_is_read_whole(tmp_path: Path) -> None:
    numbers = np.arange(400_000)
    path = write(tmp_path / "t.csv", "a,b\n" + "".join(f"{i},{-i}\n" for i in numbers))
    chunks = list(read_chunks(path, rows=50_000))
    assert max(map(len, chunks)) <= 50_000
    table = pd.concat(chunks)
    np.testing.assert_array_equal(table["a"].astype(int), numbers)
    np.testing.assert_array_equal(table["b"].astype(int), -numbers)
    np.testing.assert_array_equal(table.index, numbers)


def test_quoted_fields_may_hold_anything(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'a,b\n"x\ny,z",2\n"say ""hi""",3\n5" pipe,4\n')
    assert read_table(path)["a"].tolist() == ["x\ny,z", 'say "hi"', '5" pipe']


def test_the_separator_is_not_sought_inside_quotes(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", '"a,b,c";d\n"1,2,3";4\n')
    assert read_table(path).columns.tolist() == ["a,b,c", "d"]


def test_decimal_commas_do_not_hide_the_semicolon(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a;b\n1,5;2,5\n3,5;4,5\n")
    assert read_table(path)["b"].tolist() == ["2,5", "4,5"]


@pytest.mark.parametrize("rows_before", [0, 500_000], ids=["early", "late"])
@pytest.mark.parametrize("stdin", [False, True], ids=["file", "stdin"])
def test_bytes_that_are_not_utf8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_before: int, stdin: bool
) -> None:
    data = b"a,b\n" + b"1,2\n" * rows_before + b"caf\xe9,\x80\x81\n" + "é,ü\n".encode()
    source: str | Path = write(tmp_path / "old.csv", data)
    if stdin:
        as_stdin(monkeypatch, data)
        source = "-"
    with pytest.warns(DataWarning, match=r"(old\.csv|stdin): isn't all UTF-8") as caught:
        frame = read_table(source)
    assert len(caught) == 1
    assert frame.tail(2).to_numpy().tolist() == [["café", "€\x81"], ["é", "ü"]]


def test_latin_1_header_and_utf_16(tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match="UTF-8"):
        frame = read_table(write(tmp_path / "t.csv", "größe\n1\n".encode("latin-1")))
    assert frame.columns.tolist() == ["größe"]
    frame = read_table(write(tmp_path / "u.csv", "größe\n1\n".encode("utf-16")))
    assert frame.to_dict("list") == {"größe": ["1"]}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-32"])
@pytest.mark.parametrize("word", ["red", "красный"])
def test_wide_characters_without_a_mark(tmp_path: Path, encoding: str, word: str) -> None:
    path = write(tmp_path / "wide.csv", f"size,{word}\n12,{word}\n345,{word}\n".encode(encoding))
    assert read_table(path).to_numpy().tolist() == [["12", word], ["345", word]]


def test_lone_carriage_returns_end_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "old.csv", "\r\ra,b\r1,2\r\n3,4\n5,6\r")
    assert read_table(path)["b"].tolist() == ["2", "4", "6"]


@pytest.mark.parametrize(
    "end", ['1,"red', '1,"red\n', '1,"red\n2,x\r\n3,y\n', '1,"', '1,"NA', '1,"re""d', '1,"red""']
)
def test_a_quote_that_is_never_closed_swallows_nothing(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "cut.csv", f'a,b\n0,"x\ny"\n{end}')
    with pytest.raises(
        InputError, match=r"cut\.csv: data record 2: a quote is opened and never cl"
    ):
        read_table(path)


@pytest.mark.parametrize(
    "end", ['"red"', '""\n', '"NA"', '5"', '"a,"', '"a\nb"\r\n', '"""a"""', '"r"d']
)
def test_quotes_that_are_closed(tmp_path: Path, end: str) -> None:
    assert len(read_table(write(tmp_path / "whole.csv", f'a,b\n0,"x\ny"\n1,{end}'))) == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(b"a,b\n1,2\n"), "is gzip data; unpack it, or end its name in .gz"),
        (b"PK\x03\x04\x14\x00", "is a ZIP archive or an Excel workbook"),
        (b"PAR1\x15\x04", "is Parquet; end its name in .parquet"),
        (b"\x89PNG\r\n\x1a\n", "is a picture"),
        (b"x" * 2**25, "the header goes on for more than 16,777,216 bytes"),
    ],
    ids=["gzip", "zip", "parquet", "png", "one line"],
)
def test_what_is_no_text_at_all(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"odd.csv: {message}")):
        read_table(write(tmp_path / "odd.csv", data))
    assert list(read_table(write(tmp_path / "odd.csv", "PAR1,PAR2\n1,2\n"))) == ["PAR1", "PAR2"]


def test_ragged_utf_16_is_placed_by_its_lines(tmp_path: Path) -> None:
    text = 'a,b\n\n"1\n",2\n\n3\n'
    with pytest.raises(InputError, match=r"wide\.csv: line 6 has 1 fields"):
        read_table(write(tmp_path / "wide.csv", text.encode("utf-16")))


def test_standard_input_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="stdin: is closed"):
        read_table("-")


def test_names_are_filled_in(tmp_path: Path) -> None:
    frame = read_table(write(tmp_path / "t.csv", ",a,\n1,2,3\n"))
    assert frame.columns.tolist() == ["unnamed_0", "a", "unnamed_2"]


def test_a_numeric_header_is_doubted(tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match=r"t\.csv: the first line holds only numbers"):
        frame = read_table(write(tmp_path / "t.csv", "1,2.5\n3,4\n"))
    assert frame.columns.tolist() == ["1", "2.5"]


@pytest.mark.slow
def test_one_hundred_thousand_columns(tmp_path: Path) -> None:
    header = ",".join(f"c{i}" for i in range(100_000))
    line = ",".join(["0.12345678901234567"] * 100_000)
    frame = read_table(write(tmp_path / "wide.csv", "\n".join([header, line, line, line])))
    assert frame.shape == (3, 100_000)
    assert frame.iloc[2, -1] == "0.12345678901234567"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,c\n1,2,3\n1,2,3,4\n", "line 3 has 4 fields, the header has 3"),
        ("a,b,c\n1,2,3\n1,2\n", "line 3 has 2 fields, the header has 3"),
        ('a,b\n\n"x\ny",2\n\n1,2,3\n', "line 6 has 3 fields, the header has 2"),
        ("a,b\n" + "x" * 200_000 + ",1\n1,2,3\n", "data record 2 has 3 fields"),
        ("a,b\n" + "1,2\n" * 400_000 + "1\n", "line 400002 has 1 fields, the header has 2"),
        ("", "is empty"),
        ("\n\n\n", "is empty"),
        ("a,b\n", "has a header but no rows"),
        ("a,b", "has a header but no rows"),
        ('a,b\n1,"2\n' + "3,4\n" * 800_000, "a quote is opened and never closed"),
        ('a,"b\n' + "3,4\n" * 100_000, "can't read the header line"),
    ],
)
def test_text_that_is_no_table(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "new.csv", text)
    with pytest.raises(InputError, match=message) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_ragged_stdin_counts_records(monkeypatch: pytest.MonkeyPatch) -> None:
    as_stdin(monkeypatch, b"a,b\n1,2\n1,2,3\n")
    with pytest.raises(InputError, match=r"^stdin: data record 2 has 3 fields"):
        read_table("-")


def test_good_rows_before_a_ragged_one_are_given(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b\n" + "1234567,1234567\n" * 300_000 + "1\n")
    chunks = read_chunks(path)
    assert len(next(chunks)) > 0
    with pytest.raises(InputError, match="line 300002"):
        list(chunks)


def test_places_that_hold_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv: no such file"):
        read_table(tmp_path / "gone.csv")
    with pytest.raises(InputError, match="has no pictures"):
        read_table(tmp_path)
    with pytest.raises(InputError, match=r"unknown kind of file; known are \.csv"):
        read_table(write(tmp_path / "t.xls", "a\n1\n"))
    with pytest.raises(InputError, match="rows=0"):
        next(read_chunks(write(tmp_path / "t.csv", "a\n1\n"), rows=0))


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.csv", "a\n1\n")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # permissions don't bind root
    with pytest.raises(InputError, match=r"t\.csv: can't be opened: Permission denied"):
        read_table(path)


def test_damaged_gzip(tmp_path: Path) -> None:
    data = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(50_000)))
    with pytest.raises(InputError, match=r"t\.csv\.gz: the compressed data is cut off"):
        read_table(write(tmp_path / "t.csv.gz", data[: len(data) // 2]))
    with pytest.raises(InputError, match="gzip"):
        read_table(write(tmp_path / "t.csv.gz", b"a,b\n1,2\n"))


def test_parquet_keeps_types(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "i": np.arange(10) ** 2,
            "s": list("abcdefghij"),
            "t": pd.date_range("2024", periods=10, tz="UTC"),
        }
    )
    frame.set_index("i").to_parquet(tmp_path / "named.parquet")
    frame.iloc[::2].to_parquet(tmp_path / "unnamed.parquet")
    named = pd.concat(list(read_chunks(tmp_path / "named.parquet", rows=3)))
    pd.testing.assert_frame_equal(named[["i", "s", "t"]], frame, check_dtype=False)
    assert str(named["t"].dtype).endswith("UTC]")
    unnamed = read_table(tmp_path / "unnamed.parquet")
    assert unnamed.columns.tolist() == ["i", "s", "t"]  # and no "__index_level_0__"
    assert unnamed.index.tolist() == [0, 1, 2, 3, 4]


def test_damaged_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pd.DataFrame({"a": np.arange(10_000)}).to_parquet(path)
    data = path.read_bytes()
    for damaged in (b"", b"PAR1", data[:-50], b"\0" * 2000 + data[2000:]):
        with pytest.raises(InputError, match=r"t\.parquet: "):
            read_table(write(path, damaged))
    pd.DataFrame({"a": []}).to_parquet(path)
    with pytest.raises(InputError, match="no rows"):
        read_table(path)


def test_npz(tmp_path: Path) -> None:
    table = np.arange(12, dtype=np.float32).reshape(6, 2)
    np.savez_compressed(tmp_path / "t.npz", X=table)
    frame = pd.concat(list(read_chunks(tmp_path / "t.npz", rows=4)))
    assert frame.columns.tolist() == ["x0", "x1"]
    assert frame.index.tolist() == list(range(6))
    np.testing.assert_array_equal(frame.to_numpy(), table)


def test_npz_by_columns_or_in_parts_gives_the_same_records(tmp_path: Path) -> None:
    table = np.arange(3000.0).reshape(1000, 3)
    for number, kept in enumerate((table, np.asfortranarray(table), table[::-1][::-1])):
        np.savez(tmp_path / f"{number}.npz", X=kept)
        frames = list(read_chunks(tmp_path / f"{number}.npz", rows=300))
        assert [len(frame) for frame in frames] == [300, 300, 300, 100]
        np.testing.assert_array_equal(pd.concat(frames).to_numpy(), table)


def test_npz_that_says_it_is_enormous_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    for shape, order, said in (
        ((10**12, 4), False, "is cut off"),
        ((10**12, 4), True, "is cut off"),
        ((2, 10**12), False, "a record is larger than 1 GB"),
    ):
        header = io.BytesIO()
        about = {"descr": "<f8", "fortran_order": order, "shape": shape}
        np.lib.format.write_array_header_1_0(header, about)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("X.npy", header.getvalue() + bytes(64))
        with pytest.raises(InputError, match=said):
            list(read_chunks(path))


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_damaged_npz_is_refused_or_read(tmp_path: Path, kind: int) -> None:
    path, whole = tmp_path / "t.npz", io.BytesIO()
    np.save(whole, np.ones((4, 2)))
    unclosed = whole.getvalue().replace(b"(4, 2), }", b"(4, 2, {[")
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("X.npy", unclosed)
    with pytest.raises(InputError, match=r"can't be read as \.npz"):
        read_table(path)
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("X.npy", whole.getvalue())
    good = path.read_bytes()
    for at in range(len(good)):
        with contextlib.suppress(InputError):
            read_table(write(path, good[:at] + bytes([good[at] ^ 255]) + good[at + 1 :]))


def test_npz_that_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    np.savez(path, X=np.array([[{}]], dtype=object))
    with pytest.raises(InputError, match="X holds Python objects"):
        read_table(path)
    np.savez(path, X=np.zeros((2, 3, 3, 1, 1)))
    with pytest.raises(InputError, match=r"X has shape \(2, 3, 3, 1, 1\)"):
        read_table(path)
    np.savez(path, Y=np.zeros((2, 3)), Z=np.zeros((2, 3)))
    with pytest.raises(InputError, match="no array named X; it has: Y, Z"):
        read_table(path)
    with pytest.raises(InputError, match=r"isn't an \.npz archive"):
        read_table(write(path, path.read_bytes()[:100]))


@pytest.mark.parametrize("text", ['{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n', '[\n  {"a" : 1}\n]'])
def test_json_is_no_delimited_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    with pytest.raises(InputError, match=r"t\.csv: is JSON; end its name in \.jsonl or \.json"):
        read_table(write(tmp_path / "t.csv", text))
    as_stdin(monkeypatch, text.encode())
    with pytest.raises(InputError, match="stdin: is JSON"):
        read_table("-")
