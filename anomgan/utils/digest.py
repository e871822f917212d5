"""A checksum that identifies a table."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd


def compute_digest(table: Any) -> str:
    """Sixteen hexadecimal digits from the names, order and cells of all columns, not the index.

    MLflow's own digest of a data set reads no more than its first 10,000 rows.

    Args:
        table: A DataFrame or array-like of any number of dimensions.
    """
    if not isinstance(table, pd.DataFrame):
        array = np.ascontiguousarray(table)
        if array.ndim != 2:
            digest = hashlib.sha256(repr((array.shape, str(array.dtype))).encode())
            digest.update(array.tobytes())
            return digest.hexdigest()[:16]
        table = pd.DataFrame(array)
    digest = hashlib.sha256(repr([str(name) for name in table.columns]).encode())
    for position in range(table.shape[1]):
        digest.update(_column_bytes(table.iloc[:, position]))
    return digest.hexdigest()[:16]


def _column_bytes(column: pd.Series[Any]) -> bytes:
    try:
        return pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes()
    except TypeError:  # lists and other unhashable cells
        return repr(column.tolist()).encode(errors="backslashreplace")
