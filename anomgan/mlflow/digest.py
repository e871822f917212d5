"""What tells a table from every other: a digest of its columns and cells."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pandas as pd


def digest_of(table: Any) -> str:
    """Sixteen hexadecimal digits from names, order and contents of a table; its index is left out.

    Args:
        table: A DataFrame, or whatever makes an array.
    """
    if not isinstance(table, pd.DataFrame):
        array = np.ascontiguousarray(table)
        if array.ndim != 2:
            known = hashlib.sha256(repr((array.shape, str(array.dtype))).encode())
            known.update(array.tobytes())
            return known.hexdigest()[:16]
        table = pd.DataFrame(array)
    known = hashlib.sha256(repr([str(name) for name in table.columns]).encode())
    for at in range(table.shape[1]):
        known.update(_cells(table.iloc[:, at]))
    return known.hexdigest()[:16]


def _cells(column: pd.Series[Any]) -> bytes:
    try:
        return pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes()
    except TypeError:  # lists and other cells that can't be hashed
        return repr(column.tolist()).encode(errors="backslashreplace")
