"""Synthetic tables of any size, made and written block by block.

``python -m anomgan.bench.synthetic FILE ROWS COLUMNS SEED`` writes one as CSV in a process of its
own: a process inherits the peak memory of its parent, so measuring needs a small one.
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

LATENT_FACTORS = 6
"""Independent variables that the columns of a row are mixtures of."""

MAX_BLOCK_CELLS = 2_000_000
"""Upper bound on cells held at once."""


def draw_blocks(rows: int, columns: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Draw rows of correlated columns block by block, ``(n, columns)`` each.

    The mixture is the same for every seed, so all such tables have one distribution.
    """
    mix = np.random.default_rng(0).normal(size=(LATENT_FACTORS, columns))
    rng = np.random.default_rng(seed)
    block_rows = max(1, MAX_BLOCK_CELLS // columns)
    for start in range(0, rows, block_rows):
        n = min(block_rows, rows - start)
        factors = np.tanh(rng.normal(size=(n, LATENT_FACTORS)))
        yield (factors @ mix + 0.1 * rng.normal(size=(n, columns))).astype(np.float32)


def make_column_names(columns: int) -> list[str]:
    """Names of the columns."""
    return [f"x{at}" for at in range(columns)]


def make_table(rows: int, columns: int, seed: int) -> pd.DataFrame:
    """Make a table of float64 in memory."""
    values = np.concatenate(list(draw_blocks(rows, columns, seed))).astype(np.float64)
    return pd.DataFrame(values, columns=make_column_names(columns))


def write_csv(path: Path, rows: int, columns: int, seed: int) -> None:
    """Write a CSV in constant memory."""
    schema = pa.schema([(name, pa.float32()) for name in make_column_names(columns)])
    with pa.csv.CSVWriter(path, schema) as file:
        for values in draw_blocks(rows, columns, seed):
            file.write_batch(pa.record_batch([pa.array(each) for each in values.T], schema=schema))


if __name__ == "__main__":
    write_csv(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
