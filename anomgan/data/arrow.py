"""Convert Arrow data to pandas without losing digits of integers, distant dates or odd text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.errors import InputError
from anomgan.utils.text import one_line

_NULLABLE_DTYPES: dict[pa.DataType, Any] = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}
"""Dtypes of integers with missing cells; floats would be exact only up to 2**53."""


def arrow_to_frame(data: pa.RecordBatch | pa.Table, source: str = "the table") -> pd.DataFrame:
    """Convert Arrow data; pandas metadata in its schema is ignored.

    Args:
        data: n rows of any columns.
        source: What messages call the data.

    Raises:
        InputError: If pandas has no dtype for a column.
    """
    names, columns = data.schema.names, data.columns
    special = [at for at, column in enumerate(columns) if _is_special(column)]
    plain = data
    if special:
        plain = data.select([at for at in range(len(names)) if at not in special])
    try:
        frame: pd.DataFrame = plain.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        types = ", ".join(sorted({str(field.type) for field in plain.schema}))
        raise InputError(f"{source}: can't be read as {types}: {one_line(error)}") from None
    for at in special:
        frame.insert(at, names[at], arrow_to_series(columns[at]), allow_duplicates=True)
    return frame


def arrow_to_series(column: pa.Array | pa.ChunkedArray) -> pd.Series[Any]:
    """Convert one column, as :func:`arrow_to_frame`."""
    kind, mapper = column.type, None
    if kind in _NULLABLE_DTYPES:
        mapper = _NULLABLE_DTYPES.get if column.null_count else None
    elif pa.types.is_date(kind) and _exceeds_python_dates(column):
        column = column.cast(pa.timestamp("s" if pa.types.is_date32(kind) else "ms"))
    elif _is_text(kind) and not _is_valid(column):
        column = pa.array(_decode_escaped(column), pa.large_string())
    series: pd.Series[Any] = column.to_pandas(types_mapper=mapper)
    return series


def _is_special(column: pa.Array | pa.ChunkedArray) -> bool:
    """Whether a column would lose something in ``to_pandas``."""
    if column.type in _NULLABLE_DTYPES:
        return bool(column.null_count)
    if pa.types.is_date(column.type):
        return _exceeds_python_dates(column)
    return _is_text(column.type) and not _is_valid(column)


def _exceeds_python_dates(days: pa.Array | pa.ChunkedArray) -> bool:
    """Whether a date is outside the years 1 to 9999 of Python's dates."""
    ends = pc.min_max(days)
    low, high = (pa.scalar(day, days.type) for day in (dt.date.min, dt.date.max))
    beyond = pc.or_(pc.less(ends["min"], low), pc.greater(ends["max"], high))
    return bool(beyond.as_py())


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_valid(text: pa.Array | pa.ChunkedArray) -> bool:
    """Whether all text is UTF-8; not every writer of Parquet ensures that."""
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _decode_escaped(text: pa.Array | pa.ChunkedArray) -> Iterable[str | None]:
    """Cells of text; bytes that aren't UTF-8 are escaped."""
    raw = pa.large_binary() if pa.types.is_large_string(text.type) else pa.binary()
    for chunk in text.chunks if isinstance(text, pa.ChunkedArray) else [text]:
        for cell in chunk.view(raw).to_pylist():
            yield None if cell is None else cell.decode(errors="backslashreplace")
