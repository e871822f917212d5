"""Score one partition of a Parquet table into a Parquet file.

Partitions depend on the table alone, and the scores of one on the table, the model and the options.
So any executor may score any of them, in any order and more than once, and an interrupted run goes
on where it stopped: a partition's file takes its name only when it is complete.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from anomgan.calibration.conformal import flag_rows
from anomgan.calibration.result import ScoreResult
from anomgan.data.arrow import arrow_to_frame
from anomgan.data.parse_report import ParseReport, Unreadable
from anomgan.data.readers.parquet import read_batches
from anomgan.errors import DataWarning, InputError
from anomgan.estimator import GANDetector
from anomgan.utils.atomic import atomic_write

SCORED_FOLDER = "_scored"
"""The folder of partitions that are flagged once the p-values of all are known."""

OUTCOME_KEY = b"anomgan"
"""Metadata key of a Parquet file's :class:`Outcome`."""


@dataclass(frozen=True)
class Partition:
    """A range of a file's records.

    Attributes:
        number: Counted from 0, in the order of the input.
        file: Where the records are.
        first: The first of them, counted in the file.
        row: The same, counted in the whole table.
        count: How many.
        told: Columns that the name of the file's folder tells, and their only cell.
    """

    number: int
    file: Path
    first: int
    row: int
    count: int
    told: tuple[tuple[str, str | None], ...] = ()

    @property
    def name(self) -> str:
        """The file that its scores are written to."""
        return f"part-{self.number:05d}.parquet"


@dataclass(frozen=True)
class FlagRule:
    """Which rows are flagged: by the model's own threshold, unless one of these is given.

    Attributes:
        alpha: Flag rows with a p-value of at most this.
        fdr: Flag rows by Benjamini–Hochberg at this false discovery rate, over all rows.
    """

    alpha: float | None = None
    fdr: float | None = None

    @property
    def needs_all_p_values(self) -> bool:
        """Whether rows can be flagged only after all are scored."""
        return self.fdr is not None

    def flags(self, scored: ScoreResult) -> NDArray[np.int8]:
        """1 for each row that is flagged on its own, ``(n,)``."""
        if self.alpha is not None:
            return flag_rows(scored.p_value, alpha=self.alpha).astype(np.int8)
        return scored.flagged.astype(np.int8)


@dataclass(frozen=True)
class Outcome:
    """Counts and warnings of all rows, or of one partition.

    Attributes:
        rows: Number of rows.
        flagged: Number of flagged rows; 0 until they are flagged.
        report: Cells that couldn't be read.
        notes: Warnings.
        p_values: Each p-value and its count, until rows are flagged.
    """

    rows: int
    flagged: int
    report: ParseReport
    notes: tuple[str, ...] = ()
    p_values: tuple[tuple[float, int], ...] = ()

    def __add__(self, later: Outcome) -> Outcome:
        """The outcome of both, in this order; p-values are left out."""
        notes = tuple(dict.fromkeys((*self.notes, *later.notes)))
        return Outcome(
            self.rows + later.rows, self.flagged + later.flagged, self.report + later.report, notes
        )

    def to_json(self) -> bytes:
        """Bytes for a Parquet file's metadata."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Outcome:
        """Rebuild from :meth:`to_json`."""
        state = json.loads(data)
        report = state["report"]
        cells = {name: Unreadable(**cell) for name, cell in report.pop("unreadable").items()}
        return cls(
            state["rows"],
            state["flagged"],
            ParseReport(unreadable=cells, **report),
            tuple(state["notes"]),
            tuple((p, count) for p, count in state["p_values"]),
        )


@dataclass(frozen=True)
class PartitionScorer:
    """Scores partitions; sent to every executor.

    Attributes:
        source: What messages call the table.
        output: The folder of the results, which all executors see under this path.
        repeated: Columns of the input that come before the results.
        numbered: Whether the number of the input record comes next.
        ignored: Columns of the input that the model doesn't use.
        rule: Which rows are flagged.
        strict: Whether a cell that can't be read is an error rather than missing.
    """

    source: str
    output: Path
    repeated: tuple[str, ...]
    numbered: bool
    ignored: tuple[str, ...]
    rule: FlagRule
    strict: bool = False

    @property
    def folder(self) -> Path:
        """Where scored partitions are written: the output, or a folder in it until flagged."""
        return self.output / SCORED_FOLDER if self.rule.needs_all_p_values else self.output

    def score(self, partition: Partition, detector: GANDetector) -> None:
        """Score a partition, flag its rows unless that needs all p-values, and write it.

        Raises:
            InputError: As :meth:`anomgan.estimator.GANDetector.score_frame`, or if the partition
                can't be read or written.
        """
        outcome = Outcome(0, 0, ParseReport())
        p_values: Counter[float] = Counter()
        with _write_partition(self.folder / partition.name, self.output) as writer:
            for batch in read_batches(
                partition.file,
                first=partition.first,
                count=partition.count,
                told=dict(partition.told),
            ):
                row = partition.row + outcome.rows
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always", DataWarning)
                    scored = detector.score_frame(
                        arrow_to_frame(batch).drop(columns=list(self.ignored), errors="ignore"),
                        strict=self.strict,
                        first_row=row,
                        source=self.source,
                    )
                columns = {name: batch.column(name) for name in self.repeated}
                if self.numbered:
                    columns["row"] = pa.array(np.arange(row, row + batch.num_rows))
                columns |= {"score": pa.array(scored.score), "p_value": pa.array(scored.p_value)}
                if scored.probability is not None:
                    columns["probability"] = pa.array(scored.probability)
                flagged = 0
                if self.rule.needs_all_p_values:
                    p_values.update(scored.p_value.tolist())
                else:
                    flags = self.rule.flags(scored)
                    columns["is_anomaly"] = pa.array(flags)
                    flagged = int(flags.sum())
                writer.write(pa.table(columns))
                notes = tuple(str(each.message) for each in caught)
                outcome += Outcome(batch.num_rows, flagged, scored.report, notes)
            writer.outcome = replace(outcome, p_values=tuple(sorted(p_values.items())))

    def flag(self, partition: Partition, threshold: float) -> None:
        """Flag the rows of a scored partition whose p-value is at most ``threshold``.

        Raises:
            InputError: If the partition can't be read or written.
        """
        path = self.folder / partition.name
        outcome = read_outcome(path)
        if outcome is None:
            raise InputError(f"{path}: was damaged while it waited; run the same command again")
        flagged = 0
        with _write_partition(self.output / partition.name, self.output) as writer:
            for batch in read_batches(path):
                flags = (batch.column("p_value").to_numpy() <= threshold).astype(np.int8)
                flagged += int(flags.sum())
                writer.write(pa.table(batch).append_column("is_anomaly", pa.array(flags)))
            writer.outcome = replace(outcome, flagged=flagged, p_values=())


class _Writer:
    """Writes a partition's rows, then its outcome."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: pa.parquet.ParquetWriter | None = None
        self.outcome: Outcome | None = None

    def write(self, table: pa.Table) -> None:
        """Add rows; the first table decides on the columns."""
        if self.file is None:
            self.file = pa.parquet.ParquetWriter(self.path, table.schema)
        self.file.write_table(table)


@contextlib.contextmanager
def _write_partition(path: Path, output: Path) -> Iterator[_Writer]:
    """Write a partition's file, which takes its name when it is complete.

    Raises:
        InputError: If it can't be written, or no row was.
    """
    try:
        with atomic_write(path) as partial:
            writer = _Writer(partial)
            try:
                yield writer
                if writer.file is None or writer.outcome is None:
                    raise InputError(f"{output}: {path.name} has no rows; the input has changed")
                writer.file.add_key_value_metadata({OUTCOME_KEY: writer.outcome.to_json()})
            finally:
                if writer.file is not None:
                    writer.file.close()
            with partial.open("rb") as file:
                os.fsync(file.fileno())
    except OSError as error:
        raise unwritable(output, error) from None


def unwritable(output: Path, error: OSError) -> InputError:
    """The error for a folder that can't be written to."""
    return InputError(f"--output {output}: can't be written: {error.strerror or error}")


def read_outcome(path: Path) -> Outcome | None:
    """The outcome in a finished partition's file; None if that is missing or incomplete."""
    try:
        return Outcome.from_json(pa.parquet.read_metadata(path).metadata[OUTCOME_KEY])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None
