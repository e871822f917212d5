"""A table's parts, what there is to do for all of them, and the folder where they come together."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from anomgan.calibration.conformal import fdr_threshold
from anomgan.data.parse_report import ParseReport
from anomgan.data.readers.parquet import ParquetInfo, list_parquet_files, read_parquet_info
from anomgan.errors import InputError
from anomgan.estimator import GANDetector
from anomgan.persistence import model_store as store
from anomgan.spark.partition import SCORED, Outcome, Part, Work, outcome_of, unwritable

DONE = "_SUCCESS"
"""An empty file that appears when all parts are there, as everywhere in the Hadoop world."""

PLAN = "_anomgan.json"
"""A file that tells whose parts are in the folder."""

FEWEST, MOST, AIM = 8_192, 1_000_000, 256
"""Rows of a part, and how many parts are aimed at between these bounds."""


@dataclass(frozen=True)
class Plan:
    """All parts of a table and what is done with them.

    Attributes:
        work: What is done.
        parts: In the order of the input.
        mark: What the results depend on, in short; two runs with the same mark give the same.
    """

    work: Work
    parts: tuple[Part, ...]
    mark: str

    @classmethod
    def make(
        cls, work: Work, detector: GANDetector, files: Sequence[ParquetInfo], rows: int | None
    ) -> Plan:
        """Cut a table into parts.

        Args:
            work: What is done with each.
            detector: Scores them.
            files: The table.
            rows: Most rows of a part; None for as many as suit the table's length.
        """
        total = sum(file.rows for file in files)
        most = rows or min(MOST, max(FEWEST, -(-total // AIM)))
        parts: list[Part] = []
        row = 0
        for file in files:
            for first in range(0, file.rows, most):
                count = min(most, file.rows - first)
                parts.append(Part(len(parts), file.path.absolute(), first, row + first, count))
            row += file.rows
        told = {
            "anomgan": version("anomgan"),
            "model": digest(detector),
            "files": [[file.path.name, file.rows, file.bytes, file.changed] for file in files],
            "rows": most,
            "work": {**asdict(work), "output": "", "source": ""},
        }
        text = json.dumps(told, sort_keys=True, default=str)
        return cls(work, tuple(parts), hashlib.sha256(text.encode()).hexdigest())

    def missing(self, folder: Path) -> list[Part]:
        """The parts that aren't in a folder, or not whole."""
        return [part for part in self.parts if outcome_of(folder / part.name) is None]

    def cut(self) -> float:
        """The largest p-value that is flagged, from the parts that wait."""
        p_values: Counter[float] = Counter()
        for part in self.parts:
            found = outcome_of(self.work.folder / part.name)
            p_values.update(dict(found.p_values) if found else {})
        known = sorted(p_values)
        return fdr_threshold(
            np.array(known), np.array([p_values[p] for p in known]), self.work.rule.fdr or 0.0
        )

    def outcome(self) -> Outcome:
        """What became of all rows.

        Raises:
            InputError: If a part is missing.
        """
        total = Outcome(0, 0, ParseReport())
        for part in self.parts:
            found = outcome_of(self.work.output / part.name)
            if found is None or found.rows != part.count:
                raise InputError(
                    f"--output {self.work.output}: {part.name} isn't there, or not whole; all "
                    f"machines must see the same folder; run the same command again"
                )
            total += found
        return total


def digest(detector: GANDetector) -> str:
    """SHA-256 of all that a detector's scores depend on."""
    description, arrays = store.pack(detector.to_model())
    total = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name in sorted(arrays):
        total.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return total.hexdigest()


def table_files(source: str, detector: GANDetector, work: Work) -> list[ParquetInfo]:
    """The files of a Parquet table that can be scored.

    Raises:
        InputError: If there is none, a column is missing, there is no row, or files differ in the
            columns that are repeated.
    """
    files = [read_parquet_info(path) for path in list_parquet_files(source)]
    for file in files:
        names = [name for name in file.columns.names if name not in work.ignored]
        empty = pd.DataFrame(columns=names)
        detector.encoder_.schema.locate(empty, source=str(file.path), warn=False)
        for name in work.repeated:
            first = files[0].columns.field(name).type
            own = file.columns.field(name).type if name in file.columns.names else None
            if own != first:
                raise InputError(
                    f"{file.path}: column {name!r} is {own or 'missing'}, in {files[0].path.name} "
                    f"it is {first}; the files of a table must agree in columns that are repeated"
                )
    if not any(file.rows for file in files):
        raise InputError(f"{source}: has a header but no rows")
    return files


@contextlib.contextmanager
def opened(plan: Plan) -> Iterator[None]:
    """Make the output folder this plan's, and keep others out of it meanwhile.

    Raises:
        InputError: If something else is in it, another run is writing to it, or it can't be made.
    """
    output = plan.work.output
    try:
        _check(output, plan.mark)
        plan.work.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(output / PLAN, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise unwritable(output, error) from None
    try:
        _lock(handle, output)
        _check(output, plan.mark)
        try:
            os.pwrite(handle, json.dumps({"mark": plan.mark}).encode(), 0)
            _tidy(output)
        except OSError as error:
            raise unwritable(output, error) from None
        yield
    finally:
        os.close(handle)


def _check(output: Path, mark: str) -> None:
    """See whether a folder is empty or holds parts of the plan with this mark.

    Raises:
        InputError: If it doesn't.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file; name a folder")
    names = {entry.name for entry in output.iterdir()} if output.is_dir() else set()
    if names and PLAN not in names:
        raise InputError(f"--output {output}: is a folder with other things in it; name another")
    # A plan that says nothing is from a run that was killed before it had begun.
    told = (output / PLAN).read_text() if names else ""
    if (told or names - {PLAN, SCORED}) and told != json.dumps({"mark": mark}):
        raise InputError(
            f"--output {output}: holds results of another input, model or options; "
            f"remove it or name another folder"
        )


def _lock(handle: int, output: Path) -> None:
    """Keep other runs out, where the file system has locks.

    Raises:
        InputError: If one is at work.
    """
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(f"--output {output}: another run is writing there; wait for it") from None
    except (ImportError, OSError):
        return


def _tidy(output: Path) -> None:
    """Remove what killed runs left half written."""
    for folder in (output, output / SCORED):
        for entry in list(folder.iterdir()) if folder.is_dir() else []:
            if entry.name.startswith(".part-") and entry.name.endswith(".partial"):
                entry.unlink(missing_ok=True)
