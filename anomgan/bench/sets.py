"""Find and read labelled tables.

Split already: a folder with ``normal.csv``, ``new.csv`` and ``new_labels.csv``; an ``.npz`` with
``train`` (normal rows, n × D), ``test`` (m × D), ``label`` (m; 1 for abnormal) and, if columns have
names, ``names`` (D strings).

Split by :mod:`anomgan.bench.protocol`: an ``.npz`` with ``X`` (n × D) and ``y`` (n; 1 for
abnormal), as ADBench has them; any table that :func:`anomgan.data.readers.files.read_table` reads,
one of whose columns is the label.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.bench.protocol import Labels, Split, contaminate, split
from anomgan.bench.result_row import ResultRow
from anomgan.data.readers.files import KNOWN_KINDS, SUFFIXES, read_whole
from anomgan.data.readers.options import ReadOptions
from anomgan.errors import InputError
from anomgan.utils.text import one_line

FOLDER_FILES = ("normal.csv", "new.csv", "new_labels.csv")
SPLIT_ARRAYS = ("train", "test", "label")

LabelReader = Callable[..., NDArray[np.bool_]]
"""``(frame, column, *, source)`` to whether each row is abnormal."""


@dataclass(frozen=True)
class LabelledSet:
    """A labelled table on disk; cheap to send to another process.

    Attributes:
        name: Its name in the results.
        path: A folder, an ``.npz`` or a table.
        label: The column of a table that marks abnormal rows.
        read_label: Parses that column.
        contamination: Share of abnormal rows to mix into those to fit on.
        options: How a table is read.
    """

    name: str
    path: Path
    label: str | None = None
    read_label: LabelReader | None = None
    contamination: float = 0.0
    options: ReadOptions = field(default_factory=ReadOptions)

    row_type: ClassVar[type[ResultRow]] = ResultRow
    """What its results are kept in."""

    def split(self, seed: int) -> Split:
        """Read and split the table; one that is split already stays as it is.

        Raises:
            InputError: If it can't be read, or the rows to score aren't of both kinds.
        """
        parts = _read_folder(self.path) if self.path.is_dir() else self._read()
        if not isinstance(parts, Split):
            _check_kinds(parts[1], str(self.path))
            parts = split(*parts, seed)
        _check_kinds(parts.label, str(self.path))
        return contaminate(parts, self.contamination, seed) if self.contamination else parts

    def _read(self) -> Split | tuple[pd.DataFrame, Labels]:
        if self.label is None or self.read_label is None:
            return _read_archive(self.path)
        return self._read_labelled_table()

    def _read_labelled_table(self) -> tuple[pd.DataFrame, Labels]:
        """Read a table and take its labels out.

        Raises:
            InputError: If it has no column of labels, or no other, or a label is unclear.
        """
        if self.label is None or self.read_label is None:
            raise InputError(f"{self.path}: no column of labels is named")
        source, table = str(self.path), read_whole(self.path, self.options)
        if self.label not in table.columns:
            names = ", ".join(repr(name) for name in table.columns[:10])
            raise InputError(f"--label: {source} has no column {self.label!r}; it has: {names}")
        marked = self.read_label(table, self.label, source=source)
        if table.shape[1] == 1:
            raise InputError(f"{source}: has no column beside the label {self.label!r}")
        return table.drop(columns=self.label), marked.astype(np.int64)

    @property
    def digest(self) -> str:
        """Hash of the content: tells this set from another of the same name."""
        content = hashlib.sha256(repr(self.label).encode())
        content.update(str(self.options.sheet or "").encode())
        if (self.options.separator, self.options.header) != ("", None):
            content.update(repr((self.options.separator, self.options.header)).encode())
        files = [self.path]
        if self.path.is_dir():
            files = [self.path / name for name in FOLDER_FILES]
        for path in files:
            with path.open("rb") as file:
                content.update(hashlib.file_digest(file, "sha256").digest())
        return content.hexdigest()[:16]


def find_sets(
    paths: Iterable[Path], label: str | None, read_label: LabelReader
) -> list[LabelledSet]:
    """Find the labelled sets at some paths.

    Args:
        paths: Folders of ``.npz``, ``.npz`` files, folders with the three files, or tables.
        label: The column that marks abnormal rows of tables.
        read_label: Parses that column.

    Raises:
        InputError: If a path is none of these, or two sets share a name.
    """
    sets = [each for path in paths for each in _find_sets_at(path, label, read_label)]
    if label is not None and not any(each.label for each in sets):
        raise InputError(
            f"--label {label}: no PATH is a table with a label column; .npz files and folders "
            f"bring labels of their own"
        )
    paths_by_name: dict[str, Path] = {}
    for each in sets:
        other = paths_by_name.setdefault(each.name, each.path)
        if other is not each.path:
            raise InputError(
                f"{other} and {each.path} are both called {each.name!r} in the results; rename one"
            )
    return sets


def _find_sets_at(path: Path, label: str | None, read_label: LabelReader) -> list[LabelledSet]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    name = path.resolve().name
    if path.is_dir():
        if (path / FOLDER_FILES[0]).exists():
            missing = [file for file in FOLDER_FILES if not (path / file).is_file()]
            if missing:
                raise InputError(f"{path}: has {FOLDER_FILES[0]} but lacks {', '.join(missing)}")
            return [LabelledSet(name, path)]
        archives = sorted(path.glob("*.npz"))
        if not archives:
            raise InputError(
                f"{path}: holds no labelled set: neither .npz files nor {', '.join(FOLDER_FILES)}"
            )
        return [LabelledSet(archive.stem, archive) for archive in archives]
    if path.suffix.lower() == ".npz":
        return [LabelledSet(path.stem, path)]
    ending = next((end for end in SUFFIXES if name.lower().endswith(end)), None)
    if ending is None:
        raise InputError(f"{path}: unknown kind of file; known are {KNOWN_KINDS}")
    if label is None:
        raise InputError(f"{path}: name the column that marks abnormal rows with --label COL")
    # "a.csv.gz" is called "a", as is "a.csv".
    stem = name[: -len(ending)]
    return [LabelledSet(stem, path, label, read_label)]


def _read_folder(folder: Path) -> Split:
    """Read the three files.

    Raises:
        InputError: If one can't be read, or the labels don't fit.
    """
    normal, new, labels = (_read_csv(folder / name) for name in FOLDER_FILES)
    path = folder / FOLDER_FILES[2]
    if "label" not in labels.columns:
        raise InputError(f"{path}: has no column 'label'")
    if len(labels) != len(new):
        raise InputError(
            f"{path}: has {len(labels):,} rows, {FOLDER_FILES[1]} beside it {len(new):,}"
        )
    return Split(normal, new, _zeros_and_ones(labels["label"].to_numpy(), f"{path}: column label"))


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise InputError(f"{path}: can't be read: {one_line(error)}") from None


def _read_archive(path: Path) -> Split | tuple[pd.DataFrame, Labels]:
    """Read ``train``, ``test`` and ``label``, or ``X`` and ``y``, without unpickling anything.

    Raises:
        InputError: If they aren't there or aren't numbers of the right shape.
    """
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: isn't an .npz archive, or is damaged")
    with np.load(path, allow_pickle=False) as arrays:
        split_already = "X" not in arrays.files and set(SPLIT_ARRAYS) & set(arrays.files)
        for name in SPLIT_ARRAYS if split_already else ("X", "y"):
            if name not in arrays.files:
                raise InputError(
                    f"{path}: holds no array named {name}; a labelled set has X and y, or, if it "
                    f"is split already, {', '.join(SPLIT_ARRAYS)}"
                )
        if not split_already:
            table, label = (read_array(arrays, name, path) for name in ("X", "y"))
            _check_table(table, label, ("X", "y"), path)
            return pd.DataFrame(table), _zeros_and_ones(label.ravel(), f"{path}: y")
        train, test, label = (read_array(arrays, name, path) for name in SPLIT_ARRAYS)
        names = read_array(arrays, "names", path, "U") if "names" in arrays.files else None
    _check_table(train, None, ("train", ""), path)
    _check_table(test, label, ("test", "label"), path)
    if train.shape[1] != test.shape[1]:
        raise InputError(
            f"{path}: train has {train.shape[1]:,} columns, but test {test.shape[1]:,}; give both "
            f"the same columns in the same order"
        )
    if names is not None and (names.shape != train.shape[1:] or len(set(names)) < len(names)):
        raise InputError(
            f"{path}: names has shape {names.shape}; write {train.shape[1]:,} different names, one "
            f"for each column, or leave it out"
        )
    normal, new = (pd.DataFrame(rows, columns=names) for rows in (train, test))
    return Split(normal, new, _zeros_and_ones(label.ravel(), f"{path}: label"))


def _check_table(
    rows: NDArray[np.generic], label: NDArray[np.generic] | None, names: Sequence[str], path: Path
) -> None:
    """Validate the shape of an array of rows, and of the labels that go with it.

    Raises:
        InputError: If they aren't a table, or of different lengths.
    """
    table, labels = names
    if rows.ndim != 2 or 0 in rows.shape:
        raise InputError(f"{path}: {table} has shape {rows.shape}; a table has rows and columns")
    if label is not None and label.size != len(rows):
        raise InputError(
            f"{path}: {table} has {len(rows):,} rows, but {labels} has {label.size:,} labels"
        )


def read_array(
    arrays: np.lib.npyio.NpzFile, name: str, path: Path, kinds: str = "biuf"
) -> NDArray[np.generic]:
    """Read an array from an archive, without unpickling anything.

    Args:
        arrays: The archive.
        name: The array's name in it.
        path: The archive's, for messages.
        kinds: NumPy's codes of allowed kinds of numbers, or ``"U"`` for strings.

    Raises:
        InputError: If it isn't there or can't be read.
    """
    wanted = "strings" if kinds == "U" else "numbers"
    if name not in arrays.files:
        raise InputError(f"{path}: holds no array named {name}")
    try:
        array: NDArray[np.generic] = arrays[name]
    except ValueError as error:
        if "pickle" not in str(error):
            raise InputError(f"{path}: {name} can't be read: {one_line(error)}") from None
        raise InputError(
            f"{path}: {name} holds Python objects, which can run code when they are read; "
            f"save it as an array of {wanted}"
        ) from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: {name} can't be read: {one_line(error)}") from None
    if array.dtype.kind not in kinds:
        raise InputError(f"{path}: {name} holds {array.dtype}; it must hold {wanted}")
    return array


def _zeros_and_ones(label: NDArray[np.generic], what: str) -> Labels:
    """Check labels and convert them to integers.

    Raises:
        InputError: If one is neither 0 nor 1.
    """
    invalid = ~np.isin(label, (0, 1))
    if invalid.any():
        at = int(np.argmax(invalid))
        raise InputError(f"{what}: row {at} holds {label[at]}; write 0 (normal) or 1 (abnormal)")
    return label.astype(np.int64)


def _check_kinds(label: Labels, source: str) -> None:
    """Check that there are normal and abnormal rows; otherwise AUROC is undefined.

    Raises:
        InputError: If one kind is missing.
    """
    if len(np.unique(label)) < 2:
        missing = "abnormal" if not label.any() else "normal"
        raise InputError(f"{source}: has no {missing} row to score; a benchmark needs both kinds")
