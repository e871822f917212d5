"""Read a sheet of an Excel workbook, whole, as the same sheet saved as CSV would be read."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from anomgan.data.readers.sources import Memory, Source, describe_source, open_seekable
from anomgan.errors import DataWarning, InputError, out_of_memory
from anomgan.utils.extras import import_extra
from anomgan.utils.text import one_line, quote_names

_MAX_UNPACKED_BYTES = 2**31
"""Largest workbook that is read, unpacked: a few bytes can unpack to gigabytes."""


def read_sheet(source: Source, sheet: str | int | None = None) -> Memory:
    """Read a sheet as CSV with a line for each row, so that line numbers are those of the sheet.

    Cells are what Excel shows last, without units and rounding: of formulas the stored results.

    Args:
        source: The workbook.
        sheet: Name of the sheet, or its number from 1; by default the first.

    Raises:
        InputError: If there is no such sheet, the workbook can't be read, or openpyxl isn't
            installed.

    Warns:
        DataWarning: If there are several sheets and none is named.
    """
    name = describe_source(source)
    openpyxl = import_extra("openpyxl", "files", name)
    with open_seekable(source, name) as file, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="openpyxl")  # of styles and the like
        try:
            _check_size(file, name)
            workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
            names = [each.title for each in workbook.worksheets]
            chosen = _choose_sheet(names, sheet, name)
            workbook[chosen].reset_dimensions()  # which the file may exaggerate
            rows = list(workbook[chosen].iter_rows(values_only=True))
            unstored = _find_unstored(openpyxl.load_workbook, file, chosen, rows)
        except InputError:
            raise
        except Exception as error:  # of ZIP, of XML and of the package's own checks
            if out_of_memory(error):
                raise
            raise InputError(
                f"{name}: isn't an Excel workbook (.xlsx), has a password, or is damaged: "
                f"{one_line(error)}"
            ) from None
    if sheet is None and len(names) > 1:
        warnings.warn(
            f"{name}: has {len(names)} sheets, {quote_names(names)}; read is the first; choose "
            f"another with --sheet",
            DataWarning,
            stacklevel=2,
        )
    if unstored:
        count = "1 formula has" if len(unstored) == 1 else f"{len(unstored):,} formulas have"
        warnings.warn(
            f"{name}: {count} no stored result, so that cells are empty, from {unstored[0]} on; "
            f"open the workbook in a spreadsheet program and save it",
            DataWarning,
            stacklevel=2,
        )
    text = io.StringIO(newline="")
    # Quotes around each cell leave no doubt which commas are separators.
    lines = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    lines.writerows(_to_lines(rows))
    title = name if len(names) == 1 else f"{name}, sheet {chosen!r}"
    return Memory(title, text.getvalue().encode(errors="backslashreplace"))


def _check_size(file: BinaryIO, name: str) -> None:
    """Refuse a workbook that would fill the memory.

    Raises:
        InputError: If it is larger than `_MAX_UNPACKED_BYTES`.
        zipfile.BadZipFile: If it is no workbook.
    """
    with zipfile.ZipFile(file) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > _MAX_UNPACKED_BYTES:
        raise InputError(
            f"{name}: unpacks to {size:,} bytes, more than {_MAX_UNPACKED_BYTES:,}; save the sheet "
            f"as CSV"
        )


def _find_unstored(
    load: Callable[..., Any], file: BinaryIO, sheet: str, rows: list[tuple[Any, ...]]
) -> list[str]:
    """Cells with formulas whose results no program has stored, such as B2.

    Args:
        load: openpyxl's function that loads a workbook.
        file: The workbook.
        sheet: Name of the sheet.
        rows: Its cells, of formulas the stored results.
    """
    if all(None not in row for row in rows) or not _has_formulas(file):
        return []
    cells = load(file, read_only=True)[sheet]
    cells.reset_dimensions()
    return [
        cell.coordinate
        for row, values in zip(cells.iter_rows(), rows, strict=True)
        for cell, value in zip(row, values, strict=False)
        if value is None and getattr(cell, "data_type", "") == "f"
    ]


def _has_formulas(file: BinaryIO) -> bool:
    """Whether a workbook holds any formula."""
    with zipfile.ZipFile(file) as archive:
        for part in archive.namelist():
            if part.startswith("xl/worksheets/"):
                with archive.open(part) as xml:
                    end = b""
                    while block := xml.read(2**20):
                        if re.search(rb"<f[ />]", end + block):
                            return True
                        end = block[-3:]
    return False


def _choose_sheet(names: list[str], sheet: str | int | None, source: str) -> str:
    """The name of the sheet that is meant: a name goes before a number.

    Raises:
        InputError: If there is none.
    """
    wanted = "1" if sheet is None else str(sheet)
    if wanted in names and sheet is not None:
        return wanted
    if wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        return names[int(wanted) - 1]
    raise InputError(
        f"{source}: has no sheet {wanted!r}; it has, counted from 1: {quote_names(names)}"
    )


def _to_lines(rows: list[tuple[Any, ...]]) -> Iterator[list[str]]:
    """Cells as text, without the columns beside the table: lines of one length, or blank."""
    texts = [[_to_text(cell) for cell in row] for row in rows]
    filled = [[at for at, text in enumerate(row) if text] for row in texts]
    left = min((places[0] for places in filled if places), default=0)
    right = max((places[-1] + 1 for places in filled if places), default=0)
    for row, places in zip(texts, filled, strict=True):
        yield (row + [""] * (right - len(row)))[left:right] if places else []


def _to_text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ")
    if isinstance(cell, dt.timedelta):  # a time of day, or hours beyond a day
        minutes, seconds = divmod(cell.total_seconds(), 60)
        return f"{int(minutes // 60)}:{int(minutes % 60):02}:{seconds:06.3f}".removesuffix(".000")
    return str(cell)
