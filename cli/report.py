"""``anomgan report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.console import say
from anomgan.cli.file_options import (
    HeaderOption,
    NoHeaderOption,
    SeparatorOption,
    SheetOption,
    collect_read_options,
    follow_model,
)
from anomgan.cli.options import (
    DEFAULT_MODEL,
    MODEL_SCHEMES,
    ModelArgument,
    NamedModelOption,
    choose_model,
    get_display_name,
)
from anomgan.errors import InputError
from anomgan.utils.text import quote_names

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.cli.csv_output import Bools
    from anomgan.data.readers.options import ReadOptions
    from anomgan.estimator import GANDetector


def report(
    context: typer.Context,
    model: ModelArgument = DEFAULT_MODEL,
    named: NamedModelOption = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Records to judge and to report on.", show_default=False),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The truth about them, a row for each in the same order; --label says in which "
            "column, by default 'label' or the only one.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="COL",
            help="Column that marks abnormal rows, in --labels or in --data itself.",
            show_default=False,
        ),
    ] = None,
    normal: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Normal records to fit simple detectors on, for comparison where labels are "
            "known; best the table that the model was fitted on.",
            show_default=False,
        ),
    ] = None,
    sheet: SheetOption = None,
    separator: SeparatorOption = None,
    header: HeaderOption = None,
    no_header: NoHeaderOption = False,
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="Where to write the page; - for standard output.")
    ] = Path("report.html"),
) -> None:
    """Write one self-contained HTML page: the model, its health, and what it says of new records.

    The page needs no network and runs no script.  It shows cells of the most abnormal records.
    """
    model = choose_model(context, model, named)
    if data is None:
        for option, given in [("--labels", labels), ("--label", label), ("--normal", normal)]:
            if given is not None:
                raise InputError(f"{option} belongs to --data; name the records with it")
    if normal is not None and labels is None and label is None:
        raise InputError("--normal: without --labels or --label there is nothing to compare")

    from anomgan import load
    from anomgan.cli.csv_output import open_output
    from anomgan.cli.labels import read_normal_rows
    from anomgan.data.readers.sources import describe_source
    from anomgan.reporting.page import report as render_report

    with open_output(output) as file:
        detector = load(model)
        frame = truth = names = normal_rows = None
        if data is not None:
            options = follow_model(
                collect_read_options(sheet, separator, header, no_header), detector
            )
            frame, truth, names = _read_data(detector, data, labels, label, options)
            if normal is not None:
                normal_rows = read_normal_rows(detector, normal, options)
        name = get_display_name(model)
        html = render_report(
            detector,
            frame,
            labels=truth,
            normal=normal_rows,
            names=names,
            name=name if name.startswith(MODEL_SCHEMES) else model.resolve().name,
            source="the data" if data is None else describe_source(data),
        )
        file.write(html.encode())
    if str(output) != "-":
        say(f"wrote {output}")


def _read_data(
    detector: GANDetector, data: str, labels: str | None, label: str | None, options: ReadOptions
) -> tuple[pd.DataFrame, Bools | None, list[str] | None]:
    """The rows to report on, which of them are abnormal if labelled, and their identifiers."""
    from anomgan.cli.labels import read_labels
    from anomgan.data.readers.files import read_whole
    from anomgan.data.readers.sources import describe_source

    roles, source = ColumnRoles.from_detector(detector), describe_source(data)
    frame = read_whole(data, options)
    names = truth = None
    if labels is None and label is not None:
        marked = read_labels(frame, label, source=source, normal=roles.normal)
        frame, truth = marked.records, marked.abnormal
    if roles.identifier is not None and roles.identifier in frame.columns:
        names = [str(name) for name in frame[roles.identifier]]
    if labels is not None:
        truth = _read_labels(labels, label, len(frame), source, options.sheet)
    return roles.drop_from(frame), truth, names


def _read_labels(
    labels: str, label: str | None, rows: int, source: str, sheet: str | int | None
) -> Bools:
    """Read labels from a separate file.

    Raises:
        InputError: If the column is ambiguous, or there aren't as many labels as rows.
    """
    from anomgan.cli.labels import find_abnormal_rows, split_label
    from anomgan.data.readers.files import read_table
    from anomgan.data.readers.sources import describe_source

    name = describe_source(labels)
    table = read_table(labels, sheet=sheet)
    if label is None and "label" not in table.columns and table.shape[1] > 1:
        raise InputError(
            f"{name}: name the column with --label; it has: {quote_names(table.columns)}"
        )
    column = label or ("label" if "label" in table.columns else str(table.columns[0]))
    if len(table) != rows:
        raise InputError(
            f"{name}: has {len(table):,} labels for the {rows:,} rows of {source}; give each one"
        )
    column, normal = split_label(column, table.columns)
    return find_abnormal_rows(table, column, source=name, normal=normal)
