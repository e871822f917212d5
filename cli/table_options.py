"""Options of fit that say how a table's columns are to be read."""

from __future__ import annotations

from typing import Annotated

import typer

from anomgan.errors import InputError

CategoryOption = Annotated[
    list[str] | None,
    typer.Option(
        "--category",
        metavar="COL",
        help="Column whose cells are codes, not amounts, such as zip codes; may be repeated.",
        show_default=False,
    ),
]
NumberOption = Annotated[
    list[str] | None,
    typer.Option(
        "--number",
        metavar="COL",
        help="Column whose cells are numbers; all else in it counts as missing.  May be repeated.",
        show_default=False,
    ),
]
TextOption = Annotated[
    list[str] | None,
    typer.Option(
        "--text",
        metavar="COL",
        help="Column of free text, which isn't learnt from; may be repeated.",
        show_default=False,
    ),
]
MissingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--missing",
        metavar="VALUE",
        help="Number or text that stands for a missing cell, such as -999; COL=VALUE in one column "
        "only.  May be repeated.",
        show_default=False,
    ),
]
DecimalOption = Annotated[
    str | None,
    typer.Option(
        "--decimal",
        metavar="MARK",
        help="What separates decimals: . or ,",
        show_default="what the cells show",
    ),
]
ThousandsOption = Annotated[
    str | None,
    typer.Option(
        "--thousands",
        metavar="MARK",
        help="What separates thousands: , . ' or a blank.",
        show_default="what the cells show",
    ),
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Show how each column is read, and learn nothing."),
]


TimeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--time",
        metavar="COL",
        help="Column that holds times, where its cells don't show it; may be repeated.",
        show_default=False,
    ),
]
DateFormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--date-format",
        metavar="[COL=]FORMAT",
        help="How a column writes times, or all that it fits: %d/%m/%Y and the like, iso, unix-s, "
        "unix-ms, unix-us, unix-ns or excel.  May be repeated.",
        show_default="what the cells show",
    ),
]


def collect_date_formats(values: list[str] | None) -> dict[str, str] | None:
    """Column -> how it writes times; under an empty name all columns that the format fits."""
    formats: dict[str, str] = {}
    for text in values or []:
        column, mark, form = text.partition("=")
        has_column = bool(mark) and "%" not in column
        formats[column if has_column else ""] = form if has_column else text
    return formats or None


def collect_missing(values: list[str] | None) -> dict[str, list[str]] | None:
    """Column -> what stands for a missing cell in it; under an empty name in all columns."""
    missing: dict[str, list[str]] = {}
    for text in values or []:
        column, mark, value = text.rpartition("=")
        missing.setdefault(column if mark else "", []).append(value)
    return missing or None


def collect_kinds(**named: list[str] | None) -> dict[str, str]:
    """Column -> its kind, from the columns that each option names.

    Raises:
        InputError: If a column is named by two options.
    """
    kinds: dict[str, str] = {}
    for kind, columns in named.items():
        for column in columns or []:
            if kinds.setdefault(column, kind) != kind:
                raise InputError(
                    f"--{kinds[column]} and --{kind} name the same column {column!r}; choose one"
                )
    return kinds
