"""How each column of a training table was read, so that a person can check it in one look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.table.cells import Cells, read_cells
from anomgan.data.table.missing import is_marker
from anomgan.data.table.schema import Schema

_EXAMPLES, _FIRST_ROWS = 3, 1_000
"""Most examples of cells, and rows in which they are sought."""

_MAX_EXAMPLE_CHARS = 80


class ColumnReading(TypedDict):
    """How one column was read.

    Attributes:
        name: The column.
        kind: Its kind, or ``"left out"``.
        form: How its cells are written, or why it was left out; empty if plain.
        examples: The first different cells as they stand in the table.
        missing: Number of missing cells, those that can't be read included.
        markers: What stands for a missing cell in it.
        holds: The range of its numbers, or its most frequent levels; empty where neither is known.
    """

    name: str
    kind: str
    form: str
    examples: list[str]
    missing: int
    markers: list[str]
    holds: str


def describe_columns(
    frame: pd.DataFrame, schema: Schema, missing: Mapping[str, int]
) -> list[ColumnReading]:
    """Describe the columns of a training table in its order.

    Args:
        frame: The table.
        schema: What was inferred from it.
        missing: Column -> number of missing cells.
    """
    columns = {column.name: column for column in (*schema.columns, *schema.conditions)}
    dropped = {column.name: column for column in schema.dropped}
    readings = []
    for at, name in enumerate(map(str, frame.columns)):
        if name not in columns and name not in dropped:
            continue
        series = frame.iloc[:, at]
        left_out = dropped.get(name)
        markers, gaps = (left_out or columns[name]).markers, missing.get(name, 0)
        if left_out:
            gaps = int(read_cells(series).missing.sum())
        elif gaps and not columns[name].missing_in_block:
            markers = tuple(dict.fromkeys((*markers, *_find_markers(read_cells(series)))))
        readings.append(
            ColumnReading(
                name=name,
                kind="left out" if left_out else columns[name].kind,
                form=left_out.reason if left_out else columns[name].describe_form(),
                examples=list(_find_examples(series)),
                missing=gaps,
                markers=list(markers),
                holds="" if left_out else columns[name].describe_range(),
            )
        )
    return readings


def _find_examples(series: pd.Series[Any]) -> Iterator[str]:
    """The first different filled cells, as text."""
    filled = series.iloc[:_FIRST_ROWS].dropna()
    if not len(filled):  # perhaps later
        filled = series.dropna().iloc[:_FIRST_ROWS]
    for cell in filled.astype(str).unique()[:_EXAMPLES]:
        yield str(cell)[:_MAX_EXAMPLE_CHARS]


def _find_markers(cells: Cells) -> list[str]:
    """Words for missing that occur."""
    if cells.form != "text":
        return []
    text: pa.Array = cells.trimmed
    words: list[str] = pc.unique(text.filter(is_marker(text))).to_pylist()
    return words
