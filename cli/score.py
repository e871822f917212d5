"""``anomgan score``."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomgan.cli.console import print_json, say, warn
from anomgan.cli.file_options import (
    HeaderOption,
    NoHeaderOption,
    SeparatorOption,
    SheetOption,
    collect_read_options,
    follow_model,
)
from anomgan.cli.options import (
    DEFAULT_MODEL,
    TABLE_KINDS,
    MaxPixelsOption,
    ModelOption,
    check_json_output,
    check_share,
)
from anomgan.errors import InputError
from anomgan.utils.text import limit_lines

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from anomgan.data.parse_report import ParseReport


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
    separator: SeparatorOption = None,
    header: HeaderOption = None,
    no_header: NoHeaderOption = False,
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
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Of series: write the intervals found there, with start, end, peak, severity and "
            "columns; keeps the rows in memory.",
            show_default=False,
        ),
    ] = None,
    flagged_only: Annotated[
        bool, typer.Option("--flagged", help="Only the flagged records.")
    ] = False,
    top: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Print a table of the N most abnormal records with the reasons, instead of all "
            "scores; these go to --output, if that is given.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the summary, with --top those records too, as JSON on standard output.",
        ),
    ] = False,
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
    if top is not None and str(output) == "-":
        raise InputError("--output - and --top both print on standard output; name a file")
    if top is None:
        check_json_output(as_json, output)
    if engine == "spark":
        for option, given in (("--flagged", flagged_only), ("--top", top), ("--json", as_json)):
            if given:
                raise InputError(
                    f"{option} goes with --engine local; the Parquet files have it all"
                )
        from anomgan.cli.score_spark import score_on_spark

        report, summary = score_on_spark(
            new, model, output, append=append, alpha=alpha, fdr=fdr, strict=strict
        )
        _print_notes(report, new)
        say(summary)
        return

    import numpy as np
    import pyarrow.compute as pc

    from anomgan import load
    from anomgan.cli.csv_output import open_optional_output
    from anomgan.cli.image_output import Heatmaps
    from anomgan.cli.most_abnormal import MostAbnormal
    from anomgan.cli.progress import RowsProgress
    from anomgan.cli.scored_chunks import ScoredChunks, flag_chunks
    from anomgan.cli.series_events import EventFinder, write_events
    from anomgan.cli.table_output import open_table
    from anomgan.utils.serialization import to_plain

    found = None if top is None else MostAbnormal(top)
    table_only = found is not None and output is None
    with (
        open_optional_output(drift_report, "--drift-report") as drift_file,
        contextlib.nullcontext() if table_only else open_table(output) as writer,
        RowsProgress(shared=writer is not None and output is None) as progress,
    ):
        detector = load(model)
        event_finder = None if events is None else EventFinder(detector)
        heatmap_folder = None if heatmaps is None else Heatmaps(detector, heatmaps, new)
        scoring = ScoredChunks(
            detector,
            new,
            append=append,
            strict=strict,
            heatmaps=heatmap_folder,
            max_pixels=max_pixels,
            most_abnormal=found,
            events=event_finder,
            progress=progress,
            options=follow_model(
                collect_read_options(sheet, separator, header, no_header), detector
            ),
        )
        rule, flagged_chunks = flag_chunks(scoring, alpha, fdr)
        rows = 0
        flagged_rows: list[NDArray[np.int64]] = []
        for table, flags in flagged_chunks:
            is_flagged = pc.fill_null(pc.equal(flags, 1), False)
            if writer is not None:
                whole = table.append_column("is_anomaly", flags)
                writer.write(whole.filter(is_flagged) if flagged_only else whole)
            flagged_rows.append(rows + np.flatnonzero(is_flagged.to_numpy(zero_copy_only=False)))
            rows += len(flags)
        flagged = np.concatenate(flagged_rows)
        drift = scoring.monitor.result()
        if drift_file is not None:
            drift_file.write(json.dumps(to_plain(drift.to_json()), indent=1).encode() + b"\n")

    _print_notes(scoring.report, scoring.name)
    lost, unit = len(scoring.report.lost), detector.encoder_.unit
    unread = f"; {lost:,} couldn't be read and have no score" if lost else ""
    say(f"{rows - lost:,} {unit} scored, {len(flagged):,} flagged at {rule}{unread}")
    if event_finder is not None and events is not None:
        count = write_events(event_finder, events, scoring.name)
        say(f"{count:,} events written to {events}")
    if drift:
        warn(
            f"{scoring.name}: the {unit} as a whole aren't like the training {unit}: "
            f"{'; '.join(drift.reasons())}"
        )
    top_rows = None
    if found is not None:
        from anomgan.cli.top_rows import describe_top_rows, show_top_rows

        numbers = set(flagged.tolist())
        if flagged_only:
            found.keep(numbers)
        label, top_rows = describe_top_rows(detector, found, numbers, source=scoring.name)
        if not as_json:
            show_top_rows(label, top_rows)
    if as_json:
        facts = {"source": scoring.name, "records": rows, "without_score": lost}
        facts |= {"flagged": len(flagged), "rule": rule, "drift": drift.to_json()}
        print_json(facts if top_rows is None else facts | {"top": top_rows})


def _print_notes(report: ParseReport, source: str) -> None:
    """Print the notes about the input."""
    for note in limit_lines(report.lines()):
        warn(f"{source}: {note}")
