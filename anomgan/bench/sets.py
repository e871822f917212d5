"""Labelled tables: where they are, and reading them.

Three kinds: a folder with ``normal.csv``, ``new.csv`` and ``new_labels.csv``, which is split
already; an ``.npz`` with ``X`` (n × D) and ``y`` (1 for abnormal), as ADBench has them; and any
table that :func:`anomgan.data.readers.files.read_table` reads, one of whose columns is the label.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.bench.protocol import Labels, Split, contaminated, split
from anomgan.data.readers.files import ENDINGS, read_table
from anomgan.errors import InputError
from anomgan.utils.text import one_line

FOLDER_FILES = ("normal.csv", "new.csv", "new_labels.csv")

Marks = Callable[..., NDArray[np.bool_]]
"""``(frame, column, *, source)`` to whether each row is abnormal."""


@dataclass(frozen=True)
class LabelledSet:
    """A labelled table on disk; cheap to send to another process.

    Attributes:
        name: What results call it.
        path: A folder, an ``.npz`` or a table.
        label: The column of a table that marks abnormal rows.
        marks: Reads that column.
        contamination: Share of abnormal rows among those to fit on.
    """

    name: str
    path: Path
    label: str | None = None
    marks: Marks | None = None
    contamination: float = 0.0

    def split(self, seed: int) -> Split:
        """Read it and split it; what is split already stays as it is.

        Raises:
            InputError: If it can't be read, or the rows to score aren't of both kinds.
        """
        if self.path.is_dir():
            parts = _read_folder(self.path)
        else:
            table, label = self._read()
            _check_kinds(label, str(self.path))
            parts = split(table, label, seed)
        _check_kinds(parts.label, str(self.path))
        return contaminated(parts, self.contamination, seed) if self.contamination else parts

    def _read(self) -> tuple[pd.DataFrame, Labels]:
        if self.label is None or self.marks is None:
            return _read_archive(self.path)
        source, table = str(self.path), read_table(self.path)
        if self.label not in table.columns:
            names = ", ".join(repr(name) for name in table.columns[:10])
            raise InputError(f"--label: {source} has no column {self.label!r}; it has: {names}")
        marked = self.marks(table, self.label, source=source)
        if table.shape[1] == 1:
            raise InputError(f"{source}: has no column beside the label {self.label!r}")
        return table.drop(columns=self.label), marked.astype(np.int64)

    @property
    def digest(self) -> str:
        """What tells this set from another of the same name."""
        content = hashlib.sha256(repr(self.label).encode())
        files = [self.path]
        if self.path.is_dir():
            files = [self.path / name for name in FOLDER_FILES]
        for path in files:
            with path.open("rb") as file:
                content.update(hashlib.file_digest(file, "sha256").digest())
        return content.hexdigest()[:16]


def find_sets(paths: Iterable[Path], label: str | None, marks: Marks) -> list[LabelledSet]:
    """The labelled sets that these paths name.

    Args:
        paths: Folders of ``.npz``, ``.npz`` files, folders with the three files, or tables.
        label: The column that marks abnormal rows of tables.
        marks: Reads that column.

    Raises:
        InputError: If a path is none of these, or two sets share a name.
    """
    found = [each for path in paths for each in _sets_at(path, label, marks)]
    if label is not None and not any(each.label for each in found):
        raise InputError(
            f"--label {label}: no PATH is a table with a label column; .npz files and folders "
            f"bring labels of their own"
        )
    known: dict[str, Path] = {}
    for each in found:
        if each.name in known:
            raise InputError(
                f"{known[each.name]} and {each.path} are both called {each.name!r} in the results; "
                f"rename one"
            )
        known[each.name] = each.path
    return found


def _sets_at(path: Path, label: str | None, marks: Marks) -> list[LabelledSet]:
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
    ending = next((end for end in ENDINGS if name.lower().endswith(end)), None)
    if ending is None:
        raise InputError(f"{path}: unknown kind of file; known are {', '.join(ENDINGS)}")
    if label is None:
        raise InputError(f"{path}: name the column that marks abnormal rows with --label COL")
    # The longest ending: "a.csv.gz" is called "a".
    stem = name.removesuffix(".gz").rpartition(".")[0]
    return [LabelledSet(stem, path, label, marks)]


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


def _read_archive(path: Path) -> tuple[pd.DataFrame, Labels]:
    """Read ``X`` and ``y``, without unpickling anything.

    Raises:
        InputError: If they aren't there or aren't numbers of the right shape.
    """
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: isn't an .npz archive, or is damaged")
    with np.load(path, allow_pickle=False) as arrays:
        table, label = (read_array(arrays, name, path) for name in ("X", "y"))
    if table.ndim != 2 or 0 in table.shape:
        raise InputError(f"{path}: X has shape {table.shape}; a table has rows and columns")
    if label.size != len(table):
        raise InputError(f"{path}: X has {len(table):,} rows, but y has {label.size:,} labels")
    return pd.DataFrame(table), _zeros_and_ones(label.ravel(), f"{path}: y")


def read_array(arrays: np.lib.npyio.NpzFile, name: str, path: Path) -> NDArray[np.generic]:
    """An array of numbers from an archive, without unpickling anything.

    Raises:
        InputError: If it isn't there or can't be read.
    """
    if name not in arrays.files:
        raise InputError(f"{path}: holds no array named {name}")
    try:
        array: NDArray[np.generic] = arrays[name]
    except ValueError as error:
        if "pickle" not in str(error):
            raise InputError(f"{path}: {name} can't be read: {one_line(error)}") from None
        raise InputError(
            f"{path}: {name} holds Python objects, which can run code when they are read; "
            f"save it as an array of numbers"
        ) from None
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: {name} can't be read: {one_line(error)}") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{path}: {name} holds {array.dtype}; it must hold numbers")
    return array


def _zeros_and_ones(label: NDArray[np.generic], what: str) -> Labels:
    """Labels as whole numbers.

    Raises:
        InputError: If one is neither 0 nor 1.
    """
    odd = ~np.isin(label, (0, 1))
    if odd.any():
        at = int(np.argmax(odd))
        raise InputError(f"{what}: row {at} holds {label[at]}; write 0 (normal) or 1 (abnormal)")
    return label.astype(np.int64)


def _check_kinds(label: Labels, source: str) -> None:
    """Without rows of both kinds there is nothing to measure.

    Raises:
        InputError: If they are all of one.
    """
    if len(np.unique(label)) < 2:
        missing = "abnormal" if not label.any() else "normal"
        raise InputError(f"{source}: has no {missing} row to score; a benchmark needs both kinds")
