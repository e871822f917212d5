"""Columns that are known as times, and columns that only look like them."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from anomgan.data.encoders.table import TableEncoder
from anomgan.data.table.columns.datetimes import DatetimeColumn
from anomgan.data.table.columns.times_of_day import TimeOfDayColumn
from anomgan.data.table.options import TableOptions
from anomgan.errors import DataWarning, InputError

RNG = np.random.default_rng(8)
ROWS = 24 * 30
TIMES = pd.date_range("2024-03-02 05:00", periods=ROWS, freq="1h")
SECONDS = TIMES.to_numpy().astype("datetime64[s]").astype(np.int64)


def fit(cells: object, name: str = "x", **options: object) -> tuple[TableEncoder, list[str]]:
    """The encoder of a table with such a column, and the warnings."""
    frame = pd.DataFrame({name: cells})
    frame["noise"] = RNG.normal(size=len(frame))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encoder = TableEncoder.fit(frame, options=TableOptions.make(**options))  # type: ignore[arg-type]
    return encoder, [str(each.message) for each in caught]


def reason(encoder: TableEncoder, name: str = "x") -> str:
    return next(column.reason for column in encoder.schema.dropped if column.name == name)


@pytest.mark.parametrize(
    "form",
    [
        *("%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%d.%m.%Y %H:%M:%S", "%d-%b-%Y %H:%M"),
        *("%d/%m/%y %H:%M", "%b %d, %Y %I:%M %p", "[%d/%b/%Y:%H:%M:%S +0000]", "%Y/%m/%d %H:%M"),
        "%A, %d %B %Y %H:%M",
    ],
)
def test_text_in_any_form_is_the_same_time(form: str) -> None:
    plain, _ = fit(TIMES)
    encoder, caught = fit(TIMES.strftime(form))
    column = encoder.schema["x"]
    assert isinstance(column, DatetimeColumn)
    assert not caught
    frame = pd.DataFrame({"x": TIMES.strftime(form), "noise": 0.0})
    same = pd.DataFrame({"x": TIMES, "noise": 0.0})
    np.testing.assert_allclose(
        encoder.transform(frame)[0][:, :4], plain.transform(same)[0][:, :4], atol=1e-9
    )
    # What was fitted on text in a form of its own still reads ISO 8601 and timestamps.
    iso = same.assign(x=TIMES.strftime("%Y-%m-%dT%H:%M:%S"))
    for other in (same, iso):
        values, report = encoder.transform(other)
        assert not report.unreadable
        np.testing.assert_array_equal(values, encoder.transform(frame)[0])
    assert column.cycles == ("hour", "weekday")


@pytest.mark.parametrize(
    ("cells", "form"),
    [
        (SECONDS, "unix-s"),
        (SECONDS + 0.25, "unix-s"),
        (SECONDS * 1000, "unix-ms"),
        (SECONDS * 1_000_000, "unix-us"),
        (SECONDS * 1_000_000_000, "unix-ns"),
        ((SECONDS * 1000).astype(str), "unix-ms"),
        ((SECONDS * 1_000_000_000).astype(str), "unix-ns"),
        (TIMES.strftime("%Y%m%d").astype(int), "%Y%m%d"),
        (TIMES.strftime("%Y%m%d%H"), "%Y%m%d%H"),
        (TIMES.strftime("%Y%m%d%H%M").astype(int), "%Y%m%d%H%M"),
        (TIMES.strftime("%Y%m%d%H%M%S"), "%Y%m%d%H%M%S"),
    ],
)
def test_numbers_that_are_times(cells: object, form: str) -> None:
    encoder, _ = fit(cells)
    column = encoder.schema["x"]
    assert isinstance(column, DatetimeColumn)
    assert column.forms == (form,)
    assert "weekday" in column.cycles
    frame = pd.DataFrame({"x": cells, "noise": 0.0})
    read = column.parse_filled(encoder_cells(frame["x"])).values
    days = SECONDS // 86_400 if form == "%Y%m%d" else SECONDS / 86_400
    np.testing.assert_allclose(read / 86_400, days, atol=1e-5)
    written = column.restore(read)
    assert written.astype(float).tolist() == pytest.approx(frame["x"].astype(float).tolist())


def encoder_cells(series: pd.Series) -> object:
    from anomgan.data.table.cells import read_cells

    return read_cells(series)


def test_names_and_order_decide_on_numbers() -> None:
    shuffled = RNG.permutation(SECONDS)
    assert fit(shuffled)[0].schema["x"].kind == "numeric"
    assert fit(shuffled, "created_at")[0].schema["created_at"].kind == "datetime"
    excel = 45_353 + np.arange(ROWS) / 24
    assert fit(RNG.permutation(excel))[0].schema["x"].kind == "numeric"
    column = fit(excel, "Date_Time")[0].schema["Date_Time"]
    assert isinstance(column, DatetimeColumn)
    assert column.forms == ("excel",)
    amounts = RNG.integers(8e8, 2e9, ROWS)
    for name in ("duration", "response_time", "amount", "bytes"):
        assert fit(amounts, name)[0].schema[name].kind == "numeric"
    codes = RNG.integers(19_500_101, 20_991_231, ROWS)
    assert fit(codes)[0].schema["x"].kind == "numeric"
    years = RNG.integers(1990, 2024, ROWS)
    assert fit(years, "date")[0].schema["date"].kind == "numeric"


def test_the_order_of_a_date_shows_by_cells_over_twelve() -> None:
    for form in ("%d/%m/%Y", "%m/%d/%Y"):
        column = fit(RNG.permutation(TIMES.strftime(form)))[0].schema["x"]
        assert isinstance(column, DatetimeColumn)
        assert column.forms == (form,)


def test_an_order_that_does_not_show_is_told() -> None:
    days = TIMES[TIMES.day < 11].strftime("%d/%m/%Y")
    encoder, (warning,) = fit(days)
    assert encoder.schema["x"].forms == ("%d/%m/%Y",)  # days in a row rather than months
    assert "read as %d/%m/%Y ('02/03/2024' is 2024-03-02)" in warning
    assert "--date-format x=%m/%d/%Y changes it" in warning
    timed = TIMES[TIMES.day < 11].strftime("%d/%m/%Y %H:%M")[::-1]
    assert "--date-format 'x=%m/%d/%Y %H:%M' changes it" in fit(timed)[1][0]
    encoder, caught = fit(days, date_format={"x": "%m/%d/%Y"})
    assert encoder.schema["x"].forms == ("%m/%d/%Y",)
    assert not caught
    encoder, caught = fit(days, date_format="%m/%d/%Y")
    assert encoder.schema["x"].forms == ("%m/%d/%Y",)
    assert not caught
    assert not fit(TIMES[TIMES.day < 11].strftime("%d.%m.%Y"))[1]  # points: the day first


def test_years_of_two_digits_in_front() -> None:
    column = fit(TIMES.strftime("%y/%m/%d"))[0].schema["x"]
    assert column.forms[0] == "%y/%m/%d"


def test_a_later_file_in_another_form_is_answered() -> None:
    encoder, _ = fit(TIMES.strftime("%d/%m/%Y"))
    frame = pd.DataFrame({"x": ["03/25/2024", "03/26/2024"], "noise": 0.0})
    (line,) = encoder.transform(frame)[1].lines()
    assert line.startswith("column 'x': 2 cells can't be read as a time written as %d/%m/%Y and")
    assert "they look like %m/%d/%Y; write them as in training, or fit with --date-format" in line
    numbers = encoder.transform(pd.DataFrame({"x": [20240325], "noise": 0.0}))[1]
    assert numbers.unreadable["x"].count == 1


def test_cells_that_are_no_time_are_missing() -> None:
    cells = TIMES.strftime("%d/%m/%Y %H:%M:%S").to_series(index=range(ROWS))
    odd = ["30/02/2024 10:00:00", "01/01/0001 00:00:00", "31/12/9999 00:00:00"]
    odd.append("02/03/2024 24:00:00")
    cells[5:9] = odd
    cells[11], cells[12] = None, "29/02/2024 23:59:59"
    encoder, _ = fit(cells)
    frame = pd.DataFrame({"x": cells, "noise": 0.0})
    values, report = encoder.transform(frame, learning=True)
    assert report.unreadable["x"].count == len(odd)
    assert report.missing["x"] == len(odd) + 1
    assert np.isfinite(values).all()


def test_iso_years_that_stand_for_never_are_missing() -> None:
    cells = TIMES.strftime("%Y-%m-%d %H:%M").to_series(index=range(ROWS))
    cells[3], cells[4] = "0001-01-01 00:00", "9999-12-31 23:59"
    encoder, _ = fit(cells)
    report = encoder.transform(pd.DataFrame({"x": cells, "noise": 0.0}))[1]
    assert report.unreadable["x"].count == 2
    for never in (["0001-01-01"] * ROWS, ["0001-01-01", "9999-12-31"] * (ROWS // 2)):
        assert reason(fit(never)[0]) == "times that stand for never"
    now = encoder.transform(pd.DataFrame({"x": ["now"], "noise": 0.0}))[1]
    assert now.unreadable["x"].count == 1


def test_mixed_zones_are_one_time() -> None:
    zoned = [f"{t:%d/%b/%Y:%H:%M:%S} {'+0000' if t.hour % 2 else '+0200'}" for t in TIMES]
    column = fit(zoned)[0].schema["x"]
    read = column.parse_filled(encoder_cells(pd.Series(zoned))).values
    shift = np.where(TIMES.hour % 2, 0, 7200)
    np.testing.assert_array_equal(read, SECONDS - shift)


@pytest.mark.parametrize(
    ("form", "written"),
    [("%H:%M", "17:00"), ("%I:%M %p", "05:00 PM"), ("%H:%M:%S.%f", "17:00:00.000000")],
)
def test_times_of_day_are_a_cycle(form: str, written: str) -> None:
    encoder, caught = fit(TIMES.strftime(form))
    column = encoder.schema["x"]
    assert isinstance(column, TimeOfDayColumn)
    assert not caught
    late, early, noon = "23:59", "00:01", "12:00"
    frame = pd.DataFrame({"x": pd.to_datetime([late, early, noon], format="%H:%M"), "noise": 0.0})
    values = encoder.transform(frame.assign(x=frame["x"].dt.strftime(form)))[0][:, :2]
    assert np.linalg.norm(values[0] - values[1]) < 0.02 < np.linalg.norm(values[0] - values[2])
    evening = pd.DataFrame({"x": [written], "noise": 0.0})
    assert encoder.decode(encoder.transform(evening)[0])["x"].tolist() == [written]
    assert "learnt of these times: hour of the day" in encoder.schema.notes()[0]


def test_times_of_day_of_one_day_are_elapsed_time_in_disguise() -> None:
    encoder, caught = fit(TIMES[:24].strftime("%H:%M"))
    assert reason(encoder) == "times of day of few days"
    assert "'x' (times of day of few days)" in caught[0]
    assert "the day isn't gone through 3 times" in encoder.schema.notes()[1]
    spans = [f"{minutes // 60}:{minutes % 60:02}" for minutes in RNG.integers(0, 600, ROWS)]
    assert fit(spans, "duration")[0].schema["duration"].kind == "category"


def test_columns_that_the_user_calls_times() -> None:
    shuffled = RNG.permutation(SECONDS)
    assert fit(shuffled, columns={"x": "time"})[0].schema["x"].forms == ("unix-s",)
    assert fit(shuffled, columns={"x": "number"})[0].schema["x"].kind == "numeric"
    assert fit(shuffled, "ts", columns={"ts": "number"})[0].schema["ts"].kind == "numeric"
    counter = RNG.permutation(ROWS) / 7
    assert reason(fit(counter, columns={"x": "time"})[0]) == "a clock, as you say"
    column = fit(counter, date_format={"x": "unix-s"})[0].schema["x"]
    assert isinstance(column, DatetimeColumn)
    half = [*TIMES[: ROWS // 2].strftime("%d.%m.%Y"), *["later"] * (ROWS // 4)]
    assert fit(half)[0].schema["x"].kind == "category"
    assert fit(half, columns={"x": "time"})[0].schema["x"].forms == ("%d.%m.%Y",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"date_format": "dd/mm/yyyy"},
            "'dd/mm/yyyy': give a format of strptime",
        ),
        ({"date_format": {"x": "%Q"}}, "'%Q': give a format"),
        ({"date_format": {"y": "%Y"}}, "no column 'y'"),
        ({"date_format": {"x": "%Y"}, "columns": {"x": "number"}}, "can't have a date format and"),
        ({"date_format": {"x": "%d/%m/%Y"}}, "no cell can be read as a time"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit(TIMES.strftime("%Y-%b-%d"), **options)


def test_a_form_that_does_not_show_is_pointed_out() -> None:
    months = ["Januar", "Februar", "Dezember", "Juni"]
    cells = [f"{RNG.integers(1, 28)}. {RNG.choice(months)} 2024" for _ in range(ROWS)]
    _, (warning,) = fit(cells)
    assert "'x'" in warning
    assert "--date-format COL=FORMAT" in warning


def test_models_keep_the_form() -> None:
    for cells in (TIMES.strftime("%d/%m/%Y %H:%M"), SECONDS * 1000, TIMES.strftime("%H:%M")):
        encoder, _ = fit(cells)
        text = json.dumps(encoder.to_json(), allow_nan=False)
        again = TableEncoder.from_json(json.loads(text))
        assert again == encoder
        assert again.decode(encoder.transform(pd.DataFrame({"x": cells, "noise": 0.0}))[0]).shape


def test_a_model_with_a_form_that_is_none_is_refused() -> None:
    state = fit(SECONDS * 1000)[0].to_json()
    state["columns"][0]["forms"] = ["%Q"]
    with pytest.raises(ValueError, match="date format '%Q'"):
        TableEncoder.from_json(state)


def test_warnings_are_of_the_data() -> None:
    with pytest.warns(DataWarning, match="--date-format"):
        TableEncoder.fit(
            pd.DataFrame({"x": ["01/02/2024", "02/03/2024"] * 9, "y": RNG.normal(size=18)})
        )


@pytest.mark.parametrize(
    ("cells", "is_doubted"),
    [
        ([f"{at % 4}:{at % 60:02}" for at in range(90)], True),
        ([f"00:{at % 7:02}:{at % 60:02}" for at in range(90)], True),
        ([f"0{at % 9}:{at % 60:02}" for at in range(90)], False),
        ([f"{at % 24}:{at % 60:02}" for at in range(90)], False),
    ],
)
def test_times_of_day_that_may_be_durations_are_said(cells: list[str], is_doubted: bool) -> None:
    found = [text for text in fit(cells)[1] if "if it is how long something took" in text]
    assert bool(found) == is_doubted
    assert not any("how long" in text for text in fit(cells, columns={"x": "time"})[1])


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("app", [f"{at % 3}.{13 + at % 7}.{10 + at % 4}" for at in range(90)]),
        ("firmware", [f"{1 + at % 3}.{1 + at % 7}.{10 + at % 3}" for at in range(90)]),
    ],
)
def test_versions_are_no_dates(name: str, cells: list[str]) -> None:
    encoder, warned = fit(cells, name)
    assert not warned
    assert encoder.schema[name].kind == "category"
