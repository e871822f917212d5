"""Tables to arrays and back, and what is said about odd cells."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from anomgan.data.encoders.table import UNEXPECTED_MISSING, TableEncoder
from anomgan.data.parse_report import ParseReport
from anomgan.data.spec import Span
from anomgan.errors import DataWarning, InputError

RNG = np.random.default_rng(0)
ROWS = 60


def entries(encoder: TableEncoder, encoded: np.ndarray, name: str) -> np.ndarray:
    span: Span = next(span for span in encoder.spec.spans if span.name == name)
    block = encoded[:, span.slice]
    return block[:, 0] if span.width == 1 else block


def encode(encoder: TableEncoder, **columns: object) -> np.ndarray:
    return encoder.transform(pd.DataFrame(columns))[0]


def messy() -> pd.DataFrame:
    """A table of every kind of column, with gaps."""
    frame = pd.DataFrame(
        {
            "float": RNG.normal(5, 2, ROWS),
            "float32": RNG.normal(size=ROWS).astype(np.float32),
            "gaps": np.where(RNG.random(ROWS) < 0.2, np.nan, RNG.normal(size=ROWS)),
            "int": RNG.integers(-50, 50, ROWS),
            "uint8": RNG.integers(0, 255, ROWS).astype(np.uint8),
            "Int64": pd.array(RNG.integers(0, 9, ROWS), dtype="Int64"),
            "arrow": pd.Series(RNG.normal(size=ROWS), dtype="float64[pyarrow]"),
            "bool": RNG.random(ROWS) > 0.3,
            "boolean": pd.array(RNG.random(ROWS) > 0.5, dtype="boolean"),
            "word": RNG.choice(["No", "yes"], ROWS),
            "category": pd.Categorical(RNG.choice(list("abc"), ROWS)),
            "codes": pd.Categorical(RNG.choice([1, 2, 3], ROWS)),
            "text": RNG.choice(["red", "green"], ROWS),
            "naive": RNG.permutation(pd.date_range("2024-01-01", periods=ROWS, freq="7h")),
            "zoned": pd.DatetimeIndex(
                RNG.permutation(pd.date_range("2024-01-01", periods=ROWS, freq="5h"))
            ).tz_localize("Asia/Tokyo"),
            "delta": pd.to_timedelta(RNG.integers(0, 9999, ROWS), unit="s"),
        }
    )
    frame.loc[3, "Int64"] = pd.NA
    frame.loc[5, ["boolean", "text", "category", "zoned"]] = None
    return frame


def test_decode_undoes_transform() -> None:
    frame = messy()
    encoder = TableEncoder.fit(frame)
    encoded, report = encoder.transform(frame)
    decoded = encoder.decode(encoded)
    pd.testing.assert_frame_equal(
        decoded.drop(columns=["naive", "zoned", "codes", "category"]),
        frame.drop(columns=["naive", "zoned", "codes", "category"]),
        rtol=1e-6,
    )
    for name in ("naive", "zoned"):
        assert decoded[name].dtype.kind == "M"
        assert decoded[name].dt.tz == frame[name].dt.tz
        assert ((decoded[name] - frame[name]).abs().dropna() < pd.Timedelta("1ms")).all()
        assert decoded[name].isna().equals(frame[name].isna())
    for name in ("codes", "category"):
        assert decoded[name].astype(object).equals(frame[name].astype(object))
    assert list(report.lines()) == []
    assert report.missing == {
        "gaps": int(frame["gaps"].isna().sum()),
        **dict.fromkeys(["Int64", "boolean", "category", "text", "zoned"], 1),
    }


def test_arrays_are_finite_and_tiled_by_the_spec() -> None:
    frame = messy()
    before = frame.copy(deep=True)
    encoder = TableEncoder.fit(frame)
    encoded, _ = encoder.transform(frame)
    pd.testing.assert_frame_equal(frame, before)
    assert encoded.shape == (ROWS, encoder.spec.size)
    assert encoded.dtype == np.float64
    assert np.isfinite(encoded).all()
    for span in encoder.spec.spans:
        block = encoded[:, span.slice]
        if span.kind == "category":
            np.testing.assert_array_equal(np.sort(block)[:, -1], 1)
            np.testing.assert_array_equal(block.sum(axis=1), 1)
        elif span.kind == "indicator":
            assert set(np.unique(block)) <= {0.0, 1.0}
    assert encoder.spec.spans[-1].name == UNEXPECTED_MISSING
    assert list(dict.fromkeys(s.column for s in encoder.spec.spans))[:-1] == list(frame.columns)


def test_json_gives_the_same_arrays() -> None:
    frame = messy()
    encoder = TableEncoder.fit(frame)
    again = TableEncoder.from_json(json.loads(json.dumps(encoder.to_json(), allow_nan=False)))
    assert again == encoder
    np.testing.assert_array_equal(again.transform(frame)[0], encoder.transform(frame)[0])


def test_column_order_and_chunks_change_nothing() -> None:
    frame = messy()
    encoder = TableEncoder.fit(frame)
    whole, _ = encoder.transform(frame)
    np.testing.assert_array_equal(encoder.transform(frame[frame.columns[::-1]])[0], whole)
    parts = [encoder.transform(frame.iloc[i : i + 1], first_row=i)[0] for i in range(ROWS)]
    np.testing.assert_array_equal(np.vstack(parts), whole)


def test_text_from_a_file_means_the_same_as_typed_cells() -> None:
    frame = messy().drop(columns=["delta"])
    encoder = TableEncoder.fit(frame)
    as_read, report = encoder.transform(frame.astype("str"))
    np.testing.assert_allclose(as_read, encoder.transform(frame)[0], atol=1e-6)
    assert list(report.lines()) == []


# --- numeric --------------------------------------------------------------------------------------


def test_numbers_are_scaled_robustly_and_tails_kept() -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"a": [0.0, 1, 2, 3, 4]}))
    encoded = encode(encoder, a=[2.0, 2 + 2 / 1.349, 1e6, 1e300, -1e300])[:, 0]
    np.testing.assert_allclose(encoded, [0, 1, (1e6 - 2) * 1.349 / 2, 1e30, -1e30])


def test_missing_numbers() -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"a": [1.0, 2, 3, 4, None], "b": [1.0, 2, 3, 4, 5]}))
    encoded = encode(encoder, a=[None, 2.0, 2.0], b=[3.0, None, 3.0])
    np.testing.assert_array_equal(entries(encoder, encoded, "a (missing)"), [1, 0, 0])
    np.testing.assert_array_equal(entries(encoder, encoded, UNEXPECTED_MISSING), [0, 1, 0])
    assert entries(encoder, encoded, "a")[0] == 0
    assert entries(encoder, encoded, "b")[1] == 0


def test_whole_numbers_are_rounded_and_kept_within_the_range_of_training() -> None:
    frame = pd.DataFrame({"a": np.array([0, 9, 200, 7, 31], dtype=np.uint8), "b": [1, 9, 3, 7, 8]})
    encoder = TableEncoder.fit(frame)
    decoded = encoder.decode(np.array([[1e9, 0.1, 0], [-1e9, 1e25, 0]]))
    assert decoded["a"].tolist() == [200, 0]
    assert decoded.dtypes.tolist() == [np.uint8, np.int64]
    assert decoded["b"].tolist() == [7, 9]


def test_whole_numbers_with_gaps_become_nullable() -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"a": ["4", "5", None, "7", "9"]}, dtype="str"))
    decoded = encoder.decode(np.array([[0.0, 0.0, 0.0], [0.0, 0.9, 0.0]]))
    assert decoded["a"].dtype == "Int64"
    assert decoded["a"].tolist() == [6, pd.NA]


# --- boolean and category -------------------------------------------------------------------------


def test_booleans() -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"a": ["No", "yes", "yes", None, "yes"]}))
    encoded = encode(encoder, a=["YES", "no", None])
    np.testing.assert_array_equal(encoded, [[1, 0, 0], [0, 0, 0], [1, 1, 0]])
    assert encoder.decode(encoded)["a"].tolist()[:2] == ["yes", "No"]
    np.testing.assert_array_equal(encode(encoder, a=[True, False, None]), encoded)


def test_levels_have_slots() -> None:
    cells = ["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d"] * 2 + [None]
    encoder = TableEncoder.fit(pd.DataFrame({"x": cells}), max_levels=2)
    encoded, report = encoder.transform(pd.DataFrame({"x": ["a", " b", "c", "d", None, "new"]}))
    slots = entries(encoder, encoded, "x")
    np.testing.assert_array_equal(np.argmax(slots, axis=1), [0, 1, 2, 2, 3, 4])
    assert report.unseen == {"x": 1}
    assert report.missing == {"x": 1}
    decoded = encoder.decode(encoded)["x"]
    assert decoded.tolist()[:4] == ["a", "b", "c", "c"]  # "other" is its most frequent level
    assert pd.isna(decoded.iloc[4])
    assert decoded.iloc[5] in ("a", "b", "c")  # never "unseen"


def test_unseen_and_unexpected_missing_are_zero_in_training() -> None:
    frame = messy()
    encoder = TableEncoder.fit(frame)
    encoded, _ = encoder.transform(frame)
    assert not entries(encoder, encoded, UNEXPECTED_MISSING).any()
    for span in encoder.spec.spans:
        if span.kind == "category":
            assert not encoded[:, span.stop - 1].any()


def test_a_category_missing_for_the_first_time_is_neutral_but_noted() -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"x": ["a", "b", "a", "b", "a"]}))
    encoded, report = encoder.transform(pd.DataFrame({"x": [None]}))
    np.testing.assert_array_equal(encoded, [[1, 0, 0, 1]])
    assert list(report.lines()) == ["column 'x': 1 cell missing, none was in training"]


def test_new_levels_of_an_open_column_count_as_other() -> None:
    cells = ["a"] * 50 + ["b"] * 40 + [f"rare {i}" for i in range(10)]
    encoder = TableEncoder.fit(pd.DataFrame({"x": cells}), max_levels=2)
    encoded, report = encoder.transform(pd.DataFrame({"x": ["rare 3", "new"]}))
    np.testing.assert_array_equal(encoded, [[0, 0, 1, 0]] * 2)
    assert report.unseen == {}


def test_codes_match_their_text() -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"x": pd.Categorical([1, 2, 2, 3, 3, 3])}))
    expected = encode(encoder, x=["1", "2", "3"])
    np.testing.assert_array_equal(encode(encoder, x=[1.0, 2.0, 3.0]), expected)
    np.testing.assert_array_equal(np.argmax(expected[:, :3], axis=1), [2, 1, 0])
    assert encoder.decode(expected)["x"].cat.categories.dtype == np.int64


# --- datetime -------------------------------------------------------------------------------------


def test_datetimes_have_elapsed_and_cyclic_parts() -> None:
    times = pd.date_range("2024-01-01T03:00", periods=8 * 28 + 1, freq="3h")
    encoder = TableEncoder.fit(pd.DataFrame({"at": RNG.permutation(times.strftime("%FT%R"))}))
    encoded = encode(encoder, at=["2024-01-15T03:00:00Z", "2024-01-15T05:00:00+02:00", None])
    names = [span.name for span in encoder.spec.spans[:-1]]
    assert names == [
        "at (elapsed)",
        "at (hour, sin)",
        "at (hour, cos)",
        "at (weekday, sin)",
        "at (weekday, cos)",
    ]
    eighth = np.sqrt(0.5)  # of a day; and a Monday
    expected = [0, eighth, eighth, 0, 1, 0]
    np.testing.assert_allclose(encoded[:2], [expected, expected], atol=1e-12)
    np.testing.assert_array_equal(encoded[2], [0, 0, 0, 0, 0, 1])


def test_later_datetimes_are_durations_since_the_first() -> None:
    start = pd.Series(RNG.permutation(pd.date_range("2024-01-01", periods=9, freq="7D")))
    hours = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9])
    frame = pd.DataFrame({"start": start, "end": start + pd.to_timedelta(hours, unit="h")})
    encoder = TableEncoder.fit(frame)
    years_later = frame + pd.Timedelta(days=7 * 300)
    elapsed = entries(encoder, encoder.transform(years_later)[0], "end (elapsed)")
    np.testing.assert_allclose(elapsed, (hours - 5) * 1.349 / 4, atol=1e-9)
    again = encoder.decode(encoder.transform(years_later)[0])
    assert ((again["end"] - years_later["end"]).abs() < pd.Timedelta("1ms")).all()


def test_a_log_decodes_to_its_hours_and_weekdays() -> None:
    times = pd.Series(pd.date_range("2024-01-01", periods=8 * 21, freq="3h"))
    encoder = TableEncoder.fit(pd.DataFrame({"at": times}))
    decoded = encoder.decode(encode(encoder, at=times))["at"].dt.round("s")
    assert decoded.dt.hour.tolist() == times.dt.hour.tolist()
    assert decoded.dt.day_name().tolist() == times.dt.day_name().tolist()
    assert np.ptp(decoded) < pd.Timedelta(days=7)


def test_generated_moments_stay_representable() -> None:
    times = RNG.permutation(pd.date_range("2024-01-01", periods=ROWS, freq="7D"))
    encoder = TableEncoder.fit(pd.DataFrame({"at": times}))
    decoded = encoder.decode(np.array([[1e30, 0.0], [-1e30, 0.0]]))["at"]
    assert decoded.dt.year.tolist() == [9999, 1]


# --- what is reported -----------------------------------------------------------------------------


def number_encoder() -> TableEncoder:
    return TableEncoder.fit(pd.DataFrame({"bytes": ["1", "2", "3", "4", "5"], "b": list("xyxyx")}))


def test_cells_that_cannot_be_read_count_as_missing() -> None:
    encoder = number_encoder()
    frame = pd.DataFrame({"bytes": ["1", "n/a?", "1,5", None, " "], "b": list("xyxyx")})
    encoded, report = encoder.transform(frame, first_row=100)
    np.testing.assert_array_equal(entries(encoder, encoded, UNEXPECTED_MISSING), [0, 1, 1, 1, 1])
    assert report.missing == {"bytes": 4}
    assert list(report.lines()) == [
        "column 'bytes': 2 cells can't be read as a number and count as missing "
        "(first in row 101: 'n/a?')",
        "column 'bytes': 2 cells missing, none was in training",
    ]


def test_infinite_numbers_are_as_far_out_as_can_be() -> None:
    encoder = number_encoder()
    cells = ["1e308", "inf", "1e999", "-inf", "-1e308"]
    encoded, report = encoder.transform(pd.DataFrame({"bytes": cells, "b": list("xyxyx")}))
    far = entries(encoder, encoded, "bytes")
    assert far[0] == far[1] == far[2] == -far[3] == -far[4] > 1e20
    assert not report.missing
    assert not report.unreadable


def test_infinite_numbers_count_as_missing_in_training() -> None:
    frame = pd.DataFrame({"a": [1.0, np.inf, 2, 3, -np.inf, 4]})
    encoder = TableEncoder.fit(frame)
    encoded, report = encoder.transform(frame, learning=True)
    np.testing.assert_array_equal(entries(encoder, encoded, "a (missing)"), [0, 1, 0, 0, 1, 0])
    assert report.unreadable["a"].count == 2
    assert report.unreadable["a"].text == "inf"


def test_strict_names_the_first_bad_cell() -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"a": ["1", "2", "3", "4", "5"], "b": list("97531")}))
    frame = pd.DataFrame({"a": ["1", "1", "bad"], "b": ["1", "worse", "1"]})
    with pytest.raises(InputError, match=r"new\.csv: row 11, column 'b': 'worse' isn't a number"):
        encoder.transform(frame, strict=True, first_row=10, source="new.csv")
    with pytest.raises(InputError, match="row 0, column 'a': 'inf'"):
        encoder.transform(pd.DataFrame({"a": [np.inf], "b": [1]}), strict=True, learning=True)
    encoder.transform(pd.DataFrame({"a": [None], "b": ["1"]}), strict=True)  # missing is fine


@pytest.mark.parametrize(
    ("column", "bad", "wanted"),
    [
        (["yes", "no", "no", "yes", "no"], "7", "true or false"),
        (["2024-01-01", "2023-01-01", "2024-01-05", "2022-01-01", "2024"], "x", "an ISO 8601 date"),
        ([1.5, 2, 3, 4, 5], pd.Timestamp("2024"), "a number"),
        (pd.to_datetime(["2024", "2021", "2025", "2020", "2023"]), 5, "an ISO 8601 date"),
    ],
)
def test_every_kind_reports_what_it_cannot_read(column: object, bad: object, wanted: str) -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"a": column}))
    encoded, report = encoder.transform(pd.DataFrame({"a": [bad]}))
    assert encoded[0, -1] == 1
    assert f"1 cell can't be read as {wanted}" in next(iter(report.lines()))


def test_constants_that_change_are_counted() -> None:
    with pytest.warns(DataWarning, match="left out"):
        encoder = TableEncoder.fit(
            pd.DataFrame({"a": [1, 3, 2, 5, 4], "five": [5] * 5, "word": ["x"] * 5, "none": None})
        )
    same = pd.DataFrame({"a": [1, 2], "five": ["5.0", 5], "word": ["x", "x"], "none": None})
    assert encoder.transform(same)[1].changed == {}
    other = pd.DataFrame({"a": [1, 2], "five": [5, 6], "word": ["y", "z"], "none": [1, None]})
    report = encoder.transform(other)[1]
    assert report.changed == {"five": 1, "word": 2, "none": 1}
    assert "column 'word': 2 cells unlike the one value it had in training" in report.lines()
    assert encoder.transform(pd.DataFrame({"a": [1]}))[1].changed == {}


def test_reports_of_chunks_add_up() -> None:
    encoder = number_encoder()
    frame = pd.DataFrame({"bytes": ["1", "x", "2", "!", "3", "~"], "b": list("xQyxQQ")})
    whole = encoder.transform(frame)[1]
    parts = [encoder.transform(frame.iloc[i : i + 2], first_row=i)[1] for i in (0, 2, 4)]
    assert sum(parts, ParseReport()) == whole
    assert whole.unreadable["bytes"].row == 1
    assert whole.unseen == {"b": 3}
    assert whole.rows == 6


def test_further_columns_are_warned_about_once_per_file() -> None:
    encoder = number_encoder()
    frame = pd.DataFrame({"bytes": ["1"], "b": ["x"], "more": [1]})
    with pytest.warns(DataWarning, match="'more'"):
        encoder.transform(frame)
    encoder.transform(frame, first_row=1)  # warnings are errors here, so this one gave none


def test_a_missing_column_is_an_error() -> None:
    with pytest.raises(InputError, match=r"new\.csv: no column 'b'; the model expects 2 columns"):
        number_encoder().transform(pd.DataFrame({"bytes": ["1"]}), source="new.csv")


# --- shapes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_too_few_rows(rows: int) -> None:
    with pytest.raises(InputError, match=f"n_samples={rows}; at least 5 rows"):
        TableEncoder.fit(pd.DataFrame({"a": np.arange(rows) * 2.5}))


def test_no_rows_and_no_levels() -> None:
    encoder = number_encoder()
    encoded, _ = encoder.transform(pd.DataFrame({"bytes": [], "b": []}))
    assert encoded.shape == (0, encoder.spec.size)
    assert encoder.decode(encoded).shape == (0, 2)
    with pytest.raises(InputError, match="max_levels=0"):
        TableEncoder.fit(pd.DataFrame({"a": list("ababa")}), max_levels=0)


def test_wide_tables() -> None:
    values = RNG.normal(size=(8, 1555))
    frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(1555)])
    encoder = TableEncoder.fit(frame)
    encoded, _ = encoder.transform(frame)
    assert encoded.shape == (8, 1556)
    np.testing.assert_allclose(encoder.decode(encoded).to_numpy(), values)
    assert len(json.dumps(encoder.to_json())) < 200 * 1555


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (["31.12.2024", "1.1.25", "02/13/2024", "3-4-24 10:00", "1.2.2024"], "dates: 'a' "),
    ],
)
def test_text_that_looks_like_something_else_is_doubted(cells: list[str], what: str) -> None:
    frame = pd.DataFrame({"a": cells, "b": [1, 4, 9, 2, 8]})
    with pytest.warns(DataWarning, match="look like " + re.escape(what)):
        TableEncoder.fit(frame, source="new.csv")


@pytest.mark.parametrize(
    "cells", ["10.0.0.1 10.0.0.2", "1a 2b", "+49/30 +49/40", "1-2 3-4", f"{2**60} {2**60 + 1}"]
)
def test_honest_text_is_not_doubted(cells: str) -> None:
    TableEncoder.fit(pd.DataFrame({"a": cells.split() * 3, "b": [1, 4, 9, 2, 8, 3]}))


def test_truth_values_written_as_numbers() -> None:
    encoder = TableEncoder.fit(pd.DataFrame({"a": [True, False, True, True, False]}))
    encoded, report = encoder.transform(pd.DataFrame({"a": ["1", "0", "1.0", "TRUE", "2"]}))
    assert entries(encoder, encoded, "a").tolist()[:4] == [1, 0, 1, 1]
    assert report.unreadable["a"].text == "2"


def test_floats_that_lost_digits_are_no_known_ids() -> None:
    ids = pd.Series([2**60, 2**60 + 1, 2**60 + 2] * 3)
    encoder = TableEncoder.fit(pd.DataFrame({"id": ids}))
    assert encoder.transform(pd.DataFrame({"id": ids.astype(float)}))[1].unseen == {"id": 9}
