"""Read label columns: which rows are abnormal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.cli.column_roles import ColumnRoles, check_column
from anomgan.cli.console import say, warn
from anomgan.data.readers.files import read_whole
from anomgan.data.readers.sources import describe_source
from anomgan.errors import InputError
from anomgan.utils.text import quote_names

if TYPE_CHECKING:
    from anomgan.data.readers.options import ReadOptions
    from anomgan.estimator import GANDetector

NORMAL = frozenset(("0", "false", "no", "normal", "benign", "inlier"))
ABNORMAL = frozenset(("1", "true", "yes", "abnormal", "anomaly", "anomalous", "attack", "outlier"))


@dataclass(frozen=True)
class Labels:
    """A table's rows that have a label.

    Attributes:
        frame: These rows.
        abnormal: Which of them are abnormal, ``(n,)``.
        column: Name of the column.
        normal: The labels that count as normal, where the words for it don't say so.
    """

    frame: pd.DataFrame
    abnormal: NDArray[np.bool_]
    column: str
    normal: tuple[str, ...]

    @property
    def records(self) -> pd.DataFrame:
        """The rows without their labels."""
        return self.frame.drop(columns=self.column)


def split_label(label: str, columns: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """The column and the normal labels of ``--label COL`` or ``--label COL=NORMAL,…``."""
    column, mark, normal = label.rpartition("=")
    if label in set(map(str, columns)) or not mark:
        return label, ()
    return column, tuple(_normalize(value) for value in normal.split(","))


def read_labels(
    frame: pd.DataFrame, label: str, *, source: str, normal: tuple[str, ...] = ()
) -> Labels:
    """Read a table's labels; rows without one are left out, and their number is said.

    Args:
        frame: Table whose index counts the rows of the input.
        label: As of :func:`split_label`.
        source: What messages call the table.
        normal: The labels that count as normal unless ``label`` names some.

    Raises:
        InputError: If the column doesn't exist, no row has a label, or one is unclear.
    """
    column, named = split_label(label, frame.columns)
    check_column(frame, column, option="--label", source=source)
    cells = frame[column]
    blank = cells.isna() | (cells.astype(str).str.strip() == "")
    if blank.all():
        raise InputError(f"{source}: column {column!r}: no row has a label")
    if blank.any():
        rows = "1 row" if blank.sum() == 1 else f"{blank.sum():,} rows"
        warn(f"{source}: {rows} left out: no label in {column!r}")
        frame = frame[~blank]
    levels = {_normalize(level) for level in frame[column].unique()}
    if named and not levels & set(named):
        raise InputError(
            f"--label {label}: no row of {source} is labelled {quote_names(named)}; labels are: "
            f"{quote_names(sorted(levels))}"
        )
    normal = named or normal or _choose_sign(frame, column, source)
    abnormal = find_abnormal_rows(frame, column, source=source, normal=normal)
    return Labels(frame, abnormal, column, normal)


def _choose_sign(frame: pd.DataFrame, column: str, source: str) -> tuple[str, ...]:
    """The normal one of −1 and 1, if these are the labels: 1, as in scikit-learn.

    Raises:
        InputError: If most labels are −1: some data sets mark the normal rows so.
    """
    labels = frame[column].map(_normalize)
    if not set(labels) <= {"-1", "1"} or not (labels == "-1").any():
        return ()
    if (labels == "-1").mean() > 0.5:
        raise InputError(
            f"{source}: column {column!r} says -1 for most rows, so it isn't clear which rows are "
            f"normal: give --label {column}=-1 or --label {column}=1, the normal ones"
        )
    say(f"{source}: -1 in {column!r} is taken as abnormal, 1 as normal, as in scikit-learn")
    return ("1",)


def _normalize(label: object) -> str:
    """A label in lower case; 1.0 is 1."""
    return str(label).strip().lower().removesuffix(".0")


def read_labelled(
    detector: GANDetector, path: str, label: str | None, options: ReadOptions
) -> tuple[Labels, str]:
    """Read a labelled table.

    Args:
        detector: Knows the label column if ``--label`` was given at fit.
        path: The file.
        label: Name of the label column, perhaps with the normal labels.
        options: How it is read.

    Returns:
        The labelled rows, and the file's name in messages.

    Raises:
        InputError: If no label column is named, it doesn't exist, or a label is unclear.
    """
    roles = ColumnRoles.from_detector(detector)
    source, chosen = describe_source(path), label or roles.label
    if chosen is None:
        raise InputError("name the column that marks abnormal rows with --label")
    normal = roles.normal if chosen == roles.label else ()
    table = read_whole(path, options)
    return read_labels(table, chosen, source=source, normal=normal), source


def find_abnormal_rows(
    frame: pd.DataFrame, column: str, *, source: str, normal: tuple[str, ...] = ()
) -> NDArray[np.bool_]:
    """Read a label column: True for abnormal rows, (n,).

    Args:
        frame: Table whose index counts the rows of the input.
        column: Name of the column; its cells are numbers, Booleans or text in any case.
        source: What messages call the table.
        normal: The labels of normal rows; all others are then abnormal.

    Raises:
        InputError: If the column doesn't exist, a cell is empty or, without ``normal``, a label is
            in neither `NORMAL` nor `ABNORMAL`.
    """
    check_column(frame, column, option="--label", source=source)
    codes, levels = pd.factorize(frame[column])
    labels = [_normalize(level) for level in levels]
    is_clear = np.array([bool(normal) or label in NORMAL | ABNORMAL for label in labels] + [False])
    unclear = ~is_clear[codes]  # -1: missing
    if unclear.any():
        first = int(np.argmax(unclear))
        cell = repr(levels[codes[first]]) if codes[first] >= 0 else "an empty cell"
        raise InputError(
            f"{source}: row {frame.index[first]}, column {column!r}: {cell} says neither normal "
            f"nor abnormal; write 0 or 1 (or {', '.join(sorted(NORMAL - {'0'}))}; "
            f"{', '.join(sorted(ABNORMAL - {'1'}))}), or name the labels of normal rows: "
            f"--label {column}=VALUE"
        )
    is_abnormal = np.array(
        [label not in normal if normal else label in ABNORMAL for label in labels] + [False]
    )
    return np.asarray(is_abnormal[codes])


def read_normal_rows(detector: GANDetector, source: str, options: ReadOptions) -> pd.DataFrame:
    """Read a model's columns of a file, without the rows that its label column marks as abnormal.

    Raises:
        InputError: If the file can't be read, a column is missing, a label is unclear, or no row
            is left.
    """
    name, roles = describe_source(source), ColumnRoles.from_detector(detector)
    frame = read_whole(source, options)
    if roles.label is not None and roles.label in frame.columns:
        labels = read_labels(frame, roles.label, source=name, normal=roles.normal)
        frame = labels.frame[~labels.abnormal]
    if not len(frame):
        raise InputError(f"{name}: column {roles.label!r} marks every row as abnormal")
    frame = roles.drop_from(frame)
    detector.encoder_.schema.locate(frame, source=name, warn=False)
    return frame
