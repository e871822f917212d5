"""Tables made to be measured with: any number of rows and columns, written in pieces.

``python -m anomgan.bench.synthetic FILE ROWS COLUMNS SEED`` writes one as CSV, in a process of its
own, as a process that is started counts the memory of the one that starts it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

SOURCES = 6
"""Independent numbers that the columns of a row are mixed from."""

PIECE = 2_000_000
"""Most cells made at once."""


def pieces(rows: int, columns: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Rows of correlated columns, block by block, (n, columns); any length fits into memory.

    The mixture is the same for every seed, so that all such tables are of one kind.
    """
    mix = np.random.default_rng(0).normal(size=(SOURCES, columns))
    rng = np.random.default_rng(seed)
    most = max(1, PIECE // columns)
    for start in range(0, rows, most):
        n = min(most, rows - start)
        hidden = np.tanh(rng.normal(size=(n, SOURCES)))
        yield (hidden @ mix + 0.1 * rng.normal(size=(n, columns))).astype(np.float32)


def names(columns: int) -> list[str]:
    """What the columns are called."""
    return [f"x{at}" for at in range(columns)]


def table(rows: int, columns: int, seed: int) -> pd.DataFrame:
    """So many rows at once, as float64."""
    values = np.concatenate(list(pieces(rows, columns, seed))).astype(np.float64)
    return pd.DataFrame(values, columns=names(columns))


def write(path: Path, rows: int, columns: int, seed: int) -> None:
    """Write a CSV, in memory that doesn't grow with it."""
    schema = pa.schema([(name, pa.float32()) for name in names(columns)])
    with pa.csv.CSVWriter(path, schema) as file:
        for values in pieces(rows, columns, seed):
            file.write_batch(pa.record_batch([pa.array(each) for each in values.T], schema=schema))


if __name__ == "__main__":
    write(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
