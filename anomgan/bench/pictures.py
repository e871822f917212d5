"""Labelled pictures: one class is normal, every other one is abnormal.

An ``.npz`` with ``x_train``, ``y_train``, ``x_test`` and ``y_test`` is split already: detectors are
fitted on one class's training pictures and score all test pictures.  One with ``X`` and ``y`` is
split as tables are.  Each class gives a set of its own.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.bench.protocol import Split, contaminate, split
from anomgan.bench.sets import LabelledSet, read_array
from anomgan.data.encoders.convert import to_frame
from anomgan.data.image.picture import FOLDER_COLUMN, PICTURE_COLUMN
from anomgan.data.readers.image_folder import MAX_CHUNK_PICTURES, read_folder
from anomgan.errors import InputError

SKLEARN_DIGITS = Path("scikit-learn's digits")
"""Stands for the digits that come with scikit-learn: 1,797 pictures of 8 × 8 pixels."""

DEFECT_FOLDERS, GOOD_FOLDER = ("normal", "new"), "good"
"""Folders of a set with defects, and the one of good pictures among those to score."""

SPLIT_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class PictureSet(LabelledSet):
    """Pictures of several classes, one of which is normal.

    Attributes:
        normal: The normal class.
        detailed: Whether a backbone looks at the pictures.
    """

    normal: int = 0
    detailed: bool = False

    def split(self, seed: int) -> Split:
        """Read and split the pictures; a given split is kept.

        Raises:
            InputError: If they can't be read.
        """
        arrays = _read_arrays(self.path)
        if "x_test" in arrays:
            normal = arrays["x_train"][arrays["y_train"] == self.normal]
            label = (arrays["y_test"] != self.normal).astype(np.int64)
            parts = Split(_to_frame(normal), _to_frame(arrays["x_test"]), label)
        else:
            label = (arrays["y"] != self.normal).astype(np.int64)
            parts = split(_to_frame(arrays["X"]), label, seed)
        parts = contaminate(parts, self.contamination, seed) if self.contamination else parts
        return replace(parts, detailed=self.detailed)

    @property
    def digest(self) -> str:
        """Hash of the content: tells this set from another of the same name."""
        content = hashlib.sha256(str(self.normal).encode())
        for name, array in sorted(_read_arrays(self.path).items()):
            content.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return content.hexdigest()[:16]


@dataclass(frozen=True)
class DefectSet(LabelledSet):
    """A folder of pictures, ``normal/`` to fit on, and ``new/good/`` and ``new/DEFECT/`` to score.

    Attributes:
        defect: Name of the folder of defects.
        detailed: Whether a backbone looks at the pictures.
    """

    defect: str = ""
    detailed: bool = False

    def split(self, seed: int) -> Split:
        """List the pictures; the split is given.

        Raises:
            InputError: If a folder can't be read.
        """
        normal, new = (_list_pictures(self.path / name) for name in DEFECT_FOLDERS)
        new = new[new[FOLDER_COLUMN].isin([GOOD_FOLDER, self.defect])].reset_index(drop=True)
        label = np.asarray(new[FOLDER_COLUMN] == self.defect).astype(np.int64)
        parts = Split(normal[[PICTURE_COLUMN]], new[[PICTURE_COLUMN]], label)
        parts = contaminate(parts, self.contamination, seed) if self.contamination else parts
        return replace(parts, detailed=self.detailed)

    @property
    def digest(self) -> str:
        """Hash of the files' names and contents."""
        content = hashlib.sha256(self.defect.encode())
        for path in sorted(self.path.rglob("*")):
            if path.is_file():
                content.update(path.as_posix().encode() + path.read_bytes())
        return content.hexdigest()[:16]


def _list_pictures(folder: Path) -> pd.DataFrame:
    """The pictures of a folder and its subfolders, not yet decoded."""
    return pd.concat(list(read_folder(folder, MAX_CHUNK_PICTURES)), ignore_index=True)


def find_picture_sets(
    paths: Iterable[Path], classes: Sequence[int], *, detailed: bool = False
) -> list[PictureSet | DefectSet]:
    """Make a set for each class of each file, and for each kind of defect of each folder.

    Args:
        paths: ``.npz`` files, folders of them, or folders as of :class:`DefectSet`.
        classes: Classes to take in turn as the normal one; empty for all.
        detailed: Whether a backbone looks at the pictures.

    Raises:
        InputError: If a file can't be used, lacks a class, or two share a name.
    """
    sets: dict[str, PictureSet | DefectSet] = {}
    archives: list[Path] = []
    for path in paths:
        if not all((path / name).is_dir() for name in DEFECT_FOLDERS):
            archives.append(path)
            continue
        defects = sorted(each.name for each in (path / DEFECT_FOLDERS[1]).iterdir())
        if GOOD_FOLDER not in defects or len(defects) < 2:
            raise InputError(
                f"{path / DEFECT_FOLDERS[1]}: needs a folder {GOOD_FOLDER}, and one of defects"
            )
        for defect in defects:
            if defect != GOOD_FOLDER:
                name = f"{path.resolve().name} {defect}"
                sets[name] = DefectSet(name, path, defect=defect, detailed=detailed)
    for path in _list_archives(archives):
        arrays = _read_arrays(path)
        available = np.unique(arrays["y_train" if "y_train" in arrays else "y"]).tolist()
        missing = sorted(set(classes) - set(available))
        if missing:
            names = ", ".join(map(str, available[:20]))
            raise InputError(f"--classes: {path} has no class {missing[0]}; it has: {names}")
        for each in classes or available:
            name = f"{'digits' if path == SKLEARN_DIGITS else path.stem} {each}"
            if name in sets:
                raise InputError(f"{sets[name].path} and {path} are both called {name!r}")
            sets[name] = PictureSet(name, path, normal=int(each), detailed=detailed)
    return list(sets.values())


def _list_archives(paths: Iterable[Path]) -> list[Path]:
    archives: list[Path] = []
    for path in paths:
        inside = sorted(path.glob("*.npz")) if path.is_dir() else [path]
        if not inside:
            raise InputError(f"{path}: holds no .npz file")
        archives += inside
    return archives


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read pictures and labels, without unpickling anything.

    Raises:
        InputError: If they aren't there or don't fit together.
    """
    if path == SKLEARN_DIGITS:
        from sklearn.datasets import load_digits

        digits = load_digits()
        return {"X": np.round(digits.images * 255 / 16).astype(np.uint8), "y": digits.target}
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path}: isn't an .npz archive, or is damaged")
    with np.load(path, allow_pickle=False) as archive:
        names = SPLIT_ARRAYS if "x_train" in archive.files else ("X", "y")
        arrays = {name: read_array(archive, name, path) for name in names}
    for x, y in (names[:2], names[2:]) if len(names) > 2 else (names,):
        arrays[y] = arrays[y].ravel()
        if arrays[x].ndim not in (3, 4) or 0 in arrays[x].shape:
            raise InputError(f"{path}: {x} has shape {arrays[x].shape}, not N × H × W[ × C]")
        if len(arrays[x]) != len(arrays[y]):
            raise InputError(
                f"{path}: {x} has {len(arrays[x]):,} pictures, but {y} {len(arrays[y]):,} labels"
            )
    return arrays


def _to_frame(pictures: NDArray[Any]) -> pd.DataFrame:
    """Convert pictures to a data frame for the encoders."""
    frame = to_frame(pictures)
    if frame is None:
        raise InputError(f"an array of shape {pictures.shape} holds no pictures")
    return frame
