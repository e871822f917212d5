"""Read a folder of tables, or a ZIP archive of them, as one table."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

from anomgan.data.readers.image_folder import walk_files
from anomgan.data.readers.layout import LAYOUT
from anomgan.data.readers.options import ReadOptions
from anomgan.data.readers.sources import (
    Source,
    describe_source,
    file_name,
    is_hidden,
    is_local,
    list_members,
)
from anomgan.data.readers.urls import is_url, list_url
from anomgan.errors import DataWarning, InputError
from anomgan.utils.text import join_limited, quote_names

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""Name that Hive and Spark give to the missing level of a partition."""

Reader = Callable[[Source, int], Iterator[pd.DataFrame]]


@dataclass(frozen=True)
class TablePart:
    """One file of a table.

    Attributes:
        source: The file.
        path: Its path in the folder or archive, with ``/``.
    """

    source: Source
    path: str

    @property
    def partition(self) -> dict[str, str | None]:
        """Columns that the names of folders tell: ``day=1/part.csv`` has ``day``, always "1"."""
        pairs = [part.partition("=") for part in self.path.split("/")[:-1]]
        return {
            unquote(name): None if value == _NO_VALUE else unquote(value)
            for name, equals, value in pairs
            if equals and name
        }

    def check_columns(self, names: Iterable[str]) -> None:
        """Check that no column of the file is told by a folder, too.

        Raises:
            InputError: If one is.
        """
        twice = [name for name in self.partition if name in names]
        if twice:
            raise InputError(
                f"{describe_source(self.source)}: has a column {twice[0]!r}, which the name of its "
                f"folder tells, too; rename one"
            )


def list_parts(source: Source) -> list[TablePart]:
    """The files of a folder, its subfolders, or a ZIP archive, sorted by path.

    Names that begin with ``_`` or ``.`` are left out, as in Hadoop.
    """
    files: Iterable[tuple[Source, str]]
    if file_name(source).endswith(".zip") and not (is_local(source) and Path(str(source)).is_dir()):
        files = ((member, member.member) for member in list_members(source))
    elif is_url(source):
        files = list_url(str(source), describe_source(source)).items()
    else:
        root = Path(str(source))
        files = ((path, path.relative_to(root).as_posix()) for path in walk_files(root))
    parts = (TablePart(*file) for file in files)
    return sorted((part for part in parts if not is_hidden(part.path)), key=lambda part: part.path)


def choose_parts(
    parts: Sequence[TablePart], kind_of: Callable[[str], str | None], name: str
) -> list[TablePart]:
    """The tables among the files.

    Args:
        parts: The files.
        kind_of: The kind of table for a file's name in lower case; None if it is none.
        name: What messages call the folder.

    Raises:
        InputError: If there are tables of several kinds.

    Warns:
        DataWarning: If there are other files.
    """
    kinds: dict[str, list[TablePart]] = {}
    others = []
    for part in parts:
        kind = kind_of(file_name(part.source))
        if kind is None:
            others.append(part.path)
        else:
            kinds.setdefault(kind, []).append(part)
    if len(kinds) > 1:
        first = quote_names(tables[0].path for tables in kinds.values())
        raise InputError(
            f"{name}: holds tables of several kinds, such as {first}; name one of them, or keep "
            f"each kind in a folder of its own"
        )
    if others and kinds:
        warnings.warn(
            f"{name}: ignored, as the endings aren't those of tables: {join_limited(others, 3)}",
            DataWarning,
            stacklevel=2,
        )
    return next(iter(kinds.values()), [])


def read_parts(
    parts: Sequence[TablePart],
    rows: int,
    choose_reader: Callable[[Source, ReadOptions], Reader],
    options: ReadOptions,
) -> Iterator[pd.DataFrame]:
    """Read files one after the other as one table, with the columns of the first.

    Args:
        parts: The files.
        rows: Most rows in a frame.
        choose_reader: The reader of a file; text has a header, or none, as the first file.
        options: What the user says about the files.

    Raises:
        InputError: If a file has other columns, or one that a folder's name tells already.
    """
    columns, first, layout = None, "", None
    for part in parts:
        name = describe_source(part.source)
        for frame in choose_reader(part.source, options)(part.source, rows):
            part.check_columns(frame.columns)
            own_columns = tuple(frame.columns)
            for column, value in part.partition.items():
                frame[column] = pd.array([value] * len(frame), dtype="str")
            if columns is None:
                columns, first, layout = frame.columns, name, frame.attrs.get(LAYOUT)
                options = options.follow(layout, own_columns)
            _compare_columns(columns, frame.columns, first, name)
            yield frame[columns]


def _compare_columns(expected: pd.Index, found: pd.Index, first: str, name: str) -> None:
    """Check that two files have the same columns, in any order.

    Raises:
        InputError: Names the columns that only one of them has.
    """
    absent, further = expected.difference(found, sort=False), found.difference(expected, sort=False)
    differences = [
        f"{verb} {quote_names(names)}"
        for verb, names in [("lacks", absent), ("also has", further)]
        if len(names)
    ]
    if differences:
        raise InputError(
            f"{name}: {' and '.join(differences)}, unlike {first}; the files of a table must have "
            f"the same columns"
        )
