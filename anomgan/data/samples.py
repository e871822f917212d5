"""Sample data sets: small real tables with labelled anomalies.

They are in ``datasets/`` at the top of the repository and in ``anomgan/datasets`` once installed.
Each has ``normal.csv`` to fit on, ``new.csv`` to score and ``new_labels.csv`` with the labels;
``catalog.toml`` states source and licence.
"""

from __future__ import annotations

import contextlib
import difflib
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anomgan.errors import InputError
from anomgan.utils.atomic import atomic_write, ensure_folder

if TYPE_CHECKING:
    import pandas as pd

_PACKAGE = Path(__file__).resolve().parents[1]
_FILES = ("normal.csv", "new.csv", "new_labels.csv")


@dataclass(frozen=True)
class Sample:
    """A sample data set.

    Its frames are read from disk at each access, so modifying one affects no other.

    Attributes:
        name: The name that :func:`load_sample` and ``anomgan datasets export`` take.
        title: Title.
        description: What the records are.
        anomaly: What counts as abnormal in ``new.csv``.
        columns: Number of columns.
        rows_normal: Number of rows to fit on, all normal.
        rows_new: Number of rows to score.
        anomalies: Number of abnormal rows among those.
        source: Where the data come from.
        licence: Licence of the data.
        citation: Publication to cite.
        sha256: Digest of each file, by file name.
        folder: Folder of the files.
    """

    name: str
    title: str
    description: str
    anomaly: str
    columns: int
    rows_normal: int
    rows_new: int
    anomalies: int
    source: str
    licence: str
    citation: str
    sha256: Mapping[str, str]
    folder: Path

    @property
    def normal_path(self) -> Path:
        """The file to fit on."""
        return self.folder / "normal.csv"

    @property
    def new_path(self) -> Path:
        """The file to score."""
        return self.folder / "new.csv"

    @property
    def labels_path(self) -> Path:
        """The labels of the file to score: ``row``, ``label`` (0 or 1) and ``kind``."""
        return self.folder / "new_labels.csv"

    @property
    def normal(self) -> pd.DataFrame:
        """The records to fit on."""
        return _read(self.normal_path)

    @property
    def new(self) -> pd.DataFrame:
        """The records to score."""
        return _read(self.new_path)

    @property
    def labels(self) -> pd.Series[int]:
        """1 for each abnormal row of :attr:`new`, 0 for the others."""
        labels: pd.Series[int] = _read(self.labels_path)["label"]
        return labels


def list_samples() -> list[Sample]:
    """All sample data sets, sorted by name.

    >>> [sample.name for sample in list_samples()]
    ['breast-cancer', 'penguins', 'taxis', 'wine']
    """
    root = _root()
    catalog = tomllib.loads((root / "catalog.toml").read_text(encoding="utf-8"))
    return [Sample(name=name, folder=root / name, **catalog[name]) for name in sorted(catalog)]


def load_sample(name: str) -> Sample:
    """Load a sample data set.

    >>> sample = load_sample("penguins")
    >>> sample.new.shape, int(sample.labels.sum())
    ((138, 6), 68)

    Raises:
        InputError: If there is none of this name.
    """
    samples = {sample.name: sample for sample in list_samples()}
    if name not in samples:
        close = difflib.get_close_matches(name, samples, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(f"no sample data set {name!r}: {hint}There are {', '.join(samples)}")
    return samples[name]


def export_sample(name: str, directory: str | Path) -> list[Path]:
    """Copy a sample data set's files into a folder, which is created if it doesn't exist.

    Args:
        name: Name of the data set.
        directory: Folder for ``normal.csv``, ``new.csv`` and ``new_labels.csv``.

    Returns:
        The files written.

    Raises:
        InputError: If there is no such data set, one of the files exists already (then nothing is
            copied), or the folder can't be written to.
    """
    sample = load_sample(name)
    target = Path(directory)
    copies = [target / file for file in _FILES]
    for copy in copies:
        if copy.exists():
            raise InputError(f"{copy} exists: remove it or name another folder")
    try:
        with ensure_folder(target), contextlib.ExitStack() as stack:
            for copy in copies:  # they take their names when all are complete
                shutil.copyfile(sample.folder / copy.name, stack.enter_context(atomic_write(copy)))
    except OSError as error:
        raise InputError(
            f"can't write to {target} ({error.strerror}): name another folder"
        ) from error
    return copies


def _read(path: Path) -> pd.DataFrame:
    """Read a file of a set."""
    import pandas as pd  # late: it takes half a second, and lists of the sets don't need it

    return pd.read_csv(path)


def _root() -> Path:
    """The folder of the catalog: inside an installed package, beside it in the repository."""
    for root in (_PACKAGE / "datasets", _PACKAGE.parent / "datasets"):
        if (root / "catalog.toml").is_file():
            return root
    raise RuntimeError(f"the sample data are missing beside {_PACKAGE}: install anomgan again")
