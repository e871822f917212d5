"""Convert input of any type to a frame, and choose between the encoders of tables and pictures."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from anomgan.data.arrow import arrow_to_frame
from anomgan.data.encoders.encoder import Encoder, Records
from anomgan.data.encoders.image import ImageEncoder, refuse_few_pictures
from anomgan.data.encoders.series import SeriesEncoder
from anomgan.data.encoders.table import TableEncoder
from anomgan.data.image.picture import (
    PICTURE_COLUMN,
    FilePicture,
    holds_pictures,
    is_picture,
    to_picture_series,
)
from anomgan.data.parse_report import ParseReport
from anomgan.data.readers.files import read_whole
from anomgan.data.readers.options import ReadOptions
from anomgan.data.series.options import SeriesOptions
from anomgan.data.table.options import TableOptions
from anomgan.errors import InputError
from anomgan.utils.text import one_line

_ENCODERS: dict[str, type[TableEncoder] | type[ImageEncoder] | type[SeriesEncoder]] = {
    each.kind: each for each in (TableEncoder, ImageEncoder, SeriesEncoder)
}

_COLLECT_METHODS = "collect", "compute", "toPandas", "to_pandas"
"""Methods that load tables of polars, dask, Spark and others into memory."""


def to_frame(X: Any, options: ReadOptions | None = None) -> pd.DataFrame | None:
    """Convert input to a frame of records with named columns.

    Args:
        X: A DataFrame, a table with the Arrow interface (pyarrow, polars, DuckDB) or a structured
            array; the path of a file or folder; pictures as an array ``(n, H, W)`` or
            ``(n, H, W, C)``; or a list or Series of paths, arrays or Pillow images.
        options: How a file is read.

    Returns:
        The frame; None for tables without column names, such as 2-D arrays.

    Raises:
        InputError: If a path can't be read, or the user must convert X first.
    """
    X = _load_table(X)
    if isinstance(X, pd.DataFrame):
        return X
    if isinstance(X, str | os.PathLike):
        return read_whole(os.fspath(X), options)
    if isinstance(X, np.ndarray) and X.ndim in (3, 4) and X.dtype.kind in "buif":
        return pd.DataFrame({PICTURE_COLUMN: to_picture_series(list(X))})
    if isinstance(X, np.ndarray) and not (X.ndim == 1 and X.dtype.kind in "OU"):
        return None
    if not isinstance(X, list | tuple | pd.Series | np.ndarray) or not len(X):
        return None
    if not isinstance(X[0] if not isinstance(X, pd.Series) else X.iloc[0], str | os.PathLike):
        pictures = list(X)
    else:
        pictures = [FilePicture(os.fspath(path), Path(path)) for path in X]
    if not is_picture(pictures[0]):
        return None
    frame = pd.DataFrame({PICTURE_COLUMN: to_picture_series(pictures)})
    return frame.set_axis(X.index) if isinstance(X, pd.Series) else frame


def _load_table(X: Any) -> Any:
    """Convert tables of other libraries to DataFrames; other input is returned unchanged.

    Raises:
        InputError: If the user must convert X first.
    """
    if isinstance(X, np.ndarray):
        return pd.DataFrame(X) if X.dtype.names else X
    if isinstance(X, pd.DataFrame | list | tuple | str | os.PathLike):
        return X
    kind = f"{type(X).__module__}.{type(X).__qualname__}"
    if hasattr(X, "detach"):
        channels_last = ".permute(0, 2, 3, 1)" if X.ndim == 4 else ""
        raise InputError(f"X: a {kind}; give X{channels_last}.detach().cpu().double().numpy()")
    if hasattr(X, "__arrow_c_stream__") and not isinstance(X, pd.Series):
        try:
            return arrow_to_frame(pa.table(X), "X")
        except (pa.ArrowException, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"X: a {kind} that Arrow can't read: {one_line(error)}") from None
    if isinstance(X, Mapping):
        raise InputError(f"X: a {kind}; give pandas.DataFrame(X)")
    for method in _COLLECT_METHODS:
        if not hasattr(X, "__array_interface__") and callable(getattr(X, method, None)):
            raise InputError(f"X: a {kind}; give X.{method}()")
    return X


def fit_encoder(
    frame: pd.DataFrame,
    *,
    conditions: Sequence[str] = (),
    options: TableOptions | None = None,
    series: SeriesOptions | None = None,
    size: int = 0,
    tiles: int = 1,
    detailed: bool = False,
    strict: bool = False,
    source: str = "the input",
) -> tuple[Encoder, Records, ParseReport]:
    """Fit an encoder to training records and encode them.

    Args:
        frame: Training records.
        conditions: Names of the columns to condition on.
        options: What the user says about the columns of a table.
        series: What the user says about the series that rows make up; None if they make up none.
        size: Side of the square that pictures are resized to; 0 chooses one.
        tiles: Tiles along each side of a picture.
        detailed: Whether pictures may be larger than GANs can be trained on.
        strict: Whether unreadable input is an error.
        source: What messages call the frame.

    Returns:
        The encoder, the encoded records and the report on them.

    Raises:
        InputError: If there are too few records, all are equal, or a column can't be used.

    Warns:
        DataWarning: If columns are dropped, or a condition has one level.
    """
    encoder: Encoder
    if series is not None:
        if holds_pictures(frame) or conditions:
            what = "conditions" if conditions else "pictures"
            raise InputError(f"{source}: series and {what} don't go together; choose one")
        encoder = SeriesEncoder.fit(frame, series, options=options, source=source)
    elif holds_pictures(frame):
        encoder = ImageEncoder.fit(
            frame,
            conditions=conditions,
            size=size,
            tiles=tiles,
            detailed=detailed,
            source=source,
        )
    else:
        encoder = TableEncoder.fit(frame, conditions=conditions, options=options, source=source)
    values, report = encoder.transform(frame, strict=strict, learning=True, source=source)
    if report.lost and isinstance(encoder, ImageEncoder):
        refuse_few_pictures(len(values) // encoder.spec.tiles, list(report.lost.values()), source)
    if all(np.array_equal(row, values[0]) for row in values):  # mostly the second one differs
        raise InputError(f"{source}: all {len(values):,} {encoder.unit} are the same")
    return encoder, values, report


def encoder_from_json(state: dict[str, Any]) -> Encoder:
    """Rebuild an encoder from its ``to_json``."""
    return _ENCODERS[state.get("kind", TableEncoder.kind)].from_json(state)


def data_kind(frame: pd.DataFrame, series: SeriesOptions | None = None) -> str:
    """The kind of data in a frame, a key of `_ENCODERS`."""
    if series is not None:
        return SeriesEncoder.kind
    return (ImageEncoder if holds_pictures(frame) else TableEncoder).kind
