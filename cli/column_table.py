"""A table of how each column was read, for ``info`` and ``fit --dry-run``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anomgan.cli.console import print_json, show_facts, show_table, warn

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.data.table.options import TableOptions
    from anomgan.estimator import GANDetector

MAX_COLUMNS = 200
"""Columns that are shown; --json has all of them."""

_WIDTHS = {"column": 13, "read as": 20, "cells": 13, "holds": 16}
"""Characters of each part of the table, so that its lines fit into 80."""


def show_columns(readings: Sequence[dict[str, Any]]) -> None:
    """Print how each column was read, a line each, in 80 columns."""
    if not readings:
        return
    lines = [_make_line(reading) for reading in readings[:MAX_COLUMNS]]
    show_table([*_WIDTHS, "empty"], lines, wrapped=())
    if len(readings) > MAX_COLUMNS:
        show_facts([("", f"… and {len(readings) - MAX_COLUMNS:,} more columns; --json has all")])


def _make_line(reading: dict[str, Any]) -> list[str]:
    """The texts of one column's line."""
    read_as = ", ".join(filter(None, (reading["kind"], reading["form"])))
    cells = " ".join(reading["examples"][:2])
    texts = (reading["name"], read_as, cells, reading["holds"])
    cut = [
        text if len(text) <= width else f"{text[: width - 1]}…"
        for text, width in zip(texts, _WIDTHS.values(), strict=True)
    ]
    empty = f"{reading['missing']:,}" if reading["missing"] else ""
    return [*cut, " ".join([empty, *reading["markers"][:2]])[:10].strip()]


def list_readings(detector: GANDetector) -> list[dict[str, Any]]:
    """How each column of a model was read; of older models without cells and counts."""
    stored = detector.training_facts_.get("reading")
    if stored is not None:
        return list(stored)
    schema = detector.encoder_.schema
    return [
        {
            "name": column.name,
            "kind": column.kind,
            "form": column.describe_form(),
            "examples": [],
            "missing": 0,
            "markers": list(column.markers),
            "holds": column.describe_range(),
        }
        for column in (*schema.columns, *schema.conditions)
    ] + [
        {
            "name": column.name,
            "kind": "left out",
            "form": column.reason,
            "examples": [],
            "missing": 0,
            "markers": list(column.markers),
            "holds": "" if column.value is None else str(column.value),
        }
        for column in schema.dropped
    ]


def show_reading(
    frame: pd.DataFrame,
    *,
    conditions: Sequence[str],
    options: TableOptions,
    series: Mapping[str, Any] | None = None,
    source: str,
    as_json: bool,
) -> None:
    """Print how a table would be read, without learning from it.

    Args:
        frame: The training rows.
        conditions: Columns to condition on.
        options: What the user says about columns.
        series: Parameters of the estimator for series, if rows make up some.
        source: What messages call the table.
        as_json: Whether to print JSON.

    Raises:
        InputError: If it can't be learnt from.
    """
    from anomgan.data.encoders.convert import fit_encoder
    from anomgan.data.readers.layout import LAYOUT, describe_layout
    from anomgan.data.table.column_reading import describe_columns
    from anomgan.utils.text import limit_lines

    asked = None
    if series:
        from anomgan.params import resolve_series_options

        asked = resolve_series_options(
            **series, names=list(frame.columns), by_label=True, source=source
        )
    encoder, _, report = fit_encoder(
        frame, conditions=conditions, options=options, series=asked, source=source
    )
    for line in limit_lines(report.unread_lines()):
        warn(f"{source}: {line}")
    readings = [dict(each) for each in describe_columns(frame, encoder.schema, report.missing)]
    notes = encoder.schema.notes()[len(encoder.schema.dropped) :]
    layout = frame.attrs.get(LAYOUT)
    if as_json:
        found = {"rows": len(frame), "columns": readings, "notes": notes}
        print_json(found if layout is None else found | {"layout": layout})
        return
    show_columns(readings)
    facts = [("rows", f"{len(frame):,}"), *encoder.summary().items()]
    facts += [] if layout is None else [("layout", describe_layout(layout))]
    show_facts([*facts, *(("note", note) for note in notes)])
