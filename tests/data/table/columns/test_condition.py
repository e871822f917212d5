"""Columns to condition on: their levels, their slots, and what is said about odd ones."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from anomgan.data.encoders.table import UNEXPECTED_MISSING, TableEncoder
from anomgan.data.parse_report import ParseReport
from anomgan.data.spec import Spec
from anomgan.data.table.schema import Schema
from anomgan.errors import DataWarning, InputError

ROWS = 30
SIZES = np.random.default_rng(0).normal(size=ROWS)


def table(cells: object, **more: object) -> pd.DataFrame:
    """The cells to condition on, and a number to judge."""
    return pd.DataFrame({"machine": cells, "size": SIZES, **more})


def fit(cells: object, max_levels: int = 64) -> TableEncoder:
    return TableEncoder.fit(table(cells), conditions=["machine"], max_levels=max_levels)


def given(encoder: TableEncoder, cells: object) -> tuple[list[list[float]], ParseReport]:
    """The condition's entries of new cells, and the report."""
    new = pd.DataFrame({"machine": cells})
    encoded, report = encoder.transform(new.assign(size=0.5))
    assert np.isfinite(encoded).all()
    return encoded[:, encoder.spec.record_size :].tolist(), report


# --- layout ---------------------------------------------------------------------------------------


def test_conditions_come_last_and_are_not_among_the_judged_entries() -> None:
    frame = table(list("ab") * 15, mode=[1, 2, 3] * 10, kind=list("xyyyxy") * 5)
    encoder = TableEncoder.fit(frame, conditions=["mode", "machine"])
    spec = encoder.spec
    assert [(s.name, s.kind, s.width, s.column) for s in spec.spans] == [
        ("size", "numeric", 1, "size"),
        ("kind", "category", 3, "kind"),
        (UNEXPECTED_MISSING, "indicator", 1, UNEXPECTED_MISSING),
        ("mode", "condition", 3, "mode"),
        ("machine", "condition", 2, "machine"),
    ]
    assert (spec.record_size, spec.condition_size, spec.size) == (5, 5, 10)
    assert [column.name for column in encoder.schema.columns] == ["size", "kind"]
    assert encoder.schema.names_by_kind() == {"numeric": ["size"], "category": ["kind"]}
    encoded, report = encoder.transform(frame)
    assert encoded[:6, 5:].tolist() == [
        [1, 0, 0, 1, 0],
        [0, 1, 0, 0, 1],
        [0, 0, 1, 1, 0],
        [1, 0, 0, 0, 1],
        [0, 1, 0, 1, 0],
        [0, 0, 1, 0, 1],
    ]
    assert list(report.lines()) == []


def test_the_judged_entries_are_those_without_conditions() -> None:
    frame = table(list("ab") * 15)
    encoder = fit(frame["machine"])
    plain = TableEncoder.fit(frame[["size"]])
    judged = encoder.transform(frame)[0][:, : encoder.spec.record_size]
    np.testing.assert_array_equal(judged, plain.transform(frame[["size"]])[0])


def test_a_spec_without_conditions() -> None:
    assert (Spec((3, 4, 5)).record_size, Spec((3, 4, 5)).condition_size) == (60, 0)
    spec = Spec.of([("a", "numeric", 1, "a"), ("b", "category", 3, "b")])
    assert (spec.record_size, spec.condition_size) == (4, 0)


def test_a_spec_has_its_conditions_last() -> None:
    parts = [("a", "condition", 2, "a"), ("b", "condition", 1, "b")]
    assert Spec.of([("x", "numeric", 1, "x"), *parts]).record_size == 1
    with pytest.raises(ValueError, match="span 'x' follows a condition"):
        Spec.of([*parts, ("x", "numeric", 1, "x")])


# --- levels ---------------------------------------------------------------------------------------


def test_levels_without_a_slot_are_all_zeros_and_told() -> None:
    encoder = fit(["a"] * 15 + ["b"] * 9 + ["c"] * 4 + ["d"] * 2)
    entries, report = given(encoder, ["b", " a ", "c", "d", "new", "newer", None])
    assert entries == [[0, 1], [1, 0], *[[0, 0]] * 5]
    assert list(report.lines()) == [
        "column 'machine': 1 cell missing, few or none were in training; "
        "judged against all levels pooled",
        "column 'machine': 2 cells with a level that wasn't in training; "
        "judged against all levels pooled",
        "column 'machine': 2 cells with a level that was rare in training; "
        "judged against all levels pooled",
    ]
    assert report.unseen == {"machine": 2}
    assert report.pooled == {"machine": 5}


def test_what_is_missing_in_a_condition_is_no_surprise_to_be_judged() -> None:
    encoder = fit(list("ab") * 15)
    encoded, _ = encoder.transform(pd.DataFrame({"machine": [None], "size": [SIZES[0]]}))
    assert encoded[0, encoder.spec.record_size - 1] == 0


@pytest.mark.parametrize(("gaps", "slots"), [(5, 3), (4, 2)])
def test_missing_has_a_slot_if_it_is_frequent_enough(gaps: int, slots: int) -> None:
    encoder = fit(["a"] * 15 + ["b"] * (15 - gaps) + [None] * gaps)
    entries, report = given(encoder, [None, "b"])
    assert entries == [[0.0] * 2 + [1.0] * (slots - 2), [0.0, 1.0] + [0.0] * (slots - 2)]
    assert report.missing == {"machine": 1}
    assert report.pooled == ({} if slots == 3 else {"machine": 1})
    frame = table(["a"] * 15 + ["b"] * (15 - gaps) + [None] * gaps)
    assert bool(list(encoder.transform(frame)[1].lines())) == (slots == 2)


def test_the_most_frequent_levels_get_the_slots() -> None:
    encoder = fit(["c"] * 5 + ["b"] * 10 + ["a"] * 15, max_levels=2)
    assert encoder.schema.conditions[0].levels == ("a", "b")
    assert encoder.schema.conditions[0].rare == ("c",)
    entries, report = given(encoder, ["a", "b", "c"])
    assert entries == [[1, 0], [0, 1], [0, 0]]
    assert report.unseen == {}


@pytest.mark.parametrize(
    "cells",
    [
        [1, 2, 2] * 10,
        [1.0, 2.0, 2.0] * 10,
        ["1", "2", "2"] * 10,
        ["1.0", "2", "2.00"] * 10,
        pd.array([1, 2, 2] * 10, dtype="Int64"),
        pd.Categorical([1, 2, 2] * 10),
        pd.Categorical(["1", "2", "2"] * 10),
        pd.Series([1, 2.0, "2"] * 10, dtype=object),
    ],
    ids=["int", "float", "text", "pointed", "nullable", "codes", "categories", "objects"],
)
def test_whole_numbers_are_the_same_level_in_every_dtype(cells: object) -> None:
    encoder = fit(cells)
    expected = [[0, 1], [1, 0]]
    assert given(encoder, [1, 2])[0] == expected
    assert given(encoder, [1, 2, None])[0] == [*expected, [0, 0]]
    assert given(encoder, ["1", "2.0"])[0] == expected
    assert given(encoder, pd.array([1, 2], dtype="Int64"))[0] == expected


def test_levels_that_only_look_alike_stay_apart() -> None:
    encoder = fit(["1", "01", "1.5", "1.50", "+1", "v1.0"] * 5)
    entries, report = given(encoder, ["1", "01", "1.5", "1.50", "+1", "v1.0"])
    assert np.array_equal(np.sum(entries, axis=0), [1] * 6)
    assert report.unseen == {}
    assert given(encoder, [1.5])[0] == given(encoder, ["1.5"])[0]


@pytest.mark.parametrize(
    "cells", [[True, False, False], ["true", "false", "FALSE"], [True, None, False]]
)
def test_truth_values(cells: list[object]) -> None:
    encoder = fit(pd.Series(cells * 10, dtype=object))
    names = encoder.schema.conditions[0].levels
    for new in ([True, False], ["TRUE", "false"]):
        entries, report = given(encoder, new)
        assert [names[np.argmax(row)] for row in entries] == ["True", "False"]
        assert report.unseen == {}


# --- what can't be a condition --------------------------------------------------------------------


def test_a_condition_is_kept_whatever_it_looks_like() -> None:
    numbers = np.repeat(np.arange(6), 5)
    encoder = TableEncoder.fit(
        pd.DataFrame({"batch": numbers, "size": SIZES, "mode": numbers % 2 == 0}),
        conditions=["batch", "mode", "batch"],
    )
    assert [column.name for column in encoder.schema.conditions] == ["batch", "mode"]
    assert encoder.schema.dropped == ()


def test_a_condition_that_is_not_there() -> None:
    with pytest.raises(InputError) as caught:
        TableEncoder.fit(table(list("ab") * 15), conditions=["Machine"], source="a.csv")
    assert str(caught.value) == (
        "a.csv: no column 'Machine' to condition on; choose one of: 'machine', 'size'"
    )


@pytest.mark.parametrize(
    "cells",
    [
        [f"part {i}" for i in range(ROWS)],
        SIZES,
        np.arange(ROWS),
        [None] * ROWS,
        ["a", "b", "c"] * 2 + list(range(ROWS - 6)),
    ],
    ids=["text", "floats", "running", "empty", "few"],
)
def test_levels_that_do_not_repeat(cells: object) -> None:
    message = (
        "the table: column 'machine' can't be a condition: no level has at least 5 rows; "
        "bin it or choose another column"
    )
    with pytest.raises(InputError, match=re.escape(message)):
        fit(cells)


@pytest.mark.parametrize(
    "cells",
    [
        pd.date_range("2024-01-01", periods=ROWS),
        ["2024-01-01", "2024-01-02"] * 15,
        pd.Categorical(pd.to_datetime(["2024-01-01", "2024-01-02"] * 15)),
    ],
    ids=["dtype", "text", "category"],
)
def test_dates_are_to_be_binned(cells: object) -> None:
    with pytest.raises(InputError, match="'machine' can't be a condition: it holds dates or times"):
        fit(cells)


@pytest.mark.parametrize("cells", [["a"] * ROWS, ["a"] * (ROWS - 3) + ["b", "b", None]])
def test_one_level_conditions_on_nothing(cells: object) -> None:
    with pytest.warns(DataWarning, match="'machine' conditions on nothing: 'a' is its only level"):
        encoder = fit(cells)
    assert given(encoder, ["a"])[0] == [[1]]


def test_a_table_of_conditions_has_nothing_to_judge() -> None:
    frame = table(list("ab") * 15).assign(size=1)
    with pytest.raises(InputError, match=r"left out: 'size' \(constant 1.0\), 'machine' \(cond"):
        TableEncoder.fit(frame, conditions=["machine"])
    with pytest.raises(InputError, match=r"left out: 'machine' \(condition\)"):
        TableEncoder.fit(frame[["machine"]], conditions=["machine"])


def test_later_tables_need_the_condition() -> None:
    encoder = fit(list("ab") * 15)
    message = "new.csv: no column 'machine'; the model expects 2 columns: 'size', 'machine'"
    with pytest.raises(InputError, match=re.escape(message)):
        encoder.transform(pd.DataFrame({"size": SIZES}), source="new.csv")
    encoder.transform(table(list("ab") * 15)[["size", "machine"]])  # known, so no warning


# --- there and back -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cells",
    [
        pd.Series(["b", "a", "a"] * 10, dtype="str"),
        pd.Series([7, 8, 8] * 10),
        pd.Series([7, 8, 8] * 10, dtype="uint8"),
        pd.Series([0.5, 8, 8] * 10),
        pd.Series([7, 8, 8] * 10, dtype="int64[pyarrow]"),
        pd.Series([True, False, False] * 10),
        pd.Series([True, False, None] * 10, dtype="boolean"),
        pd.Series(["b", "a", None] * 10, dtype="str"),
        pd.Series([7, 8, np.nan] * 10),
    ],
    ids=lambda cells: f"{cells.dtype}{' with gaps' if cells.hasnans else ''}",
)
def test_decode_undoes_transform(cells: pd.Series) -> None:
    frame = table(cells)
    encoder = fit(cells)
    decoded = encoder.decode(encoder.transform(frame)[0])
    pd.testing.assert_frame_equal(decoded[["machine", "size"]], frame)


def test_categories_come_back() -> None:
    cells = pd.Series(pd.Categorical([1, 2, 2, 3, 3, 3] * 5))
    encoder = fit(cells, max_levels=2)
    decoded = encoder.decode(encoder.transform(table(cells))[0])["machine"]
    assert decoded.cat.categories.dtype == np.int64
    assert decoded.isna().equals(cells == 1)  # without a slot: no condition is known
    assert decoded[cells != 1].astype("int64").equals(cells[cells != 1].astype("int64"))


def test_generated_entries_become_the_likeliest_level() -> None:
    encoder = fit(list("aab") * 10)
    decoded = encoder.decode(np.array([[0, 0, 0.3, 0.7], [0, 0, 0.6, 0.4], [0, 0, 0.0, 0.0]]))
    assert decoded["machine"].tolist()[:2] == ["b", "a"]
    assert pd.isna(decoded["machine"].iloc[2])


def test_json_gives_the_same_arrays() -> None:
    frame = table(["a"] * 12 + ["b"] * 10 + ["c"] * 2 + [None] * 6)
    encoder = TableEncoder.fit(frame, conditions=["machine"])
    again = TableEncoder.from_json(json.loads(json.dumps(encoder.to_json(), allow_nan=False)))
    assert again == encoder
    np.testing.assert_array_equal(again.transform(frame)[0], encoder.transform(frame)[0])


def test_columns_in_the_wrong_place_are_refused() -> None:
    state = fit(list("ab") * 15).to_json()
    for columns, conditions in [
        (state["columns"] + state["conditions"], []),
        ([], state["columns"]),
    ]:
        with pytest.raises(ValueError, match="mixed up"):
            Schema.from_json({"columns": columns, "dropped": [], "conditions": conditions})


def test_chunks_and_order_change_nothing() -> None:
    frame = table(["a"] * 12 + ["b"] * 10 + ["c"] * 2 + [None] * 6)
    encoder = fit(frame["machine"])
    new = pd.DataFrame({"size": 0.5, "machine": ["a", "c", None, "d", "b", "d"]})
    whole, report = encoder.transform(new)
    parts = [encoder.transform(new.iloc[i : i + 2], first_row=i) for i in (0, 2, 4)]
    np.testing.assert_array_equal(np.vstack([encoded for encoded, _ in parts]), whole)
    assert sum((part for _, part in parts), ParseReport()) == report
    assert report.pooled == {"machine": 3}
