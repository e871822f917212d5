"""Scoring a Parquet table part by part, wherever each part is done, into a folder of Parquet files.

The parts are fixed by the table alone, and each is a pure function of the table, the model and the
options.  So it makes no difference who does them, in which order or how often, and those that an
interrupted run has done needn't be done again: a part has its final name only when it is whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
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
from anomgan.data.arrow import arrow_to_frame
from anomgan.data.parse_report import ParseReport, Unreadable
from anomgan.data.readers.parquet import read_batches
from anomgan.errors import DataWarning, InputError
from anomgan.estimator import GANDetector
from anomgan.scoring.result import ScoreResult

SCORED = "_scored"
"""A folder for parts that wait until all p-values are known."""

FACTS = b"anomgan"
"""Under which name a part's footer tells what was found out about it."""


@dataclass(frozen=True)
class Part:
    """A range of a file's records.

    Attributes:
        number: Counted from 0, in the order of the input.
        file: Where the records are.
        first: The first of them, counted in the file.
        row: The same, counted in the whole table.
        count: How many.
    """

    number: int
    file: Path
    first: int
    row: int
    count: int

    @property
    def name(self) -> str:
        """The file that it becomes."""
        return f"part-{self.number:05d}.parquet"


@dataclass(frozen=True)
class Rule:
    """Which rows are flagged: by the model's own threshold, unless one of these is given.

    Attributes:
        alpha: Those with a p-value of at most this.
        fdr: Those that Benjamini–Hochberg chooses at this false discovery rate, over all rows.
    """

    alpha: float | None = None
    fdr: float | None = None

    @property
    def waits(self) -> bool:
        """Whether no row can be decided on before all are scored."""
        return self.fdr is not None

    def flags(self, scored: ScoreResult) -> NDArray[np.int8]:
        """1 for each row that is flagged on its own, ``(n,)``."""
        if self.alpha is not None:
            return flag_rows(scored.p_value, alpha=self.alpha).astype(np.int8)
        return scored.flagged.astype(np.int8)


@dataclass(frozen=True)
class Outcome:
    """What became of all rows, or of those of one part.

    Attributes:
        rows: How many there are.
        flagged: How many are flagged; 0 as long as they wait for that.
        report: What was odd about their cells.
        notes: Warnings.
        p_values: Each p-value and how often it comes, as long as rows wait to be flagged.
    """

    rows: int
    flagged: int
    report: ParseReport
    notes: tuple[str, ...] = ()
    p_values: tuple[tuple[float, int], ...] = ()

    def __add__(self, later: Outcome) -> Outcome:
        """The outcome of both, of which ``later`` comes second; p-values are left out."""
        notes = tuple(dict.fromkeys((*self.notes, *later.notes)))
        return Outcome(
            self.rows + later.rows, self.flagged + later.flagged, self.report + later.report, notes
        )

    def to_json(self) -> bytes:
        """For a footer."""
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
class Work:
    """What to do with each part; small, and known to everybody who works on one.

    Attributes:
        source: What messages call the table.
        output: The folder for the parts, which all who work on them see under this name.
        repeated: Columns of the input that come before the results.
        numbered: Whether the number of the input record comes next.
        ignored: Columns of the input that the model isn't shown.
        rule: Which rows are flagged.
        strict: Whether a cell that can't be read is an error rather than missing.
    """

    source: str
    output: Path
    repeated: tuple[str, ...]
    numbered: bool
    ignored: tuple[str, ...]
    rule: Rule
    strict: bool = False

    def score(self, part: Part, detector: GANDetector) -> None:
        """Score a part and write it; it is flagged, too, unless that takes all p-values.

        Raises:
            InputError: As :meth:`anomgan.estimator.GANDetector.score_frame`, or if the part can't
                be read or written.
        """
        found = Outcome(0, 0, ParseReport())
        p_values: Counter[float] = Counter()
        with _Whole(self.folder / part.name, self.output) as whole:
            for batch in read_batches(part.file, first=part.first, count=part.count):
                row = part.row + found.rows
                with warnings.catch_warnings(record=True) as heard:
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
                if self.rule.waits:
                    p_values.update(scored.p_value.tolist())
                else:
                    flags = self.rule.flags(scored)
                    columns["is_anomaly"] = pa.array(flags)
                    flagged = int(flags.sum())
                whole.write(pa.table(columns))
                notes = tuple(str(each.message) for each in heard)
                found += Outcome(batch.num_rows, flagged, scored.report, notes)
            whole.finish(replace(found, p_values=tuple(sorted(p_values.items()))))

    def flag(self, part: Part, cut: float) -> None:
        """Flag the rows of a part that has waited: those with a p-value of at most ``cut``.

        Raises:
            InputError: If the part can't be read or written.
        """
        waiting = self.folder / part.name
        found = outcome_of(waiting)
        if found is None:
            raise InputError(f"{waiting}: was damaged while it waited; run the same command again")
        flagged = 0
        with _Whole(self.output / part.name, self.output) as whole:
            for batch in read_batches(waiting):
                flags = pa.array((batch.column("p_value").to_numpy() <= cut).astype(np.int8))
                flagged += int(flags.to_numpy().sum())
                whole.write(pa.table(batch).append_column("is_anomaly", flags))
            whole.finish(replace(found, flagged=flagged, p_values=()))

    @property
    def folder(self) -> Path:
        """Where parts are scored: where they belong, or where they wait."""
        return self.output / SCORED if self.rule.waits else self.output


class _Whole:
    """A Parquet file that appears under its name when it is finished."""

    def __init__(self, path: Path, output: Path) -> None:
        """Prepare to write; messages speak of ``output``."""
        self.path, self.output = path, output
        mark = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.partial = path.with_name(f".{path.stem}-{mark}.partial")
        self.writer: pa.parquet.ParquetWriter | None = None

    def __enter__(self) -> _Whole:
        """Nothing is there yet."""
        return self

    def write(self, table: pa.Table) -> None:
        """Add rows; the first decide what columns there are."""
        with self._worded():
            if self.writer is None:
                self.writer = pa.parquet.ParquetWriter(self.partial, table.schema)
            self.writer.write_table(table)

    def finish(self, outcome: Outcome) -> None:
        """Write through to the disk and give it its name."""
        if self.writer is None:
            raise InputError(f"{self.output}: {self.path.name} has no rows; the input has changed")
        with self._worded():
            self.writer.add_key_value_metadata({FACTS: outcome.to_json()})
            self.writer.close()
            with self.partial.open("rb") as file:
                os.fsync(file.fileno())
            self.partial.replace(self.path)

    def __exit__(self, *_: object) -> None:
        """Remove what isn't finished."""
        if self.writer is not None:
            with contextlib.suppress(OSError, pa.ArrowException):
                self.writer.close()
        with contextlib.suppress(OSError):
            self.partial.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _worded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unwritable(self.output, error) from None


def unwritable(output: Path, error: OSError) -> InputError:
    """The error for a folder that can't be written to."""
    return InputError(f"--output {output}: can't be written: {error.strerror or error}")


def outcome_of(path: Path) -> Outcome | None:
    """What a finished part's footer says; None if it isn't there or isn't whole."""
    try:
        facts = pa.parquet.read_metadata(path).metadata
        return Outcome.from_json(facts[FACTS])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None
