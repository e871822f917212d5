"""``anomgan explain``."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.console import say
from anomgan.cli.options import DEFAULT_MODEL, TABLE_KINDS, ModelOption, SheetOption
from anomgan.errors import InputError
from anomgan.utils.text import escape_control

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from anomgan.estimator import GANDetector
    from anomgan.explain.explainer import Explanation

Format = Literal["text", "csv", "json"]

SCORES = ("score", "p_value", "normal_score")
"""Numbers of each explained row."""


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
    columns: Annotated[
        int, typer.Option(metavar="K", min=1, help="Columns to name for each record.")
    ] = 3,
    sheet: SheetOption = None,
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
) -> None:
    """Say why records are abnormal: which columns, by how much, and what would be normal instead.

    Contributions are in units of the score and add up to what the record's score exceeds that of
    the nearest normal record by.
    """
    row_numbers = None if rows is None else _parse_rows(rows)
    output_format = _choose_format(form, output)

    from anomgan import load
    from anomgan.cli.csv_output import open_output
    from anomgan.cli.table_output import open_table
    from anomgan.data.readers.sources import describe_source

    source = describe_source(new)
    with contextlib.ExitStack() as stack:
        if output_format == "csv":
            table_writer = stack.enter_context(open_table(output))
        else:
            file = stack.enter_context(open_output(output))
        detector = load(model)
        roles = ColumnRoles.from_detector(detector)
        if row_numbers is None:
            frame = _read_most_abnormal(detector, new, source, top, sheet)
        else:
            frame = _read_rows(new, source, row_numbers, sheet)
        roles.check_identifier(frame.columns, source=source)
        table = roles.drop_from(frame)
        explanation = detector.explain_frame(table, top=columns, source=source)
        if row_numbers is not None:  # else scoring has warned of unknown columns
            detector.encoder_.schema.locate(table, source=source)
        names = frame.index if roles.identifier is None else frame[roles.identifier]
        entries = list(_make_entries(names.tolist(), explanation))
        label = roles.identifier or "row"
        if output_format == "csv":
            table_writer.write(_to_table(label, entries))
        else:
            for text in (_to_text if output_format == "text" else _to_json)(label, entries):
                file.write(f"{text}\n".encode())
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


def _read_most_abnormal(
    detector: GANDetector, path: str, source: str, top: int, sheet: str | None
) -> pd.DataFrame:
    """The rows with the largest scores, the largest first; reads and scores chunk by chunk."""
    import pandas as pd

    from anomgan.data.readers.files import read_chunks

    roles = ColumnRoles.from_detector(detector)
    kept, scores = pd.DataFrame(), pd.Series(dtype=float)
    for chunk in read_chunks(path, sheet=sheet):
        result = detector.score_frame(
            roles.drop_from(chunk), first_row=int(chunk.index[0]), source=source
        )
        scores = pd.concat([scores, pd.Series(result.score, chunk.index)])
        scores = scores.sort_values(ascending=False, kind="stable").head(top)
        kept = pd.concat([kept, chunk]).loc[scores.index]
    return kept


def _read_rows(path: str, source: str, row_numbers: list[int], sheet: str | None) -> pd.DataFrame:
    """These rows, in this order.

    Raises:
        InputError: If one doesn't exist.
    """
    import pandas as pd

    from anomgan.data.readers.files import read_chunks

    chunks = read_chunks(path, sheet=sheet)
    kept = pd.concat([chunk.loc[chunk.index.intersection(row_numbers)] for chunk in chunks])
    absent = [row for row in row_numbers if row not in kept.index]
    if absent:
        raise InputError(f"--rows: {source} has no record {absent[0]}; they count from 0")
    return kept.loc[row_numbers]


def _make_entries(names: list[Any], explanation: Explanation) -> Iterator[dict[str, Any]]:
    """For each row its name, scores and lines."""
    for (_, lines), name, score, p_value, normal_score in zip(
        explanation.frame.groupby("row", sort=True),
        names,
        explanation.score.tolist(),
        explanation.p_value.tolist(),
        explanation.normal_score.tolist(),
        strict=True,
    ):
        yield {
            "name": name,
            "score": score,
            "p_value": p_value,
            "normal_score": normal_score,
            "lines": lines.drop(columns="row"),
        }


def _to_text(label: str, entries: list[dict[str, Any]]) -> Iterator[str]:
    """A paragraph of sentences for each row."""
    for entry in entries:
        yield (
            f"{label} {entry['name']}: score {entry['score']:.3g}, p-value {entry['p_value']:.2g}, "
            f"nearest normal row {entry['normal_score']:.3g}"
        )
        lines = [line for line in entry["lines"].to_dict("records") if line["contribution"]]
        for line in lines:
            yield escape_control(f"  {line['contribution']:+7.2f}  {line['sentence']}")
        if not lines:
            yield "           is normal as it is"


def _to_table(label: str, entries: list[dict[str, Any]]) -> pa.Table:
    """A row for each explained row and column."""
    import pandas as pd

    from anomgan.cli.table_output import to_arrow_table

    parts = []
    for entry in entries:
        lines = entry["lines"].astype({"observed": object, "expected": object})
        for position, key in enumerate(("name", *SCORES)):
            lines.insert(position, label if key == "name" else key, entry[key])
        parts.append(lines)
    table = pd.concat(parts, ignore_index=True)
    for name in ("observed", "expected"):
        table[name] = table[name].map(str, na_action="ignore")
    return to_arrow_table({str(name): table[name] for name in table})


def _to_json(label: str, entries: list[dict[str, Any]]) -> Iterator[str]:
    """A list with one object for each row."""
    objects = []
    for entry in entries:
        lines = [
            {key: _to_json_value(cell) for key, cell in line.items()}
            for line in entry["lines"].to_dict("records")
        ]
        scores = {key: entry[key] for key in SCORES}
        objects.append({label: _to_json_value(entry["name"]), **scores, "columns": lines})
    yield json.dumps(objects, indent=1, ensure_ascii=False, allow_nan=False)


def _to_json_value(cell: Any) -> Any:
    """Numbers, truth values and null as they are, everything else as text."""
    import numpy as np
    import pandas as pd

    if pd.isna(cell):
        return None
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, float) and not math.isfinite(cell):
        return str(cell)
    return cell if isinstance(cell, bool | int | float | str) else str(cell)
