"""What a column is taken for, what is left out, and what a later table must have."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.data.table.columns.datetimes import DatetimeColumn
from anomgan.data.table.columns.numeric import NumericColumn
from anomgan.data.table.robust_scaling import robust_scale
from anomgan.data.table.schema import Schema
from anomgan.errors import DataWarning, InputError

RNG = np.random.default_rng(0)
ROWS = 40


def infer(**columns: object) -> Schema:
    return Schema.infer(pd.DataFrame(columns))


def kind(cells: object) -> str:
    (column,) = infer(a=cells).columns
    return column.kind


def mixed(*cells: object) -> pd.Series:
    """The cells again and again, in an order that isn't sorted, as Python objects."""
    return pd.Series([cells[i] for i in RNG.integers(0, len(cells), ROWS)], dtype=object)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (RNG.normal(size=ROWS), "numeric"),
        (RNG.normal(size=ROWS).astype(np.float32), "numeric"),
        (RNG.integers(0, 9, ROWS).astype(np.uint8), "numeric"),
        (RNG.integers(0, 2, ROWS), "numeric"),
        (RNG.random(ROWS) > 0.5, "boolean"),
        (pd.array(RNG.integers(0, 9, ROWS), dtype="Int64"), "numeric"),
        (pd.array(RNG.random(ROWS) > 0.5, dtype="boolean"), "boolean"),
        (pd.Series(RNG.normal(size=ROWS), dtype="float64[pyarrow]"), "numeric"),
        (pd.Series(RNG.random(ROWS) > 0.5, dtype="bool[pyarrow]"), "boolean"),
        (mixed("a", "b").astype("string[pyarrow]"), "category"),
        (mixed("a", "b").astype("category"), "category"),
        (mixed("1", "2").astype("category"), "category"),
        (mixed(1, 2).astype("category"), "category"),
        (mixed(True, False).astype("category"), "boolean"),
        pytest.param(
            mixed("a", 1, 2.5, None),
            "category",
            marks=pytest.mark.filterwarnings("ignore:.* was taken for a category"),
        ),
        (mixed(1, 2, None), "numeric"),
        (mixed(1.5, 2, np.nan), "numeric"),
        (mixed(True, False, None), "boolean"),
        (mixed(b"x", b"y"), "category"),
        (mixed(pd.Timestamp("2024-01-01"), pd.Timestamp("2024-03-01")), "datetime"),
        (mixed(pd.Timestamp("2024-01-01").date(), pd.Timestamp("2024-03-02").date()), "datetime"),
        (mixed(pd.Timestamp("2024-01-01", tz="Asia/Tokyo"), None), "datetime"),
        (mixed(pd.Timedelta("1h"), pd.Timedelta("2h")), "numeric"),
        (pd.to_timedelta(RNG.integers(0, 99, ROWS), unit="s"), "numeric"),
        (mixed("1", " 2.5 ", "-3e4", "+.5"), "numeric"),
        (mixed("0", "1"), "numeric"),
        (mixed("true", "False", "TRUE"), "boolean"),
        (mixed("Yes", "no"), "boolean"),
        (mixed("t", "F"), "boolean"),
        (mixed("y", "n", None), "boolean"),
        (mixed("y", "t"), "category"),
        (mixed("2024-01-01", "2024-05-01"), "datetime"),
        (mixed("2024-01-01T10:00:00+02:00", "2024-05-01 10:00"), "datetime"),
        (mixed("13/02/2024", "03/02/2024"), "datetime"),
        (mixed("red", "green"), "category"),
        (pd.arrays.SparseArray(RNG.integers(0, 2, ROWS) * 1.5), "numeric"),
    ],
)
def test_kinds(cells: object, expected: str) -> None:
    assert kind(cells) == expected


@pytest.mark.filterwarnings("ignore:.* was taken for a category")
@pytest.mark.parametrize(("bad", "expected"), [(10, "numeric"), (11, "category")])
def test_text_is_numeric_if_90_percent_of_its_filled_cells_are(bad: int, expected: str) -> None:
    cells = [f"{i % 7}" for i in range(100 - bad)] + ["x"] * bad + [None] * 50
    assert kind(cells) == expected


def test_useless_columns_are_left_out_with_one_warning() -> None:
    with pytest.warns(DataWarning) as caught:
        schema = infer(
            keep=RNG.normal(size=ROWS),
            five=[5] * ROWS,
            word=["x"] * ROWS,
            nothing=[None] * ROWS,
            code=[f"u{i}" for i in range(ROWS)],
            line=np.arange(3, 3 + ROWS),
            back=np.arange(ROWS)[::-1],
            text_line=[str(i) for i in range(ROWS)],
        )
    assert len(caught) == 1
    message = str(caught[0].message)
    assert [column.name for column in schema.columns] == ["keep"]
    reasons = {column.name: (column.reason, column.value) for column in schema.dropped}
    assert reasons == {
        "five": ("constant", 5.0),
        "word": ("constant", "x"),
        "nothing": ("empty", None),
        "code": ("text that differs in every row", None),
        "line": ("running number", None),
        "back": ("running number", None),
        "text_line": ("running number", None),
    }
    assert all(repr(name) in message for name in reasons)
    assert len(schema.notes()) == len(reasons)


@pytest.mark.parametrize(
    "cells",
    [
        [f"u{i}" for i in range(19)],  # too few rows to tell
        list(range(19)),
        RNG.permutation(ROWS) + 2,  # all distinct, but no index
        RNG.permutation(np.arange(ROWS) / 2),
        np.append(np.arange(ROWS), 0),  # begins anew
        np.sort(RNG.normal(size=29)),  # too few rows to tell
        np.repeat(np.arange(8), 5),  # blocks of a sorted table
        [1, None] * 20,  # says something by its gaps
    ],
)
def test_columns_that_only_look_useless(cells: object) -> None:
    assert len(infer(a=cells).columns) == 1


def test_no_column_to_learn_from() -> None:
    with pytest.raises(InputError, match=r"no column to learn from.*'a' \(constant 1\.0\)"):
        infer(a=[1] * 9, b=[None] * 9)


def test_cells_that_hold_no_single_value() -> None:
    with pytest.raises(InputError, match="column 'tags', row 1: the cell holds a list"):
        infer(tags=["a", ["b"], "c"])
    with pytest.raises(InputError, match="column 'x', row 0: the cell holds a dict"):
        infer(x=[{}, {}, {}])
    nested = pd.Series([["a"], ["b"]]).astype(pd.ArrowDtype(pa.list_(pa.string())))
    with pytest.raises(InputError, match="column 'tags', row 0: the cell holds a"):
        infer(tags=nested)
    with pytest.raises(InputError, match="column 'z' holds complex numbers"):
        infer(z=[1j, 2j])


def test_duplicate_names() -> None:
    with pytest.raises(InputError, match="more than one column is named '1'"):
        Schema.infer(pd.DataFrame([[1, 2], [3, 4]], columns=[1, "1"]))


@pytest.mark.parametrize(
    ("values", "center", "scale"),
    [
        ([0, 1, 2, 3, 4], 2, 2 / 1.349),
        ([0] * 8 + [5, 5], 0, 5 / 3.290),  # no interquartile range
        ([0] * 97 + [1, 1, 1], 0, 1 / 4.653),
        ([0] * 999 + [1], 0, np.sqrt(0.001 * 0.999)),
        ([7, 7, 7], 7, 1),
        ([2.0**60, 2.0**60 + 4096], 2.0**60 + 2048, 2048 / 1.349),
    ],
)
def test_robust_scale(values: list[float], center: float, scale: float) -> None:
    assert robust_scale(np.array(values, dtype=float)) == pytest.approx((center, scale))


@pytest.mark.parametrize("values", [[-1.7e308, 0, 1.7e308], [5e-324, 0, 1e-323], [1e308] * 5])
def test_robust_scale_is_finite_and_positive(values: list[float]) -> None:
    center, scale = robust_scale(np.array(values))
    assert np.isfinite(center)
    assert 0 < scale < np.inf


def test_frequent_levels_come_first_and_the_rest_is_rare() -> None:
    cells = ["c"] * 5 + ["a"] * 9 + ["b"] * 5 + ["d"] * 2 + [None]
    (column,) = Schema.infer(pd.DataFrame({"x": cells}), max_levels=2).columns
    assert isinstance(column, CategoryColumn)
    assert (column.levels, column.rare) == (("a", "b"), ("c", "d"))
    assert column.slots == ["a", "b", "(other)", "(missing)", "(unseen)"]


@pytest.mark.parametrize(
    ("repeats", "is_open", "last"), [(1, True, "(other)"), (2, False, "(unseen)")]
)
def test_new_levels_are_expected_where_many_occur_once(
    repeats: int, is_open: bool, last: str
) -> None:
    cells = ["a"] * 50 + ["b"] * 40 + [f"r{i // repeats}" for i in range(10)]
    (column,) = Schema.infer(pd.DataFrame({"x": cells}), max_levels=2).columns
    assert isinstance(column, CategoryColumn)
    assert column.open == is_open
    assert column.slots[-1] == last


def test_a_clock_that_runs_with_the_file_has_no_elapsed_time() -> None:
    times = pd.date_range("2024-01-01", periods=ROWS, freq="5h")
    log = infer(at=times)
    shuffled = infer(at=RNG.permutation(times))
    (running,), (free,) = log.columns, shuffled.columns
    assert isinstance(running, DatetimeColumn)
    assert isinstance(free, DatetimeColumn)
    assert not running.elapsed
    assert free.elapsed
    assert "runs with the file" in log.notes()[0]
    assert "time elapsed" not in shuffled.notes()[0].partition("not learnt")[2]


def test_a_time_that_training_went_through_once_is_nothing_to_learn_from() -> None:
    with pytest.raises(InputError, match=r"no column to learn from; left out: 'at' \(time of"):
        infer(at=pd.date_range("2024-01-01", periods=ROWS, freq="1min"))


def test_columns_by_name_and_kind() -> None:
    schema = infer(a=[1.5, 2, 3], b=["x", "y", "x"], c=[3, 9, 4])
    assert isinstance(schema["a"], NumericColumn)
    assert schema.names_by_kind() == {"numeric": ["a", "c"], "category": ["b"]}
    with pytest.raises(KeyError):
        schema["z"]


def test_a_later_table_may_have_its_columns_anywhere() -> None:
    schema = infer(a=[1.5, 2, 3], b=["x", "y", "x"])
    frame = pd.DataFrame({"new": [1], "b": ["x"], "a": [1]})
    with pytest.warns(DataWarning, match="doesn't know are ignored: 'new'") as caught:
        assert schema.locate(frame) == {"b": 1, "a": 2}
    assert len(caught) == 1
    assert schema.locate(frame, warn=False) == {"b": 1, "a": 2}


def test_a_later_table_must_have_all_columns() -> None:
    schema = infer(a=[1.5, 2, 3], b=["x", "y", "x"])
    with pytest.raises(InputError, match=r"new\.csv: no column 'b'; the model expects 2 columns"):
        schema.locate(pd.DataFrame({"a": [1]}), source="new.csv")
    with pytest.raises(InputError, match="more than one column is named 'a'"):
        schema.locate(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_json_keeps_everything() -> None:
    with pytest.warns(DataWarning, match="left out"):
        schema = infer(
            number=RNG.normal(size=ROWS) * 1e300,
            truth=mixed("Yes", "No"),
            word=mixed("x", "ü", None),
            at=RNG.permutation(pd.date_range("2020", periods=ROWS, freq="17D")),
            ended=RNG.permutation(pd.date_range("2020", periods=ROWS, freq="17D")),
            same=["1"] * ROWS,
        )
    text = json.dumps(schema.to_json(), allow_nan=False)
    assert Schema.from_json(json.loads(text)) == schema
