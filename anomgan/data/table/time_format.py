"""Guess the strptime format of one text, such as ``10/Oct/2000:13:55:36 -0700``."""

from __future__ import annotations

import calendar
import re
from typing import Literal

DateOrder = Literal["day", "month", "year"]
"""What comes first in a date of three numbers."""

_MONTHS = {name.lower() for name in calendar.month_name[1:]}
_MONTH_ABBREVIATIONS = {name.lower() for name in calendar.month_abbr[1:]}
_WEEKDAYS = {name.lower() for name in calendar.day_name}
_WEEKDAY_ABBREVIATIONS = {name.lower() for name in calendar.day_abbr}

_NUMBERS = re.compile(r"(\d{1,2})([/.\- ])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_YEAR_FIRST = re.compile(r"\d{4}([/.\- ])\d{1,2}\1\d{1,2}(?!\d)")
_DAY_MONTH = re.compile(
    r"\d{1,2}(?P<a>[/.\- ]|\. |)(?P<month>[A-Za-z]{3,9})(?P<b>[/.\- ]|, |\. |)"
    r"(?P<year>\d{4}|\d{2})(?!\d)"
)
_MONTH_DAY = re.compile(
    r"(?P<month>[A-Za-z]{3,9})(?P<a>[.]? {1,2}|[/\-])\d{1,2}(?P<b>,? |[/\-,])"
    r"(?P<year>\d{4})(?!\d|:)"
)
_YEAR_MONTH_DAY = re.compile(
    r"\d{4}(?P<a>[/\- ])(?P<month>[A-Za-z]{3,9})(?P<b>[/\- ])\d{1,2}(?!\d)"
)
_UNIX_DATE = re.compile(r"(?P<month>[A-Za-z]{3}) {1,2}\d{1,2} (?P<time>[^ ]+) \d{4}")  # of ctime
_WEEKDAY = re.compile(r"([A-Za-z]{3,9})(,? )(?=[\dA-Za-z])")
_LINK = re.compile(r" at |, |[T :]")
_TIME = re.compile(r"\d{1,2}:\d{2}(?P<s>:\d{2}(?:(?P<point>[.,])\d{1,9})?)?(?P<half> ?[AaPp][Mm])?")
_ZONE = re.compile(r" ?(?:(?P<offset>Z|[+-]\d{2}:?\d{2})|UTC|GMT)$")


def guess_format(text: str, order: DateOrder = "day") -> str | None:
    """The format of a text that is a date, a date and time, or a time of day; None for other text.

    Args:
        text: One cell, without blanks around it.
        order: What comes first in a date of three numbers, the last of which is a year otherwise.
    """
    if text.startswith("[") and text.endswith("]"):
        inner = guess_format(text[1:-1], order)
        return None if inner is None else f"[{inner}]"
    time, rest = _take_time(text)
    if time is not None and not rest:
        return time
    weekday, rest = _take_weekday(text)
    unix = _UNIX_DATE.fullmatch(rest)
    if unix is not None and unix["month"].lower() in _MONTH_ABBREVIATIONS:
        time, left = _take_time(unix["time"])
        return None if time is None or left else f"{weekday}%b %d {time} %Y"
    date, rest = _take_date(rest, order)
    if date is None or not rest:
        return None if date is None else weekday + date
    link = _LINK.match(rest)
    time, rest = _take_time(rest[link.end() :]) if link else (None, rest)
    if link is None or time is None:
        return None
    zone = _ZONE.fullmatch(rest)
    if rest and zone is None:
        return None
    blank = " " if rest.startswith(" ") else ""
    suffix = "" if zone is None else f"{blank}{'%z' if zone['offset'] else '%Z'}"
    return f"{weekday}{date}{link[0]}{time}{suffix}"


def holds_order(text: str) -> bool:
    """Whether a text has a date of three numbers of which the year isn't known to come first."""
    return _NUMBERS.match(_take_weekday(text.lstrip("["))[1]) is not None


def _take_weekday(text: str) -> tuple[str, str]:
    """The format of a weekday at the front, and the text behind it."""
    match = _WEEKDAY.match(text)
    word = match[1].lower() if match else ""
    if match is None or word not in _WEEKDAYS | _WEEKDAY_ABBREVIATIONS:
        return "", text
    return f"%{'a' if word in _WEEKDAY_ABBREVIATIONS else 'A'}{match[2]}", text[match.end() :]


def _take_date(text: str, order: DateOrder) -> tuple[str | None, str]:
    """The format of a date at the front, None if there is none, and the text behind it."""
    if match := _YEAR_FIRST.match(text):
        return f"%Y{match[1]}%m{match[1]}%d", text[match.end() :]
    if match := _NUMBERS.match(text):
        mark, year = match[2], "%Y" if len(match[4]) == 4 else "%y"
        if year == "%y" and mark != "/" and len(match[1] + match[3]) < 4:  # a version, 1.0.12
            return None, text
        if order == "year":
            date = f"%y{mark}%m{mark}%d" if year == "%y" else None
        else:
            date = f"%d{mark}%m{mark}{year}" if order == "day" else f"%m{mark}%d{mark}{year}"
        return date, text[match.end() :]
    for pattern, form in (
        (_DAY_MONTH, "%d{a}{month}{b}{year}"),
        (_MONTH_DAY, "{month}{a}%d{b}{year}"),
        (_YEAR_MONTH_DAY, "%Y{a}{month}{b}%d"),
    ):
        match = pattern.match(text)
        if match is None:
            continue
        word = match["month"].lower()
        if word not in _MONTHS | _MONTH_ABBREVIATIONS:
            return None, text
        parts = match.groupdict()
        parts["month"] = "%b" if word in _MONTH_ABBREVIATIONS else "%B"
        parts["year"] = "%Y" if len(parts.get("year", "year")) == 4 else "%y"
        return form.format(**parts), text[match.end() :]
    return None, text


def _take_time(text: str) -> tuple[str | None, str]:
    """The format of a time of day at the front, None if there is none, and the text behind it."""
    match = _TIME.match(text)
    if match is None:
        return None, text
    seconds = "" if match["s"] is None else ":%S"
    fraction = "" if match["point"] is None else f"{match['point']}%f"
    half = "" if match["half"] is None else f"{match['half'][:-2]}%p"
    return f"%{'I' if half else 'H'}:%M{seconds}{fraction}{half}", text[match.end() :]
