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
