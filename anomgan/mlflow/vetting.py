"""What a request to the served model must be like before anything is made of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

KINDS = ("application/json", "text/csv")
"""Content types that are read.  A few bytes of Parquet, which MLflow reads too, can fill memory."""


def objection(kind: str, body: bytes, most_columns: int) -> str | None:
    """Why a body can't be taken, in one line; None if nothing speaks against it so far.

    Wide tables take time far beyond that of their bytes; deep nesting and long numbers would end
    in errors of Python's; and of CSV records with too many cells pandas would make an index.

    Args:
        kind: The content type.
        body: What was sent.
        most_columns: Of a table.
    """
    try:
        if kind.startswith("text/csv"):
            return _of_csv(body.decode(), most_columns)
        if kind.startswith("application/json"):
            widest = max(_widths(json.loads(body.decode())), default=0)
            return _too_wide(widest, most_columns) if widest > most_columns else None
    except RecursionError:
        return "the request is nested too deeply"
    except UnicodeDecodeError as error:
        return f"the request isn't UTF-8: byte {error.start} is wrong"
    except (ValueError, csv.Error) as error:  # not JSON, or a number of thousands of digits
        return f"the request can't be read: {error}"
    return None


def _of_csv(text: str, most_columns: int) -> str | None:
    if text.partition("\n")[0].count(",") >= most_columns:
        return _too_wide(text.partition("\n")[0].count(",") + 1, most_columns)
    lines = csv.reader(io.StringIO(text, newline=""))
    names = next((cells for cells in lines if cells), None)
    if names is None:
        return "the request is empty; send a header and rows"
    for cells in lines:
        if len(cells) > len(names):
            return f"line {lines.line_num} has {len(cells):,} cells, the header {len(names):,}"
    return None


def _widths(content: Any) -> Iterator[int]:
    """How many columns each part of a request has."""
    for form in content.values() if isinstance(content, dict) else ():
        if isinstance(form, dict):  # columns by name, or "columns" beside "data"
            yield len(form)
            columns = form.get("columns")
            yield len(columns) if isinstance(columns, list) else 0
            form = form.get("data")
        if isinstance(form, list):
            yield len(set(chain.from_iterable(row for row in form if isinstance(row, dict))))
            yield max((len(row) for row in form if isinstance(row, list)), default=0)


def _too_wide(columns: int, most: int) -> str:
    return f"the request has {columns:,} columns; at most {most:,} are taken"
