"""Read JSON: an object a line, or one array of objects.

Lines are read in chunks, an array whole.  Keys of objects are columns; those of objects within
them are joined by a dot: ``{"pump": {"heat": 3}}`` has the column ``pump.heat``.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
import pyarrow as pa

from anomgan.data.arrow import arrow_to_series
from anomgan.data.column_names import refuse_duplicates
from anomgan.data.readers.encoding import Utf8Stream
from anomgan.data.readers.sources import Source, describe_source, open_bytes
from anomgan.errors import InputError

_MAX_LINE_CHARS, _MAX_ARRAY_CHARS = 2**26, 2**30
"""Longest line, and longest array, that is read: both are held in memory."""

Record = dict[str, Any]


def read_json(source: Source, rows: int) -> Iterator[pd.DataFrame]:
    """Read frames of at most ``rows`` rows; see :func:`.files.read_chunks`.

    Cells are numbers, Booleans or text; a key that an object lacks is a missing cell.  What is
    longer than a chunk is read twice, because its last object may have a key that others lack.
    """
    name = describe_source(source)
    records = _read_records(source, name, warn=True)
    chunk = list(itertools.islice(records, rows))
    is_all = len(chunk) < rows
    keys = (key for record in itertools.chain(chunk, records) for key in record)
    columns = list(dict.fromkeys(keys))
    refuse_duplicates(columns, name)
    if not is_all:
        records = _read_records(source, name)
        chunk = list(itertools.islice(records, rows))
    while chunk:
        cells = {key: [record.get(key) for record in chunk] for key in columns}
        yield pd.DataFrame({key: _to_series(column) for key, column in cells.items()})
        chunk = [] if is_all else list(itertools.islice(records, rows))


def _read_records(source: Source, name: str, *, warn: bool = False) -> Iterator[Record]:
    """Read flat records, and warn of bytes that aren't UTF-8.

    Raises:
        InputError: If the text is neither an array of objects nor one object a line.
    """
    with open_bytes(source, name) as raw:
        utf8 = Utf8Stream(raw, name)
        text = io.TextIOWrapper(io.BufferedReader(utf8), encoding="utf-8")
        first, number = "", 0
        while not first and (line := text.readline(_MAX_LINE_CHARS)):
            number += 1
            first = line.strip()
        if not first:
            raise InputError(f"{name}: is empty")
        if first.startswith("["):
            whole = line + text.read(_MAX_ARRAY_CHARS)
            if len(whole) > _MAX_ARRAY_CHARS:
                raise InputError(
                    f"{name}: an array of more than {_MAX_ARRAY_CHARS:,} characters; write an "
                    f"object a line, which is read in chunks"
                )
            yield from _read_array(whole, name)
        else:
            lines = iter(lambda: text.readline(_MAX_LINE_CHARS), "")
            yield from _read_lines(itertools.chain([line], lines), number, name)
        if warn:
            utf8.warn_if_not_utf8()


def _read_lines(lines: Iterable[str], first: int, name: str) -> Iterator[Record]:
    for number, line in enumerate(lines, first):
        if line.strip():
            place = f"{name}: line {number}"
            if len(line) >= _MAX_LINE_CHARS:
                raise InputError(f"{place}: goes on for more than {_MAX_LINE_CHARS:,} characters")
            yield _flatten(_parse(line, place), place)


def _read_array(text: str, name: str) -> Iterable[Record]:
    table = _parse(text, name)
    if not isinstance(table, list):
        raise InputError(f"{name}: an array of objects is followed by something else")
    return (_flatten(record, f"{name}: record {at}") for at, record in enumerate(table))


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = "" if error.lineno == 1 else f"line {error.lineno}, "
        raise InputError(
            f"{place}: isn't JSON: {error.msg} ({where}character {error.colno}); write an object "
            f"a line, or an array of objects"
        ) from None
    except (RecursionError, ValueError) as error:  # nested too deeply, or an endless number
        raise InputError(f"{place}: can't be read as JSON: {error}") from None


def _flatten(record: Any, place: str) -> Record:
    """A record without objects in it.

    Raises:
        InputError: If it isn't an object, or two of its keys are the same in the end.
    """
    if not isinstance(record, dict):
        raise InputError(f'{place}: isn\'t an object; write {{"column": cell, …}} for each row')
    if not any(isinstance(cell, dict) for cell in record.values()):
        return record
    flat: Record = {}
    for key, cell in record.items():
        parts = {key: cell}
        if isinstance(cell, dict):
            inner = _flatten(cell, place)
            parts = {f"{key}.{name}": part for name, part in inner.items()}
        for name, part in parts.items():
            if name in flat:
                raise InputError(f"{place}: has the key {name!r} twice; rename one")
            flat[name] = part
    return flat


def _to_series(cells: list[Any]) -> pd.Series[Any]:
    """A column with the digits of its integers; objects if cells are of several types."""
    try:
        return arrow_to_series(pa.array(cells))
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return pd.Series(cells, dtype=object)
