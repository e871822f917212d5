"""Separators, headers and what stands above records: read where it is clear, and said."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from anomgan.data.readers.files import read_chunks, read_table
from anomgan.data.readers.layout import LAYOUT, describe_layout
from anomgan.data.readers.options import ReadOptions
from anomgan.errors import DataWarning, InputError

DAYS = [f"2025-02-{day:02} 07:30,{day + 0.5},{90 - day},{'AB'[day % 2]}" for day in range(1, 9)]
NAMES = "when,heat,flow,pump"


def table(*lines: str, body: list[str] = DAYS) -> str:
    return "".join(f"{line}\n" for line in (*lines, *body))


def read(path: Path, text: str | bytes, **options: Any) -> tuple[Any, str]:
    """The table of a file with this text, and the warnings in one text."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = read_table(path, **options)
    return frame, "\n".join(str(each.message) for each in caught)


@pytest.mark.parametrize(
    ("text", "said", "header"),
    [
        (table(NAMES), "", 1),
        (table("sep=,", NAMES), "", 2),
        ("sep=;\r\n" + table(NAMES).replace(",", ";").replace("\n", "\r\n"), "", 2),
        (
            table("# pump house", "", "// metric", NAMES),
            "2 comments are left out above the records, from line 1",
            4,
        ),
        (table("#when,heat,flow,pump"), "line 1, '#when,heat,flow,pump', is taken as the he", 1),
        (table("# house 4", f"# {NAMES}"), "line 2, '# when,heat,flow,pump', is taken", 2),
        (table("Report 12", "", NAMES), "line 3 is taken as the header", 3),
        (table("Report 12,,,", "made,2025-03-01,,", ",,,", NAMES), "line 4 is taken as the h", 4),
        (table(NAMES, ",°C,l/min,"), "as units or descriptions: line 2, '°C, l/min'", 1),
        (
            table(NAMES, "[-],[C],[m3/h],[-]", "a,b,c,d"),
            "as units or descriptions: lines 2 to 3",
            1,
        ),
        (
            table('"TOA5","CR6","1","CPU:x"', NAMES, "TS,Deg C,l,", ",Avg,Avg,Smp"),
            "TOA5: line 2 is the header",
            2,
        ),
        (table(NAMES, body=[f"{row}," for row in DAYS]), "", 1),
        (table(NAMES, body=[f"{row},,," for row in DAYS]), "", 1),
        (table(f"{NAMES},,", body=DAYS), "", 1),
        (table(NAMES, body=[f'"{at}",{row}' for at, row in enumerate(DAYS)]), "as R writes it", 1),
    ],
)
def test_tables_below_all_kinds_of_heads(tmp_path: Path, text: str, said: str, header: int) -> None:
    frame, warned = read(tmp_path / "t.csv", text)
    assert list(frame) == ["when", "heat", "flow", "pump"]
    assert frame["heat"].tolist() == [f"{day + 0.5}" for day in range(1, 9)]
    assert frame["pump"].tolist() == list("BABABABA")
    assert said in warned
    assert bool(said) == bool(warned)
    assert frame.attrs[LAYOUT]["header"] == header


@pytest.mark.parametrize("mark", [",", ";", "\t", "|", " "])
def test_files_without_a_header(tmp_path: Path, mark: str) -> None:
    rows = [f"{i * 0.7:.2f}{mark}{'AB'[i % 2]}{mark}{(i * 37) % 11}" for i in range(6)]
    frame, warned = read(tmp_path / "t.txt", "\n".join(rows))
    assert list(frame) == ["x0", "x1", "x2"]
    assert len(frame) == 6
    assert "has no header: line 1, '0.00, A, 0', holds values as those below" in warned
    assert "--header 1" in warned
    assert read(tmp_path / "t.txt", "\n".join(rows), header=False)[1] == ""
    frame, _ = read(tmp_path / "t.txt", "\n".join(rows), header=1)
    assert list(frame) == ["0.00", "A", "0"]
    assert len(frame) == 5


@pytest.mark.parametrize(
    "text",
    [
        "2019,2020,2021\n5,3,8\n1,9,4\n7,7,2\n3,4,4\n",
        "land,1990,2000,2015\nA,5,3,8\nB,1,9,4\nA,7,7,2\nB,3,4,4\n",
        "0,1,2,3\n.5,3,8,1\n1,9,4,2\n7,7,2,5\n3,4,4,4\n",
        "probe,1210.5,1375.2,1502.7,1610\na,5,3,8,1\nb,1,9,4,3\nc,7,7,2,6\nd,3,4,4,4\n",
    ],
)
def test_numbers_that_are_names(tmp_path: Path, text: str) -> None:
    frame, warned = read(tmp_path / "t.csv", text)
    assert len(frame) == 4
    assert "was taken as the header, since its numbers follow each other as in no other" in warned


def test_rows_that_rise_are_no_headers(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i + 1},{i + 2},{i + 3}\n" for i in (1, 5, 3, 8, 2))
    frame, _ = read(tmp_path / "t.csv", rows)
    assert len(frame) == 5


def test_letters_alone_may_be_records(tmp_path: Path) -> None:
    rows = ["p,x,s", "e,x,s", "p,b,y", "e,b,s", "p,x,y", "e,x,s", "p,b,s"]
    frame, warned = read(tmp_path / "t.data", "\n".join(rows))
    assert len(frame) == 7
    assert "is made of cells that come again" in warned
    frame, warned = read(tmp_path / "t.data", "\n".join(["kind,cap,gill", *rows]))
    assert list(frame) == ["kind", "cap", "gill"]
    assert not warned


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("Zeit;Weg, m;Druck, bar\n1;2,5;1,25\n2;3,5;1,5\n", 3, "semicolon, although comma fits"),
        ("a;b, max;c\n1;2;1\n2;3;4\n", 3, "so that 'b, max' is one field, with comma in it"),
        ('a,"b;c",d\n1,2,3\n4,5,6\n', 3, ""),
        ("id,tags\n1,red;round\n2,blue;flat\n", 2, ""),
        ("a\tb c, d\n1\t2\n3\t4\n", 2, "'b c, d' is one field"),
        ("Weg\n2,5\n3,75\n1,25\n", 1, "has one column, 'Weg', with commas in its numbers"),
        ("  heat   flow\n  1.5    3\n 12.5   -4\n", 2, ""),
        ('"heat" "flow"\n"1" 1.5 3\n"2" 12.5 -4\n', 2, "as R writes it"),
        ("day\n2025-02-01 07:30\n2025-02-02 07:30\n2025-02-03 07:30\n", 1, ""),
        ("note\nall is well\nit is over\nso it goes\n", 1, ""),
    ],
)
def test_separators_by_evidence(tmp_path: Path, text: str, columns: int, said: str) -> None:
    frame, warned = read(tmp_path / "t.csv", text)
    assert frame.shape[1] == columns
    assert frame.notna().all(axis=None)
    assert said in warned
    assert bool(said) == bool(warned)


@pytest.mark.parametrize(
    ("separator", "text"),
    [("semicolon", "a;b,c\n1;2,3\n"), (";", "a;b,c\n1;2,3\n"), ("space", "a b,c\n1   2,3\n")],
)
def test_a_separator_by_hand(tmp_path: Path, separator: str, text: str) -> None:
    frame, _ = read(tmp_path / "t.csv", text, separator=separator)
    assert frame.to_dict("list") == {"a": ["1"], "b,c": ["2,3"]}
    assert frame.attrs[LAYOUT]["given_separator"]
    for wrong in (";;", "x", "\n", "é", ""):
        with pytest.raises(InputError, match="give one character, or one of: comma"):
            read_table(tmp_path / "t.csv", separator=wrong)


def test_a_separator_that_separates_nothing_is_doubted(tmp_path: Path) -> None:
    frame, warned = read(tmp_path / "t.csv", table(NAMES), separator=";")
    assert frame.shape == (8, 1)
    assert "semicolon, the separator given, makes one column of all; --separator comma" in warned
    assert not read(tmp_path / "t.csv", "a\n1\n2\n", separator=";")[1]


def test_a_header_by_hand(tmp_path: Path) -> None:
    frame, _ = read(tmp_path / "t.csv", "a,b\nc,d\ne,f\n1,2\n", header=2)
    assert list(frame) == ["c", "d"]
    assert len(frame) == 2
    with pytest.raises(InputError, match="--header 9: there is no such line"):
        read_table(tmp_path / "t.csv", header=9)


def test_doubled_names_get_a_suffix(tmp_path: Path) -> None:
    frame, warned = read(tmp_path / "t.csv", "a,a.1, a ,a,b\n1,2,3,4,5\n")
    assert list(frame) == ["a", "a.1", "a.2", "a.3", "b"]
    assert "get a suffix: 'a' → 'a.2', 'a' → 'a.3'" in warned


def test_headers_among_the_records_are_left_out(tmp_path: Path) -> None:
    body = [*DAYS[:3], NAMES, *DAYS[3:], NAMES, "when,1,2,A"]
    frame, warned = read(tmp_path / "t.csv", table(NAMES, body=body))
    assert frame["heat"].tolist()[-2:] == ["8.5", "1"]
    assert len(frame) == 9
    assert "the header comes again 2 times" in warned


def test_sums_below_a_table_are_pointed_out(tmp_path: Path) -> None:
    frame, warned = read(tmp_path / "t.csv", table(NAMES, body=[*DAYS, "Total:,99,7,", "max,9,8,"]))
    assert len(frame) == 10
    assert "a record at the end begins with 'Total:'; delete it if" in warned


def test_trailing_separators_hide_nothing(tmp_path: Path) -> None:
    body = ["1,2,"] * 300_000 + ["3,4,late"]
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "\n".join(body))
    with pytest.raises(InputError, match="data record 300001 has text behind the last column"):
        read_table(path)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("a,b\n1,2\n3,4\n5,x,y\n6,7\n8,9\n", r"line 4 .* quote the field that holds a separator"),
        ("a,b\n1,2\n3,4\n5,6,\n6,7\n8,9\n", r"line 4 .* delete the separators at its end"),
        ("a,b\n1,2\n3,4\n5,6\nend of file\n", r"line 5 .* complete the record, or delete the li"),
        ("a,b\n1,5,2,5\n2,5,3,5\n1,5,2,5\n", r"line 2 .* if commas stand within numbers"),
        ("a,b\n1,2,x,y\n1,5,u,v\n1,4,y,y\n1,3,x,x\n", r"line 2 .* if commas stand|name all col"),
        ("a,b,c\n1,2,x,y,z\n1,2,u,v,z\n1,3,x,x,z\n", r"most lines have as many, .*name all col"),
        ("Report\n1,2,0\n1,5,3\n3,3,1\n", r"line 2 has 3 fields, the header has 1; .*--no-header"),
    ],
)
def test_advice_fits_the_fault(tmp_path: Path, text: str, advice: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=advice):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "make",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
    ],
)
def test_encodings_and_line_ends_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Any
) -> None:
    text = make(table("Meldung für Juni", "", NAMES, ",°C,l/min,"))
    frame, warned = read(tmp_path / "t.csv", text)
    assert list(frame) == ["when", "heat", "flow", "pump"]
    assert len(frame) == 8
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    with pytest.warns(DataWarning) as caught:
        from_stdin = read_table("-")
    assert from_stdin.equals(frame)
    said = [str(each.message).partition(": ")[2] for each in caught]
    assert said == [line.partition(": ")[2] for line in warned.splitlines()]


def test_one_record_and_no_record(tmp_path: Path) -> None:
    frame, warned = read(tmp_path / "t.csv", table(NAMES, body=DAYS[:1]))
    assert len(frame) == 1
    assert not warned
    with pytest.raises(InputError, match="has a header but no rows"):
        read(tmp_path / "t.csv", NAMES)


def test_a_sheet_has_titles_and_units_too(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["Boiler 3"],
        [],
        ["heat", "flow", "pump"],
        ["°C", "l/min"],
        *([i * 1.5, 90 - i, "AB"[i % 2]] for i in range(5)),
    ):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    with pytest.warns(DataWarning) as caught:
        frame = read_table(tmp_path / "t.xlsx")
    assert len(caught) == 2
    assert "line 3 is taken as the header" in str(caught[0].message)
    assert list(frame) == ["heat", "flow", "pump"]
    assert len(frame) == 5
    assert describe_layout(frame.attrs[LAYOUT]) == "header in line 3, left out: lines 1, 4"


def test_files_of_a_folder_follow_the_first(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("5,3\n1,9\n7,2\n4,4\n")
    (tmp_path / "2.csv").write_text("8,1\n")
    with pytest.warns(DataWarning, match="has no header") as caught:
        frame = read_table(tmp_path)
    assert len(caught) == 1
    assert len(frame) == 5


def test_a_model_knows_its_columns_and_its_layout(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("made by hand,x\n#b,a\n1,2\n")
    options = ReadOptions().follow({"header": 1, "given_separator": ""}, ["a", "#b"])
    assert next(read_chunks(path, options)).to_dict("list") == {"#b": ["1"], "a": ["2"]}
    path.write_text("1;2\n")
    options = ReadOptions().follow({"header": None, "given_separator": ";"}, ["x0", "x1"])
    assert next(read_chunks(path, options)).to_dict("list") == {"x0": ["1"], "x1": ["2"]}
    path.write_text("x1;x0\n1;2\n")
    assert next(read_chunks(path, options)).to_dict("list") == {"x1": ["1"], "x0": ["2"]}
    path.write_text("a;b\n1;2\n3;4\n5;6\n7;8\n")
    with pytest.warns(DataWarning, match="line 1 looks like a header, 'a, b', and is read as a re"):
        assert len(next(read_chunks(path, options))) == 5


def test_formulas_without_results_are_said(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["heat", "double"], [1.5, "=2*A2"], [2.5, "=2*A3"], [3.5, 7]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    with pytest.warns(DataWarning, match="2 formulas have no stored result, .* from B2 on"):
        frame = read_table(tmp_path / "t.xlsx")
    assert frame["double"].isna().tolist() == [True, True, False]
