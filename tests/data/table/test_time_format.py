"""Formats of single texts; what only looks like a date has none."""

from __future__ import annotations

import pandas as pd
import pytest

from anomgan.data.table.time_format import guess_format


@pytest.mark.parametrize(
    ("text", "form", "moment"),
    [
        ("23/04/2024", "%d/%m/%Y", "2024-04-23"),
        ("3/4/2024 5:06", "%d/%m/%Y %H:%M", "2024-04-03 05:06"),
        ("3/4/2024 5:06:07 PM", "%d/%m/%Y %I:%M:%S %p", "2024-04-03 17:06:07"),
        ("3/4/2024 5:06pm", "%d/%m/%Y %I:%M%p", "2024-04-03 17:06"),
        ("31.12.2024", "%d.%m.%Y", "2024-12-31"),
        ("31.12.24 23:59", "%d.%m.%y %H:%M", "2024-12-31 23:59"),
        ("2024/12/31 07:00", "%Y/%m/%d %H:%M", "2024-12-31 07:00"),
        ("2024-12-31 07:00:01,250", "%Y-%m-%d %H:%M:%S,%f", "2024-12-31 07:00:01.25"),
        ("3-Apr-2024", "%d-%b-%Y", "2024-04-03"),
        ("03APR2024", "%d%b%Y", "2024-04-03"),
        ("3. April 2024", "%d. %B %Y", "2024-04-03"),
        ("Apr 3, 2024 5:06 PM", "%b %d, %Y %I:%M %p", "2024-04-03 17:06"),
        ("Wednesday, April 3, 2024 at 5:06 PM", "%A, %B %d, %Y at %I:%M %p", "2024-04-03 17:06"),
        ("2024-Apr-03", "%Y-%b-%d", "2024-04-03"),
        ("Wed, 03 Apr 2024 10:00:00 GMT", "%a, %d %b %Y %H:%M:%S %Z", "2024-04-03 10:00"),
        ("Wed Apr  3 10:00:00 2024", "%a %b %d %H:%M:%S %Y", "2024-04-03 10:00"),
        ("11/Oct/2000:13:55:36 -0700", "%d/%b/%Y:%H:%M:%S %z", "2000-10-11 20:55:36"),
        ("[11/Oct/2000:13:55:36 -0700]", "[%d/%b/%Y:%H:%M:%S %z]", "2000-10-11 20:55:36"),
        ("13/04/2024 10:00+02:00", "%d/%m/%Y %H:%M%z", "2024-04-13 08:00"),
        ("13/04/2024T10:00Z", "%d/%m/%YT%H:%M%z", "2024-04-13 10:00"),
    ],
)
def test_formats(text: str, form: str, moment: str) -> None:
    assert guess_format(text) == form
    assert pd.to_datetime(text, format=form, utc=True) == pd.Timestamp(moment, tz="UTC")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("13:45", "%H:%M"),
        ("1:45 PM", "%I:%M %p"),
        ("13:45:10.5", "%H:%M:%S.%f"),
    ],
)
def test_times_of_day(text: str, form: str) -> None:
    assert guess_format(text) == form


def test_orders_of_three_numbers() -> None:
    assert guess_format("01/02/2024 10:00", "month") == "%m/%d/%Y %H:%M"
    assert guess_format("01/02/03", "year") == "%y/%m/%d"
    assert guess_format("01/02/2024", "year") is None
    assert guess_format("Apr 3, 2024", "month") == "%b %d, %Y"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "red",
            "12",
            "1.5",
            "10.0.0.1",
            "1.0.12",
            "3 apples 2024",
            "Mars 3, 2024",
            "[1]",
            "",
            "-",
        ),
        *("1:2", "120:30", "3/4", "now", "2024-W05", "13/04/2024 noon", "13/04/2024 10:00 XYZ"),
    ],
)
def test_other_text_has_none(text: str) -> None:
    assert guess_format(text) is None
