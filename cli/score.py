"""``anomgan score``."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.console import say
from anomgan.cli.options import DEFAULT_MODEL, MaxPixelsOption, ModelOption, check_share
from anomgan.cli.summaries import tell_if_out_of_reach
from anomgan.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from anomgan.cli.image_output import Heatmaps
    from anomgan.data.parse_report import ParseReport
    from anomgan.estimator import GANDetector
    from anomgan.scoring.result import ScoreResult

MOST_NOTES = 20
"""Oddities of the input that are told one by one; a wide table may have thousands."""


def score(
    new: Annotated[
        str,
        typer.Argument(
            metavar="NEW",
            help="Records to score: .csv, .csv.gz, .parquet, .npz, a folder of pictures, or - for "
            "CSV on standard input.",
            show_default=False,
        ),
    ],
    model: ModelOption = DEFAULT_MODEL,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to this file (.csv or .csv.gz) instead of standard output.",
            show_default=False,
        ),
    ] = None,
    append: Annotated[
        bool, typer.Option("--append", help="Repeat the input's columns before the results.")
    ] = False,
    alpha: Annotated[
        float | None,
        typer.Option(
            metavar="A",
            help="Flag rows with p_value <= A: this share of normal rows is flagged wrongly.",
            show_default="as at fit",
        ),
    ] = None,
    fdr: Annotated[
        float | None,
        typer.Option(
            metavar="Q",
            help="Flag by Benjamini-Hochberg instead: at most this share of the flagged rows is "
            "expected to be normal.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first cell or picture that can't be read.")
    ] = False,
    heatmaps: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write a picture for each picture there: itself, the nearest normal one, and "
            "where it is abnormal.",
            show_default=False,
        ),
    ] = None,
    max_pixels: MaxPixelsOption = None,
    drift_report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to this JSON file whether the records as a whole are like the training "
            "data.",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            metavar="E",
            help="Where to compute: local, or spark for Parquet files and folders of them, into a "
            "folder of Parquet files named by --output.",
        ),
    ] = "local",
) -> None:
    """Score records: a CSV row for each, in input order, with score, p_value and is_anomaly.

    A larger score is more abnormal.  A model that `anomgan calibrate` gave labelled records adds a
    probability.  Pictures come in the order of their paths; one that can't be read has empty
    results.  Results are written while the input is still being read,
    except with --fdr, which decides on all rows together.
    """
    check_share("--alpha", alpha)
    check_share("--fdr", fdr)
    if alpha is not None and fdr is not None:
        raise InputError("--alpha and --fdr are two ways to flag rows; choose one")
    if engine not in ("local", "spark"):
        raise InputError(f"--engine {engine}: choose local or spark")
    if engine == "spark":
        from anomgan.cli.score_spark import score_on_spark

        report, told = score_on_spark(
            new, model, output, append=append, alpha=alpha, fdr=fdr, strict=strict
        )
        _tell(report, new)
        say(told)
        return

    import pyarrow.compute as pc

    from anomgan import load
    from anomgan.cli.csv_output import (
        csv_cells,
        csv_lines,
        destination,
        destination_if_any,
        write_lines,
    )
    from anomgan.cli.image_output import Heatmaps
    from anomgan.utils.serialization import to_plain

    with (
        destination_if_any(drift_report, "--drift-report") as drift_file,
        destination(output) as file,
    ):
        detector = load(model)
        drawn = None if heatmaps is None else Heatmaps(detector, heatmaps, new)
        scoring = _Scoring(
            detector, new, append=append, strict=strict, heatmaps=drawn, max_pixels=max_pixels
        )
        rule, decided = _decided(scoring, alpha, fdr)
        rows = flagged = 0
        for lines, flags in decided:
            if not rows:
                write_lines(file, csv_lines([csv_cells([name]) for name in scoring.names]))
            write_lines(file, csv_lines([lines, csv_cells(flags)]))
            rows += len(flags)
            flagged += pc.sum(flags).as_py() or 0
        drift = scoring.monitor.result()
        if drift_file is not None:
            drift_file.write(json.dumps(to_plain(drift.to_json()), indent=1).encode() + b"\n")

    _tell(scoring.report, scoring.name)
    lost, unit = len(scoring.report.lost), detector.encoder_.unit
    unread = f"; {lost:,} couldn't be read and have no score" if lost else ""
    say(f"{rows - lost:,} {unit} scored, {flagged:,} flagged at {rule}{unread}")
    if drift:
        say(
            f"warning: {scoring.name}: the {unit} as a whole aren't like the training {unit}: "
            f"{'; '.join(drift.reasons())}"
        )


class _Scoring:
    """The rows of a file as lines of all output columns but the last, with what was found out.

    Attributes:
        name: What messages call the file.
        names: The output columns; known from the first chunk on.
        report: What was odd about the rows so far.
        monitor: Whether they are like the training data.
    """

    def __init__(
        self,
        detector: GANDetector,
        source: str,
        *,
        append: bool,
        strict: bool,
        heatmaps: Heatmaps | None,
        max_pixels: int | None,
    ) -> None:
        """Prepare to score a source; iterating does it."""
        from anomgan.data.image.image import MAX_PIXELS
        from anomgan.data.parse_report import ParseReport
        from anomgan.data.readers.encoding import describe_source
        from anomgan.evaluation.drift import DriftMonitor

        self.detector, self.source, self.append, self.strict = detector, source, append, strict
        self.heatmaps, self.max_pixels = heatmaps, max_pixels or MAX_PIXELS
        self.name = describe_source(source)
        self.roles = ColumnRoles.from_detector(detector)
        self.names: list[str] = []
        self.report = ParseReport()
        self.monitor = DriftMonitor(detector)

    def __iter__(self) -> Iterator[tuple[pa.Array, ScoreResult]]:
        """Score chunk by chunk."""
        from anomgan.cli.csv_output import csv_cells, csv_lines
        from anomgan.data.readers.files import read_chunks

        for frame in read_chunks(self.source, max_pixels=self.max_pixels):
            leading = self._leading(frame)
            scored = self.detector.score_frame(
                self.roles.drop_from(frame),
                strict=self.strict,
                first_row=int(frame.index[0]),
                source=self.name,
            )
            self.report += scored.report
            if self.heatmaps is not None:
                self.heatmaps.write(frame, scored)
            self.monitor.add(scored)
            found = {"score": scored.score, "p_value": scored.p_value}
            if scored.probability is not None:
                found["probability"] = scored.probability
            self.names = [*map(str, leading), *found, "is_anomaly"]
            columns = [leading[name] for name in leading] + [*found.values()]
            yield csv_lines(map(csv_cells, columns)), scored

    def _leading(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns before the results: the input's if asked for, and one that names the row.

        Raises:
            InputError: If the identifier isn't there, a name would occur twice, or there is nothing
            to repeat.
        """
        from anomgan.data.image.image import holds_pictures
        from anomgan.data.readers.files import name_rows

        source, identifier = self.name, self.roles.identifier
        if self.append and holds_pictures(frame):
            raise InputError(f"--append: {source} holds pictures, which have no columns to repeat")
        self.roles.check_identifier(frame.columns, source=source)
        if not self.append:
            return frame[[identifier]] if identifier else name_rows(frame).to_frame()
        self.roles.check_repeated(frame.columns, source=source)
        return frame if identifier else frame.assign(row=frame.index)


def _decided(
    scoring: _Scoring, alpha: float | None, fdr: float | None
) -> tuple[str, Iterator[tuple[pa.Array, pa.Array]]]:
    """Lines and 1 where flagged, after the rule in words: by default the model's own."""
    from anomgan.calibration.conformal import flag_rows
    from anomgan.cli.csv_output import flags, held_back

    if fdr is not None:
        chunks = ((lines, scored.p_value) for lines, scored in scoring)
        decide = functools.partial(flags, rule=functools.partial(flag_rows, fdr=fdr))
        return f"a false discovery rate of {fdr:g}", held_back(chunks, decide)
    if alpha is not None:
        tell_if_out_of_reach(scoring.detector, alpha)
        rule = functools.partial(flag_rows, alpha=alpha)
        return f"alpha {alpha:g}", (
            (lines, flags(scored.p_value, rule)) for lines, scored in scoring
        )
    return "the model's threshold", (
        (lines, flags(scored.score - scored.limit, lambda excess: excess > 0))
        for lines, scored in scoring
    )


def _tell(report: ParseReport, source: str) -> None:
    """Say what was odd about the input."""
    notes = list(report.lines())
    for note in notes[:MOST_NOTES]:
        say(f"warning: {source}: {note}")
    if len(notes) > MOST_NOTES:
        say(f"warning: {source}: {len(notes) - MOST_NOTES:,} more oddities like these")
