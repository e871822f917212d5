"""Find and read labelled series, and split them: normal points first, the rest to score.

A folder with ``windows.json``, as the Numenta Anomaly Benchmark has it, gives for each CSV the
intervals of time in which it is abnormal; other CSVs have a column of labels.  Points keep the
order of the file.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from anomgan.bench.contender import DetectorRun
from anomgan.bench.protocol import Labels, Split
from anomgan.bench.result_row import ResultRow, SeriesRow
from anomgan.bench.sets import LabelledSet, LabelReader
from anomgan.data.readers.files import read_whole
from anomgan.data.series.window_length import choose_window
from anomgan.errors import DataWarning, InputError
from anomgan.evaluation.series_metrics import compute_series_metrics
from anomgan.utils.text import one_line
from anomgan.utils.types import Floats

WINDOWS_FILE = "windows.json"
"""Path of a CSV -> the list of its abnormal intervals, first and last time of each."""

DEFAULT_TIME = "timestamp"
"""Column of times beside :data:`WINDOWS_FILE` unless another is named."""

FIT_SHARE = 0.15
"""Share of the points to fit on, the first; fewer where an abnormal one comes before."""

MIN_FIT_POINTS = 50
"""A series with fewer points to fit on can't be used."""


@dataclass(frozen=True)
class SeriesSplit(Split):
    """Points to fit on and the points after them, in order, and the labels of the latter.

    Attributes:
        time: Column of times, if there is one.
    """

    time: str | None = None

    def encode(self) -> SeriesSplit:
        """Detectors of series take the points as they are."""
        return self

    def evaluate(self, row: ResultRow, run: DetectorRun) -> ResultRow:
        """Fill in a row with the figures of a run, those of series among them."""
        scored = super().evaluate(row, run)
        flagged = np.zeros(len(run.scores), bool) if run.flagged is None else run.flagged
        figures = compute_series_metrics(self.label, run.scores, flagged, self.window)
        return SeriesRow(**vars(scored) | figures | {"window": self.window})

    @cached_property
    def values(self) -> tuple[Floats, Floats]:
        """Both parts as numbers, ``(n, d)`` and ``(m, d)``, standardised by the points to fit on.

        Missing cells, and those that hold no number, are interpolated; columns without any number
        are left out.

        Raises:
            InputError: If no column holds numbers.
        """
        both = pd.concat([self.normal, self.new], ignore_index=True)
        cells = both.drop(columns=[self.time] if self.time in both else [])
        columns = cells.apply(pd.to_numeric, errors="coerce").astype(np.float64)
        columns = columns.loc[:, columns[: len(self.normal)].notna().any()]
        if not columns.shape[1]:
            raise InputError("no column of numbers beside the times and labels")
        numbers = columns.interpolate(limit_direction="both")
        points = numbers.to_numpy()
        normal = points[: len(self.normal)]
        spread = normal.std(0)
        points = (points - normal.mean(0)) / np.where(spread > 0, spread, 1.0)
        return points[: len(normal)], points[len(normal) :]

    @cached_property
    def window(self) -> int:
        """Length of the windows of peers, and the tolerance of metrics, in points.

        It is what a ``GANDetector`` chooses if the points are evenly spaced.
        """
        normal = self.values[0]
        return choose_window(normal, [(0, len(normal))])[0]


@dataclass(frozen=True)
class SeriesSet(LabelledSet):
    """A series on disk, its labels in a column or given as intervals of time.

    Attributes:
        time: Column of times.
        intervals: First and last time of each abnormal interval; None if there is a column.
    """

    time: str | None = None
    intervals: tuple[tuple[str, str], ...] | None = None

    row_type: ClassVar[type[ResultRow]] = SeriesRow

    def split(self, seed: int) -> SeriesSplit:
        """Read the series and split it; the same for every seed.

        Raises:
            InputError: If it can't be read, has too few normal points before the first abnormal
                one, or no abnormal one after them.
        """
        points, label = self._read_points()
        first = int(np.argmax(label)) if label.any() else len(label)
        fitted = min(int(FIT_SHARE * len(label)), first)
        if fitted < MIN_FIT_POINTS:
            raise InputError(
                f"{self.path}: {fitted:,} normal points at its start to fit on (at most "
                f"{FIT_SHARE:.0%} of all); at least {MIN_FIT_POINTS} are needed"
            )
        if not label.any():
            raise InputError(f"{self.path}: has no abnormal point; a benchmark needs some")
        return SeriesSplit(points.iloc[:fitted], points.iloc[fitted:], label[fitted:], self.time)

    def _read_points(self) -> tuple[pd.DataFrame, Labels]:
        """Read all points and their labels.

        Raises:
            InputError: If the file or its times can't be read.
        """
        if self.intervals is None:
            return self._read_labelled_table()
        table = read_whole(self.path, self.options)
        if self.time not in table.columns:
            raise InputError(
                f"{self.path}: has no column {self.time!r}; name the times with --time"
            )
        try:
            times = pd.to_datetime(table[self.time], format="ISO8601")
            ends = [pd.to_datetime(list(interval), format="ISO8601") for interval in self.intervals]
            inside = [times.between(first, last).to_numpy() for first, last in ends]
        except (ValueError, TypeError) as error:
            raise InputError(f"{self.path}: column {self.time!r}: {one_line(error)}") from None
        return table, np.logical_or.reduce(inside, initial=False, axis=0).astype(np.int64)


def find_series_sets(
    paths: Iterable[Path], label: str | None, time: str | None, read_label: LabelReader
) -> list[SeriesSet]:
    """Find the labelled series at some paths.

    Args:
        paths: Folders with ``windows.json``, folders of CSVs with labels, or such CSVs.
        label: The column that marks abnormal points; not used beside ``windows.json``.
        time: The column of times.
        read_label: Parses the column of labels.

    Raises:
        InputError: If there is none, or a name appears twice.

    Warns:
        DataWarning: Of series without an abnormal interval, which are left out.
    """
    sets: dict[str, SeriesSet] = {}
    for path in paths:
        for each in _find_series_at(path, label, time, read_label):
            if each.name in sets:
                raise InputError(f"{sets[each.name].path} and {each.path} have the same name")
            sets[each.name] = each
    return list(sets.values())


def _find_series_at(
    path: Path, label: str | None, time: str | None, read_label: LabelReader
) -> list[SeriesSet]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if (path / WINDOWS_FILE).is_file():
        return _read_windows_file(path, time or DEFAULT_TIME)
    if label is None:
        raise InputError(
            f"{path}: name the column that marks abnormal points with --label COL, or give a "
            f"folder with {WINDOWS_FILE}"
        )
    files = sorted(path.rglob("*.csv")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: holds neither {WINDOWS_FILE} nor a .csv")
    root = path if path.is_dir() else path.parent
    return [SeriesSet(_name(file, root), file, label, read_label, time=time) for file in files]


def _read_windows_file(folder: Path, time: str) -> list[SeriesSet]:
    """The series that ``windows.json`` names and the folder holds.

    Raises:
        InputError: If the file can't be read or no series is left.
    """
    source = folder / WINDOWS_FILE
    try:
        windows = json.loads(source.read_text(encoding="utf-8"))
        intervals = {
            str(name): tuple((str(first), str(last)) for first, last in pairs)
            for name, pairs in windows.items()
        }
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{source}: isn't a list of intervals by file: {one_line(error)}"
        ) from None
    sets = []
    for name in sorted(intervals):
        file = folder / name
        if file.is_file() and not intervals[name]:
            warnings.warn(f"{file}: no abnormal interval; left out", DataWarning, stacklevel=2)
        elif file.is_file():
            sets.append(SeriesSet(_name(file, folder), file, time=time, intervals=intervals[name]))
    if not sets:
        raise InputError(f"{source}: no file that it names and that has an interval is there")
    return sets


def _name(file: Path, root: Path) -> str:
    """Path of a file below a folder, without its ending."""
    return file.relative_to(root).with_suffix("").as_posix()
