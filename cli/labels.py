"""Which rows a label column marks as abnormal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.cli.column_roles import ColumnRoles, check_column
from anomgan.data.readers.encoding import describe_source
from anomgan.data.readers.files import read_table
from anomgan.errors import InputError

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector

NORMAL = frozenset(("0", "false", "no", "normal", "benign", "inlier"))
ABNORMAL = frozenset(("1", "true", "yes", "abnormal", "anomaly", "anomalous", "attack", "outlier"))


def labelled_rows(
    detector: GANDetector, path: str, label: str | None
) -> tuple[pd.DataFrame, NDArray[np.bool_], str]:
    """Read a labelled table.

    Args:
        detector: It knows the label's column, if fit was told one.
        path: The file.
        label: Name of the label's column.

    Returns:
        The whole table, which rows are abnormal, and what messages call the file.

    Raises:
        InputError: If no label is named, it isn't there, or a mark is unclear.
    """
    source, column = describe_source(path), label or ColumnRoles.from_detector(detector).label
    if column is None:
        raise InputError("name the column that marks abnormal rows with --label")
    frame = read_table(path)
    return frame, abnormal_rows(frame, column, source=source), source


def abnormal_rows(frame: pd.DataFrame, column: str, *, source: str) -> NDArray[np.bool_]:
    """Read the marks of a label column, (n,).

    Args:
        frame: Table whose index counts the input's records.
        column: Which column; its cells are numbers, truth values or text of any case.
        source: What messages call the table.

    Raises:
        InputError: If the column isn't there, or a mark is in neither `NORMAL` nor `ABNORMAL`;
            names the first.
    """
    check_column(frame, column, option="--label", source=source)
    codes, levels = pd.factorize(frame[column])
    marks = [_plain(level) for level in levels]
    known = np.array([mark in NORMAL | ABNORMAL for mark in marks] + [False])  # -1 is missing
    unclear = ~known[codes]
    if unclear.any():
        at = int(np.argmax(unclear))
        held = repr(levels[codes[at]]) if codes[at] >= 0 else "an empty cell"
        raise InputError(
            f"{source}: row {frame.index[at]}, column {column!r}: {held} says neither normal nor "
            f"abnormal; write 0 or 1 (or {', '.join(sorted(NORMAL - {'0'}))}; "
            f"{', '.join(sorted(ABNORMAL - {'1'}))})"
        )
    abnormal = np.array([mark in ABNORMAL for mark in marks] + [False])
    return np.asarray(abnormal[codes])


def normal_table(detector: GANDetector, source: str) -> pd.DataFrame:
    """The rows of a file in a model's columns, without those that its label marks as abnormal.

    Raises:
        InputError: If the file can't be read, a column is missing, a mark is unclear, or no row is
            left.
    """
    name, roles = describe_source(source), ColumnRoles.from_detector(detector)
    frame = read_table(source)
    if roles.label is not None and roles.label in frame.columns:
        frame = frame[~abnormal_rows(frame, roles.label, source=name)]
    if not len(frame):
        raise InputError(f"{name}: column {roles.label!r} marks every row as abnormal")
    frame = roles.drop_from(frame)
    detector.encoder_.schema.locate(frame, source=name, warn=False)
    return frame


def _plain(mark: object) -> str:
    """A mark in lower case, whole numbers without a point."""
    text = str(mark).strip().lower()
    return text.removesuffix(".0")
