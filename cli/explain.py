"""``anomgan explain``."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
from anomgan.cli.options import DEFAULT_MODEL, TABLE_KINDS, ModelOption
from anomgan.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.estimator import GANDetector

Format = Literal["text", "csv", "json"]


def explain(
    new: Annotated[
        str,
        typer.Argument(
            metavar="NEW",
            help=f"Records: {TABLE_KINDS}, a URL, or - for CSV on standard input.",
            show_default=False,
        ),
    ],
    model: ModelOption = DEFAULT_MODEL,
    top: Annotated[
        int, typer.Option(metavar="N", min=1, help="Explain the N most abnormal records.")
    ] = 20,
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="I,J,…",
            help="Explain these records instead, counted from 0.",
            show_default=False,
        ),
    ] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option(
            "--id",
            metavar="ID",
            help="Explain the records of this name instead, if the model knows a column of names "
            "(fit --id); may be repeated.",
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        int, typer.Option(metavar="K", min=1, help="Columns to name for each record.")
    ] = 3,
    sheet: SheetOption = None,
    separator: SeparatorOption = None,
    header: HeaderOption = None,
    no_header: NoHeaderOption = False,
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            help="Sentences, or a CSV line or JSON object for each record and column.",
            show_default="as --output ends, else text",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to this file instead of standard output: sentences to .txt, JSON to .json, "
            "a table of records and columns to .csv, .csv.gz, .jsonl, .parquet or .xlsx.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Say why records are abnormal: which columns, by how much, and what would be normal instead.

    Contributions are in units of the score and add up to what the record's score exceeds that of
    the nearest normal record by.
    """
    row_numbers = None if rows is None else _parse_rows(rows)
    if rows is not None and ids:
        raise InputError("--rows and --id are two ways to choose records; give one of them")
    if as_json and form not in (None, "json"):
        raise InputError(f"--format {form} and --json ask for two formats; leave one out")
    form = "json" if as_json else form
    output_format = _choose_format(form, output)

    from anomgan import load
    from anomgan.cli.csv_output import open_output
    from anomgan.cli.explained_rows import make_entries, to_json, to_table, to_text
    from anomgan.cli.series_events import explain_series
    from anomgan.cli.table_output import open_table
    from anomgan.data.readers.files import read_chunks
    from anomgan.data.readers.sources import describe_source

    source = describe_source(new)
    with contextlib.ExitStack() as stack:
        if output_format == "csv":
            table_writer = stack.enter_context(open_table(output))
        else:
            file = stack.enter_context(open_output(output))
        detector = load(model)
        roles = ColumnRoles.from_detector(detector)
        chunks = read_chunks(
            new, follow_model(collect_read_options(sheet, separator, header, no_header), detector)
        )
        of_series = detector.encoder_.spec.window is not None
        if of_series and ids:
            raise InputError("--id: rows of series are chosen by --rows")
        if of_series:
            frame, explanation = explain_series(
                *(detector, chunks), rows=row_numbers, top=top, columns=columns, source=source
            )
        elif ids:
            frame = _find_named(chunks, source, roles, ids)
        elif row_numbers is not None:
            frame = _find_rows(chunks, source, row_numbers)
        else:
            frame = _find_most_abnormal(detector, chunks, source, top)
        roles.check_identifier(frame.columns, source=source)
        table = roles.drop_from(frame)
        if not of_series:
            explanation = detector.explain_frame(table, top=columns, source=source)
        if ids or row_numbers is not None:  # else scoring has warned of unknown columns
            detector.encoder_.schema.locate(table, source=source)
        names = frame.index if roles.identifier is None else frame[roles.identifier]
        entries = list(make_entries(names.tolist(), explanation))
        label = roles.identifier or "row"
        if output_format == "csv":
            table_writer.write(to_table(label, entries))
        elif output_format == "json":
            text = json.dumps(
                to_json(label, entries), indent=1, ensure_ascii=False, allow_nan=False
            )
            file.write(f"{text}\n".encode())
        else:
            file.writelines(f"{line}\n".encode() for line in to_text(label, entries))
    say(f"{len(frame):,} rows explained")


def _parse_rows(rows: str) -> list[int]:
    """Row numbers from ``--rows``.

    Raises:
        InputError: If they aren't comma-separated numbers from 0.
    """
    try:
        numbers = [int(part) for part in rows.split(",")]
    except ValueError:
        numbers = [-1]
    if min(numbers) < 0:
        raise InputError(f"--rows {rows}: give record numbers from 0, separated by commas")
    return list(dict.fromkeys(numbers))


def _choose_format(form: Format | None, output: Path | None) -> Format:
    """The format that is asked for, by option or by the end of the file's name.

    Raises:
        InputError: If the two contradict each other, or the end of the name is unknown.
    """
    if output is None or str(output) == "-":
        return form or "text"

    from anomgan.cli.table_output import TABLE_SUFFIXES, check_output, has_table_suffix

    endings: dict[str, Format] = {".txt": "text", ".json": "json"}
    named = "csv" if has_table_suffix(output) else endings.get(output.suffix.lower())
    if named is not None and form not in (None, named):
        raise InputError(f"--format {form}: --output {output} asks for another; leave one out")
    if named is None and form is None and not output.is_dir():
        raise InputError(
            f"--output {output}: unknown kind of file; known are "
            f"{', '.join([*endings, *TABLE_SUFFIXES])}"
        )
    chosen: Format = named or form or "text"
    if chosen == "csv":
        check_output(output)
    return chosen


def _find_most_abnormal(
    detector: GANDetector, chunks: Iterator[pd.DataFrame], source: str, top: int
) -> pd.DataFrame:
    """The rows with the largest scores, the largest first; scores chunk by chunk."""
    from anomgan.cli.most_abnormal import MostAbnormal

    roles, found = ColumnRoles.from_detector(detector), MostAbnormal(top)
    for chunk in chunks:
        scored = detector.score_frame(
            roles.drop_from(chunk), first_row=int(chunk.index[0]), source=source
        )
        found.add(chunk, scored)
    return found.frame


def _find_named(
    chunks: Iterator[pd.DataFrame], source: str, roles: ColumnRoles, ids: list[str]
) -> pd.DataFrame:
    """The rows whose identifiers are these, in this order.

    Raises:
        InputError: If the model knows no identifiers, or no row has one of these.
    """
    import pandas as pd

    if roles.identifier is None:
        raise InputError(
            "--id: the model knows no column that names records (fit --id COL); use --rows"
        )
    kept = []
    for chunk in chunks:
        roles.check_identifier(chunk.columns, source=source)
        names = chunk[roles.identifier].map(_format_name)
        kept.append(chunk[names.isin(ids)])
    frame = pd.concat(kept)
    names = frame[roles.identifier].map(_format_name)
    for each in ids:
        if each not in set(names):
            raise InputError(f"--id: {source} has no record {each!r} in {roles.identifier!r}")
    order = names.map({each: at for at, each in enumerate(dict.fromkeys(ids))})
    return frame.loc[order.sort_values(kind="stable").index]


def _format_name(name: Any) -> str:
    """A name as a person types it: whole numbers beside gaps are floats, but aren't typed so."""
    return str(int(name)) if isinstance(name, float) and name.is_integer() else str(name)


def _find_rows(chunks: Iterator[pd.DataFrame], source: str, row_numbers: list[int]) -> pd.DataFrame:
    """These rows, in this order.

    Raises:
        InputError: If one doesn't exist.
    """
    import pandas as pd

    kept = pd.concat([chunk.loc[chunk.index.intersection(row_numbers)] for chunk in chunks])
    absent = [row for row in row_numbers if row not in kept.index]
    if absent:
        raise InputError(f"--rows: {source} has no record {absent[0]}; they count from 0")
    return kept.loc[row_numbers]
