"""Options that say how a file is read, where it doesn't show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from anomgan.errors import InputError

if TYPE_CHECKING:
    from anomgan.data.readers.options import ReadOptions
    from anomgan.estimator import GANDetector

SheetOption = Annotated[
    str | None,
    typer.Option(
        "--sheet",
        metavar="S",
        help="Sheet of Excel workbooks: its name, or its number from 1.",
        show_default="the first",
    ),
]
SeparatorOption = Annotated[
    str | None,
    typer.Option(
        "--separator",
        metavar="MARK",
        help="What separates columns of text: a character, or comma, semicolon, tab, pipe or space "
        "(any number of blanks).",
        show_default="what fits the lines",
    ),
]
HeaderOption = Annotated[
    int | None,
    typer.Option(
        "--header",
        metavar="LINE",
        min=1,
        help="Line of the header, counted from 1; what is above it is left out.",
        show_default="what fits the lines",
    ),
]
NoHeaderOption = Annotated[
    bool,
    typer.Option(
        "--no-header", help="The first line is a record; columns are called x0, x1 and so on."
    ),
]


def collect_read_options(
    sheet: str | None, separator: str | None, header: int | None, no_header: bool
) -> ReadOptions:
    """What the user says about how files are read.

    Raises:
        InputError: If two options exclude each other, or the separator can't be one.
    """
    from anomgan.data.readers.options import ReadOptions

    if no_header and header is not None:
        raise InputError("--header and --no-header exclude each other; give one of them")
    return ReadOptions.make(sheet=sheet, separator=separator, header=False if no_header else header)


def follow_model(options: ReadOptions, detector: GANDetector) -> ReadOptions:
    """These options, and what isn't said in them as the model's training file had it."""
    return options.follow(detector.training_facts_.get("layout"), detector.encoder_.schema.needed)
