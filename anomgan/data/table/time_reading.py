"""Read the cells of one column as times, by what shows and what the user says."""

from __future__ import annotations

from dataclasses import dataclass

from anomgan.data.table.cells import Cells, ParsedCells
from anomgan.data.table.columns.column import excuse_markers
from anomgan.data.table.columns.datetimes import parse_datetimes
from anomgan.data.table.columns.times_of_day import parse_times_of_day
from anomgan.data.table.number_reading import NumberReading
from anomgan.data.table.options import TableOptions
from anomgan.data.table.time_evidence import (
    READABLE_SHARE,
    TimeEvidence,
    find_number_times,
    find_text_times,
    fits_form,
)
from anomgan.data.table.time_form import is_time_of_day

_MIN_ASKED_SHARE = 0.5
"""Share of text that must be times of one form if the user says that the column holds times."""


@dataclass(frozen=True)
class TimeReading:
    """A column read as times.

    Attributes:
        parsed: The times in seconds, since 1970 or since midnight.
        forms: How cells write them; empty for ISO 8601.
        other: A form that fits all cells as well, empty if there is none.
    """

    parsed: ParsedCells
    forms: tuple[str, ...] = ()
    other: str = ""

    @property
    def of_day(self) -> bool:
        """Whether these are times of day without a date."""
        return any(map(is_time_of_day, self.forms))


def read_as_times(
    name: str,
    cells: Cells,
    numbers: NumberReading | None,
    options: TableOptions,
    *,
    asked: bool,
) -> TimeReading | None:
    """Read cells as times, None if it doesn't show that they are.

    Args:
        name: Name of the column.
        cells: Its cells, at least one of them filled.
        numbers: The cells read as numbers.
        options: What the user says about columns.
        asked: Whether the user says that the column holds times.
    """
    if cells.form == "time":
        return _parse(cells, TimeEvidence(()))
    if name in options.date_formats:
        form = options.date_formats[name]
        return _parse(cells, TimeEvidence((form,) if form else ()))
    usual = options.date_formats.get("", "")
    if usual and fits_form(cells, usual):
        return _parse(cells, TimeEvidence((usual,)))
    found: TimeEvidence | None = None
    is_number = _holds_numbers(cells, numbers)
    if numbers is not None and is_number:
        values = numbers.parsed.mask_infinite().values
        found = find_number_times(name, cells, values, asked=asked)
        if found is None and not asked:  # before trying ISO 8601, which takes long
            return None
    iso = _parse(cells, TimeEvidence(()))
    if not is_number and cells.form == "text":
        if excuse_markers(iso.parsed, cells).readable_share >= READABLE_SHARE:
            return iso
        least = _MIN_ASKED_SHARE if asked else READABLE_SHARE
        found = find_text_times(name, cells, least=least)
    if found is not None:
        return _parse(cells, found)
    return iso if asked and cells.form == "text" and iso.parsed.readable_share > 0 else None


def _holds_numbers(cells: Cells, numbers: NumberReading | None) -> bool:
    """Whether nearly all cells are plain numbers."""
    if numbers is None or numbers.form is not None or cells.dtype.startswith("timedelta"):
        return False
    return cells.form == "number" or (cells.form == "text" and numbers.is_clear)


def _parse(cells: Cells, evidence: TimeEvidence) -> TimeReading:
    forms = evidence.forms
    if any(map(is_time_of_day, forms)):
        return TimeReading(parse_times_of_day(cells, forms), forms)
    return TimeReading(parse_datetimes(cells, forms, bounded=True), forms, evidence.other)
