"""Arrow data as pandas frames, with no digit, moment or letter lost on the way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.errors import InputError

NULLABLE: dict[pa.DataType, Any] = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
}
"""What holds integers with gaps: NumPy would take them for floats, which end at 2**53."""

EARLIEST, LATEST = dt.date.min, dt.date.max
"""Days beyond can't be objects of Python's."""


def arrow_to_frame(data: pa.RecordBatch | pa.Table, source: str = "the table") -> pd.DataFrame:
    """The cells of Arrow data as pandas holds them; what pandas noted there is ignored.

    Args:
        data: n rows of any columns.
        source: What messages call it.

    Raises:
        InputError: If pandas has nothing to hold a column in.
    """
    names, columns = data.schema.names, data.columns
    odd = [at for at, column in enumerate(columns) if _needs_care(column)]
    plain = data if not odd else data.select([at for at in range(len(names)) if at not in odd])
    try:
        frame: pd.DataFrame = plain.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        held = ", ".join(sorted({str(field.type) for field in plain.schema}))
        raise InputError(
            f"{source}: can't be read as {held}: {' '.join(str(error).split())}"
        ) from None
    for at in odd:
        frame.insert(at, names[at], arrow_to_series(columns[at]), allow_duplicates=True)
    return frame


def arrow_to_series(column: pa.Array | pa.ChunkedArray) -> pd.Series[Any]:
    """The cells of one column, as :func:`arrow_to_frame`."""
    kind = column.type
    if kind in NULLABLE:
        mapper = NULLABLE.get if column.null_count else None
        found: pd.Series[Any] = column.to_pandas(types_mapper=mapper)
        return found
    if pa.types.is_date(kind) and _far(column):
        column = column.cast(pa.timestamp("s" if pa.types.is_date32(kind) else "ms"))
    elif _is_text(kind) and not _is_valid(column):
        column = pa.array(_decoded(column), pa.large_string())
    cells: pd.Series[Any] = column.to_pandas()
    return cells


def _needs_care(column: pa.Array | pa.ChunkedArray) -> bool:
    if column.type in NULLABLE:
        return bool(column.null_count)
    if pa.types.is_date(column.type):
        return _far(column)
    return _is_text(column.type) and not _is_valid(column)


def _far(days: pa.Array | pa.ChunkedArray) -> bool:
    """Whether a day lies beyond the years that Python knows."""
    ends = pc.min_max(days)
    low, high = (pa.scalar(day, days.type) for day in (EARLIEST, LATEST))
    beyond = pc.or_(pc.less(ends["min"], low), pc.greater(ends["max"], high))
    return bool(beyond.as_py())


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_valid(text: pa.Array | pa.ChunkedArray) -> bool:
    """Whether all of it is UTF-8, as it should be; not every writer of Parquet takes care."""
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _decoded(text: pa.Array | pa.ChunkedArray) -> Iterable[str | None]:
    """Text with bytes that aren't UTF-8 spelt out."""
    raw = pa.large_binary() if pa.types.is_large_string(text.type) else pa.binary()
    for chunk in text.chunks if isinstance(text, pa.ChunkedArray) else [text]:
        for cell in chunk.view(raw).to_pylist():
            yield None if cell is None else cell.decode(errors="backslashreplace")
