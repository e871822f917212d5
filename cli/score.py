"""``anomgan score``."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.console import say, warn
from anomgan.cli.options import (
    DEFAULT_MODEL,
    TABLE_KINDS,
    MaxPixelsOption,
    ModelOption,
    SheetOption,
    check_share,
)
from anomgan.cli.summaries import warn_if_unreachable
from anomgan.errors import InputError
from anomgan.utils.text import limit_lines

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from anomgan.cli.image_output import Heatmaps
    from anomgan.data.parse_report import ParseReport
    from anomgan.estimator import GANDetector
    from anomgan.scoring.result import ScoreResult


def score(
    new: Annotated[
        str,
        typer.Argument(
            metavar="NEW",
            help=f"Records to score: {TABLE_KINDS} or of pictures, a URL, or - for CSV on standard "
            "input.",
            show_default=False,
        ),
    ],
    model: ModelOption = DEFAULT_MODEL,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to this file (.csv, .csv.gz, .jsonl, .parquet or .xlsx) instead of "
            "standard output.",
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
    sheet: SheetOption = None,
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

        report, summary = score_on_spark(
            new, model, output, append=append, alpha=alpha, fdr=fdr, strict=strict
        )
        _print_notes(report, new)
        say(summary)
        return

    import pyarrow.compute as pc

    from anomgan import load
    from anomgan.cli.csv_output import open_optional_output
    from anomgan.cli.image_output import Heatmaps
    from anomgan.cli.table_output import open_table
    from anomgan.utils.serialization import to_plain

    with (
        open_optional_output(drift_report, "--drift-report") as drift_file,
        open_table(output) as writer,
    ):
        detector = load(model)
        heatmap_folder = None if heatmaps is None else Heatmaps(detector, heatmaps, new)
        scoring = _ScoredChunks(
            detector,
            new,
            append=append,
            strict=strict,
            heatmaps=heatmap_folder,
            max_pixels=max_pixels,
            sheet=sheet,
        )
        rule, flagged_chunks = _flag_chunks(scoring, alpha, fdr)
        rows = flagged = 0
        for table, flags in flagged_chunks:
            writer.write(table.append_column("is_anomaly", flags))
            rows += len(flags)
            flagged += pc.sum(flags).as_py() or 0
        drift = scoring.monitor.result()
        if drift_file is not None:
            drift_file.write(json.dumps(to_plain(drift.to_json()), indent=1).encode() + b"\n")

    _print_notes(scoring.report, scoring.name)
    lost, unit = len(scoring.report.lost), detector.encoder_.unit
    unread = f"; {lost:,} couldn't be read and have no score" if lost else ""
    say(f"{rows - lost:,} {unit} scored, {flagged:,} flagged at {rule}{unread}")
    if drift:
        warn(
            f"{scoring.name}: the {unit} as a whole aren't like the training {unit}: "
            f"{'; '.join(drift.reasons())}"
        )


class _ScoredChunks:
    """Iterates over the chunks of a file: the output without its last column, and the scores.

    Attributes:
        name: Name of the file in messages.
        report: Unreadable cells and other notes about the rows so far.
        monitor: Compares them with the training data.
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
        sheet: str | None,
    ) -> None:
        """Prepare to score a file; iterating does it."""
        from anomgan.data.image.picture import MAX_PIXELS
        from anomgan.data.parse_report import ParseReport
        from anomgan.data.readers.sources import describe_source
        from anomgan.evaluation.drift import DriftMonitor

        self.detector, self.source, self.append, self.strict = detector, source, append, strict
        self.heatmaps, self.max_pixels, self.sheet = heatmaps, max_pixels or MAX_PIXELS, sheet
        self.name = describe_source(source)
        self.roles = ColumnRoles.from_detector(detector)
        self.report = ParseReport()
        self.monitor = DriftMonitor(detector)

    def __iter__(self) -> Iterator[tuple[pa.Table, ScoreResult]]:
        """Score chunk by chunk."""
        from anomgan.cli.table_output import to_arrow_table
        from anomgan.data.readers.files import read_chunks

        for frame in read_chunks(self.source, max_pixels=self.max_pixels, sheet=self.sheet):
            leading = self._select_leading(frame)
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
            results = {"score": scored.score, "p_value": scored.p_value}
            if scored.probability is not None:
                results["probability"] = scored.probability
            yield to_arrow_table({str(name): leading[name] for name in leading} | results), scored

    def _select_leading(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns before the results: with ``--append`` the input's, and the row's name.

        Raises:
            InputError: If the identifier is missing, a name would occur twice, or images have no
                columns to repeat.
        """
        from anomgan.data.image.picture import holds_pictures
        from anomgan.data.readers.files import name_rows

        source, identifier = self.name, self.roles.identifier
        if self.append and holds_pictures(frame):
            raise InputError(f"--append: {source} holds pictures, which have no columns to repeat")
        self.roles.check_identifier(frame.columns, source=source)
        if not self.append:
            return frame[[identifier]] if identifier else name_rows(frame).to_frame()
        self.roles.check_repeated(frame.columns, source=source)
        return frame if identifier else frame.assign(row=frame.index)


def _flag_chunks(
    scoring: _ScoredChunks, alpha: float | None, fdr: float | None
) -> tuple[str, Iterator[tuple[pa.Table, pa.Array]]]:
    """The rule in words, by default the model's own, and chunks with 1 where it flags the row."""
    from anomgan.calibration.conformal import flag_rows
    from anomgan.cli.csv_output import flag_all_together, flag_values

    if fdr is not None:
        chunks = ((table, scored.p_value) for table, scored in scoring)
        by_fdr = functools.partial(flag_rows, fdr=fdr)
        return f"a false discovery rate of {fdr:g}", flag_all_together(chunks, by_fdr)
    if alpha is not None:
        warn_if_unreachable(scoring.detector, alpha)
        by_alpha = functools.partial(flag_rows, alpha=alpha)
        return f"alpha {alpha:g}", (
            (table, flag_values(scored.p_value, by_alpha)) for table, scored in scoring
        )
    return "the model's threshold", (
        (table, flag_values(scored.score - scored.limit, lambda excess: excess > 0))
        for table, scored in scoring
    )


def _print_notes(report: ParseReport, source: str) -> None:
    """Print the notes about the input."""
    for note in limit_lines(report.lines()):
        warn(f"{source}: {note}")
