"""``anomgan explain``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.console import say
from anomgan.cli.options import DEFAULT_MODEL, ModelOption
from anomgan.errors import InputError
from anomgan.utils.text import visible

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.estimator import GANDetector
    from anomgan.explain.explainer import Explanation

Format = Literal["text", "csv", "json"]


def explain(
    new: Annotated[
        str,
        typer.Argument(
            metavar="NEW",
            help="Records: .csv, .csv.gz, .parquet, .npz, or - for CSV on standard input.",
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
            help="Write to this file instead of standard output.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say why records are abnormal: which columns, by how much, and what would be normal instead.

    Contributions are in units of the score and add up to what the record's score exceeds that of
    the nearest normal record by.
    """
    wanted = None if rows is None else _numbers(rows)
    chosen: Format = form or _by_suffix(output)

    from anomgan import load
    from anomgan.cli.csv_output import destination
    from anomgan.data.readers.encoding import describe_source

    source = describe_source(new)
    with destination(output) as file:
        detector = load(model)
        frame = _rows(detector, new, source, wanted, top)
        names = _names(detector, frame, source)
        known = ColumnRoles.from_detector(detector).drop_from(frame)
        scored = detector.score_frame(known, source=source)
        explained = detector.explain_frame(known, top=columns, source=source)
        entries = list(_entries(names, explained, scored.p_value.tolist()))
        label = ColumnRoles.from_detector(detector).identifier or "row"
        write = {"text": _text, "csv": _csv, "json": _json}[chosen]
        for text in write(label, entries):
            file.write(f"{text}\n".encode())
    say(f"{len(frame):,} rows explained")


def _numbers(rows: str) -> list[int]:
    """Record numbers from ``--rows``.

    Raises:
        InputError: If they aren't any.
    """
    try:
        numbers = [int(part) for part in rows.split(",")]
    except ValueError:
        numbers = [-1]
    if min(numbers) < 0:
        raise InputError(f"--rows {rows}: give record numbers from 0, separated by commas")
    return list(dict.fromkeys(numbers))


def _by_suffix(output: Path | None) -> Format:
    name = "" if output is None else output.name.removesuffix(".gz")
    return "csv" if name.endswith(".csv") else "json" if name.endswith(".json") else "text"


def _rows(
    detector: GANDetector, new: str, source: str, wanted: list[int] | None, top: int
) -> pd.DataFrame:
    """The rows to explain, the most abnormal first or in the order asked for.

    Raises:
        InputError: If a row isn't there.
    """
    import pandas as pd

    from anomgan.data.readers.files import read_chunks

    roles, kept = ColumnRoles.from_detector(detector), pd.DataFrame()
    best = pd.Series(dtype=float)
    for frame in read_chunks(new):
        first = int(frame.index[0])
        if wanted is not None:
            kept = pd.concat([kept, frame.loc[frame.index.intersection(wanted)]])
            continue
        rows = roles.drop_from(frame)
        scored = detector.score_frame(rows, first_row=first, source=source)
        best = pd.concat([best, pd.Series(scored.score, frame.index)])
        best = best.sort_values(ascending=False, kind="stable").head(top)
        both = pd.concat([kept, frame])
        kept = both.loc[best.index]
    if wanted is None:
        return kept
    absent = [row for row in wanted if row not in kept.index]
    if absent:
        raise InputError(f"--rows: {source} has no record {absent[0]}; they count from 0")
    return kept.loc[wanted]


def _names(detector: GANDetector, frame: pd.DataFrame, source: str) -> list[Any]:
    """What the rows are called: the identifier that fit was told, or their number.

    Raises:
        InputError: If the identifier isn't there.
    """
    roles = ColumnRoles.from_detector(detector)
    roles.check_identifier(frame.columns, source=source)
    return (frame.index if roles.identifier is None else frame[roles.identifier]).tolist()


def _entries(
    names: list[Any], explained: Explanation, p_values: list[float]
) -> Iterator[dict[str, Any]]:
    """A row's scores and lines each."""
    for number, lines in explained.frame.groupby("row", sort=True):
        at = int(str(number))
        yield {
            "name": names[at],
            "score": float(explained.score[at]),
            "p_value": p_values[at],
            "normal_score": float(explained.normal_score[at]),
            "lines": lines.drop(columns="row"),
        }


def _text(label: str, entries: list[dict[str, Any]]) -> Iterator[str]:
    """Sentences, a paragraph for each row."""
    for entry in entries:
        yield (
            f"{label} {entry['name']}: score {entry['score']:.3g}, p-value {entry['p_value']:.2g}, "
            f"nearest normal row {entry['normal_score']:.3g}"
        )
        blamed = [line for line in entry["lines"].to_dict("records") if line["contribution"]]
        for line in blamed:
            yield visible(f"  {line['contribution']:+7.2f}  {line['sentence']}")
        if not blamed:
            yield "           is normal as it is"


def _csv(label: str, entries: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each row and column."""
    import pandas as pd

    from anomgan.cli.csv_output import csv_cells, csv_lines

    first = ("score", "p_value", "normal_score")
    parts = []
    for entry in entries:
        lines = entry["lines"].astype({"observed": object, "expected": object})
        lines.insert(0, label, entry["name"])
        for place, key in enumerate(first, 1):
            lines.insert(place, key, entry[key])
        parts.append(lines)
    table = pd.concat(parts, ignore_index=True)
    for name in ("observed", "expected"):
        table[name] = table[name].map(str, na_action="ignore")
    yield from csv_lines([csv_cells([name]) for name in table]).to_pylist()
    yield from csv_lines([csv_cells(table[name]) for name in table]).to_pylist()


def _json(label: str, entries: list[dict[str, Any]]) -> Iterator[str]:
    """One list with an object for each row."""
    found = []
    for entry in entries:
        lines = [
            {key: _json_cell(value) for key, value in line.items()}
            for line in entry["lines"].to_dict("records")
        ]
        scores = {key: entry[key] for key in ("score", "p_value", "normal_score")}
        found.append({label: _json_cell(entry["name"]), **scores, "columns": lines})
    yield json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False)


def _json_cell(value: Any) -> Any:
    """A cell as JSON has it: numbers, truth values and null as they are, all else as text."""
    import numpy as np
    import pandas as pd

    if pd.isna(value):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, bool | int | float | str) else str(value)
