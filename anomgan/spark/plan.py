"""Cut a Parquet table into partitions, and guard the folder that their scores are written to."""

from __future__ import annotations

import contextlib
import hashlib
import json
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
from anomgan.persistence.model_store import pack
from anomgan.spark.partition import (
    SCORED_FOLDER,
    Outcome,
    Partition,
    PartitionScorer,
    read_outcome,
    unwritable,
)
from anomgan.utils.atomic import PARTIAL_PREFIX
from anomgan.utils.locks import LOCK_FILE, hold_lock

SUCCESS_FILE = "_SUCCESS"
"""An empty file that appears when all partitions are there, as Hadoop's tools write it."""

PLAN_FILE = "_anomgan.json"
"""A file that holds the plan's fingerprint."""

MIN_PARTITION_ROWS, MAX_PARTITION_ROWS, TARGET_PARTITIONS = 8_192, 1_000_000, 256
"""Bounds of a partition's rows, and how many partitions are aimed at between them."""


@dataclass(frozen=True)
class Plan:
    """All partitions of a table and how they are scored.

    Attributes:
        scorer: Scores one partition.
        partitions: In the order of the input.
        fingerprint: SHA-256 of all that the results depend on.
    """

    scorer: PartitionScorer
    partitions: tuple[Partition, ...]
    fingerprint: str

    @classmethod
    def make(
        cls,
        scorer: PartitionScorer,
        detector: GANDetector,
        files: Sequence[ParquetInfo],
        rows: int | None,
    ) -> Plan:
        """Cut a table into partitions.

        Args:
            scorer: Scores each of them.
            detector: The model.
            files: The table.
            rows: Most rows of a partition; None to choose by the table's length.
        """
        total = sum(file.rows for file in files)
        size = rows or min(
            MAX_PARTITION_ROWS, max(MIN_PARTITION_ROWS, -(-total // TARGET_PARTITIONS))
        )
        partitions: list[Partition] = []
        row = 0
        for file in files:
            for first in range(0, file.rows, size):
                count = min(size, file.rows - first)
                path = file.path.absolute()
                told = tuple(file.told.items())
                partitions.append(Partition(len(partitions), path, first, row + first, count, told))
            row += file.rows
        inputs = {
            "anomgan": version("anomgan"),
            "model": digest(detector),
            "files": [
                [file.path.name, file.rows, file.bytes, file.changed, *file.told.items()]
                for file in files
            ],
            "rows": size,
            "work": {**asdict(scorer), "output": "", "source": ""},
        }
        text = json.dumps(inputs, sort_keys=True, default=str)
        return cls(scorer, tuple(partitions), hashlib.sha256(text.encode()).hexdigest())

    def missing(self, folder: Path) -> list[Partition]:
        """The partitions that are missing from a folder, or incomplete."""
        return [each for each in self.partitions if read_outcome(folder / each.name) is None]

    def p_value_threshold(self) -> float:
        """The largest p-value that Benjamini–Hochberg flags, over all scored partitions."""
        counts: Counter[float] = Counter()
        for partition in self.partitions:
            outcome = read_outcome(self.scorer.folder / partition.name)
            counts.update(dict(outcome.p_values) if outcome else {})
        p_values = sorted(counts)
        rate = self.scorer.rule.fdr or 0.0
        return fdr_threshold(np.array(p_values), np.array([counts[p] for p in p_values]), rate)

    def outcome(self) -> Outcome:
        """The outcome of all rows.

        Raises:
            InputError: If a partition is missing.
        """
        total = Outcome(0, 0, ParseReport())
        for partition in self.partitions:
            outcome = read_outcome(self.scorer.output / partition.name)
            if outcome is None or outcome.rows != partition.count:
                raise InputError(
                    f"--output {self.scorer.output}: {partition.name} isn't there, or not whole; "
                    f"all machines must see the same folder; run the same command again"
                )
            total += outcome
        return total


def digest(detector: GANDetector) -> str:
    """SHA-256 of all that a detector's scores depend on."""
    description, arrays = pack(detector.to_model())
    total = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name in sorted(arrays):
        total.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return total.hexdigest()


def table_files(source: str, detector: GANDetector, scorer: PartitionScorer) -> list[ParquetInfo]:
    """The files of a Parquet table that can be scored.

    Raises:
        InputError: If there is none, a column is missing, there is no row, files differ in the
            columns that are repeated, or the model is of series, whose rows need their neighbours.
    """
    if detector.encoder_.dependent_rows > 1:
        raise InputError(
            f"{source}: the model is of series, whose windows partitions would cut; score without "
            f"Spark"
        )
    files = [read_parquet_info(part) for part in list_parquet_files(source)]
    for file in files:
        names = [name for name in file.columns.names if name not in scorer.ignored]
        empty = pd.DataFrame(columns=names)
        detector.encoder_.schema.locate(empty, source=str(file.path), warn=False)
        for name in scorer.repeated:
            first = files[0].columns.field(name).type
            other = file.columns.field(name).type if name in file.columns.names else None
            if other != first:
                raise InputError(
                    f"{file.path}: column {name!r} is {other or 'missing'}, in "
                    f"{files[0].path.name} it is {first}; the files of a table must agree in "
                    f"columns that are repeated"
                )
    if not any(file.rows for file in files):
        raise InputError(f"{source}: has a header but no rows")
    return files


@contextlib.contextmanager
def open_output(plan: Plan) -> Iterator[None]:
    """Make the output folder, mark it with the plan, and lock it against other runs.

    Raises:
        InputError: If something else is in it, another run is writing to it, or it can't be made.
    """
    output = plan.scorer.output
    try:
        _check_output(output, plan.fingerprint)
        plan.scorer.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(output, error) from None
    with hold_lock(output / LOCK_FILE) as locked:
        if locked is False:
            raise InputError(f"--output {output}: another run is writing there; wait for it")
        _check_output(output, plan.fingerprint)
        try:
            if not (output / PLAN_FILE).exists() or not (output / PLAN_FILE).read_text():
                (output / PLAN_FILE).write_text(json.dumps({"mark": plan.fingerprint}))
            _remove_partial_files(output)
        except OSError as error:
            raise unwritable(output, error) from None
        yield


def _check_output(output: Path, fingerprint: str) -> None:
    """Check that a folder is new, empty or holds partitions of the same plan.

    Raises:
        InputError: If it doesn't.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: is a file; name a folder")
    names = {entry.name for entry in output.iterdir()} if output.is_dir() else set()
    results = names - {PLAN_FILE, SCORED_FOLDER, LOCK_FILE}
    if results and PLAN_FILE not in names:
        raise InputError(f"--output {output}: is a folder with other things in it; name another")
    # An empty plan file is from a run that was killed before it had scored anything.
    text = (output / PLAN_FILE).read_text() if PLAN_FILE in names else ""
    if (text or results) and text != json.dumps({"mark": fingerprint}):
        raise InputError(
            f"--output {output}: holds results of another input, model or options; "
            f"remove it or name another folder"
        )


def _remove_partial_files(output: Path) -> None:
    """Remove the unfinished files of killed runs."""
    for folder in (output, output / SCORED_FOLDER):
        for entry in list(folder.iterdir()) if folder.is_dir() else []:
            if entry.name.startswith(PARTIAL_PREFIX):
                entry.unlink(missing_ok=True)
