"""Read label columns: which rows are abnormal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.cli.column_roles import ColumnRoles, check_column
from anomgan.data.readers.files import read_table
from anomgan.data.readers.sources import describe_source
from anomgan.errors import InputError

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector

NORMAL = frozenset(("0", "false", "no", "normal", "benign", "inlier"))
ABNORMAL = frozenset(("1", "true", "yes", "abnormal", "anomaly", "anomalous", "attack", "outlier"))


def read_labelled(
    detector: GANDetector, path: str, label: str | None, *, sheet: str | None = None
) -> tuple[pd.DataFrame, NDArray[np.bool_], str]:
    """Read a labelled table.

    Args:
        detector: Knows the label column if ``--label`` was given at fit.
        path: The file.
        label: Name of the label column.
        sheet: Sheet of an Excel workbook.

    Returns:
        The whole table, which rows are abnormal (n,), and the file's name in messages.

    Raises:
        InputError: If no label column is named, it doesn't exist, or a label is unclear.
    """
    source, column = describe_source(path), label or ColumnRoles.from_detector(detector).label
    if column is None:
        raise InputError("name the column that marks abnormal rows with --label")
    frame = read_table(path, sheet=sheet)
    return frame, find_abnormal_rows(frame, column, source=source), source


def find_abnormal_rows(frame: pd.DataFrame, column: str, *, source: str) -> NDArray[np.bool_]:
    """Read a label column: True for abnormal rows, (n,).

    Args:
        frame: Table whose index counts the rows of the input.
        column: Name of the column; its cells are numbers, Booleans or text in any case.
        source: What messages call the table.

    Raises:
        InputError: If the column doesn't exist, or a label is in neither `NORMAL` nor `ABNORMAL`.
    """
    check_column(frame, column, option="--label", source=source)
    codes, levels = pd.factorize(frame[column])
    labels = [str(level).strip().lower().removesuffix(".0") for level in levels]
    is_clear = np.array([label in NORMAL | ABNORMAL for label in labels] + [False])  # -1: missing
    unclear = ~is_clear[codes]
    if unclear.any():
        first = int(np.argmax(unclear))
        cell = repr(levels[codes[first]]) if codes[first] >= 0 else "an empty cell"
        raise InputError(
            f"{source}: row {frame.index[first]}, column {column!r}: {cell} says neither normal "
            f"nor abnormal; write 0 or 1 (or {', '.join(sorted(NORMAL - {'0'}))}; "
            f"{', '.join(sorted(ABNORMAL - {'1'}))})"
        )
    is_abnormal = np.array([label in ABNORMAL for label in labels] + [False])
    return np.asarray(is_abnormal[codes])


def read_normal_rows(
    detector: GANDetector, source: str, *, sheet: str | None = None
) -> pd.DataFrame:
    """Read a model's columns of a file, without the rows that its label column marks as abnormal.

    Raises:
        InputError: If the file can't be read, a column is missing, a label is unclear, or no row
            is left.
    """
    name, roles = describe_source(source), ColumnRoles.from_detector(detector)
    frame = read_table(source, sheet=sheet)
    if roles.label is not None and roles.label in frame.columns:
        frame = frame[~find_abnormal_rows(frame, roles.label, source=name)]
    if not len(frame):
        raise InputError(f"{name}: column {roles.label!r} marks every row as abnormal")
    frame = roles.drop_from(frame)
    detector.encoder_.schema.locate(frame, source=name, warn=False)
    return frame
