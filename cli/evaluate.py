"""``anomgan evaluate``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomgan.cli.column_roles import ColumnRoles, check_column
from anomgan.cli.console import print_json, say, show_table
from anomgan.cli.file_options import (
    HeaderOption,
    NoHeaderOption,
    SeparatorOption,
    SheetOption,
    collect_read_options,
    follow_model,
)
from anomgan.cli.mlflow_options import (
    TrackEvaluationOption,
    track_evaluation,
    tracking_store_exists,
)
from anomgan.cli.options import DEFAULT_MODEL, TABLE_KINDS, JsonOption, ModelOption
from anomgan.errors import InputError
from anomgan.utils.atomic import atomic_write, ensure_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anomgan.estimator import GANDetector
    from anomgan.evaluation.evaluate import Evaluation

MAX_P_VALUE = 0.01
"""P-value below which a subgroup is marked as flagged more or less often than the others."""


def evaluate(
    labelled: Annotated[
        str,
        typer.Argument(
            metavar="LABELLED",
            help=f"Labelled records: {TABLE_KINDS}, a URL, or - for CSV on standard input.",
            show_default=False,
        ),
    ],
    model: ModelOption = DEFAULT_MODEL,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="COL",
            help="Column that marks abnormal rows (1, true, anomaly, …).",
            show_default="the column named at fit",
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COL",
            help="Column that makes subgroups: are some flagged more often?  May be repeated.",
            show_default=False,
        ),
    ] = None,
    normal: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The training table, to fit simple detectors on: what does the GAN buy?",
            show_default=False,
        ),
    ] = None,
    peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Compare with simple detectors.")
    ] = True,
    sheet: SheetOption = None,
    separator: SeparatorOption = None,
    header: HeaderOption = None,
    no_header: NoHeaderOption = False,
    bootstrap: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=100_000, help="Samples for 95% intervals; 0 for none."
        ),
    ] = 300,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Seed of all randomness.")
    ] = 0,
    as_json: JsonOption = False,
    plots: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw curves into this folder.", show_default=False),
    ] = None,
    track: TrackEvaluationOption = True,
) -> None:
    """Compare scores and decisions with known labels.

    Labelled records must not be those the model was fitted on.
    """
    if normal is not None and not peers:
        raise InputError("--normal is for simple detectors, which --no-peers leaves out")
    if labelled == normal == "-":
        raise InputError("--normal -: standard input is LABELLED already; name a file")

    from anomgan import load
    from anomgan.cli.csv_output import check_folder
    from anomgan.cli.labels import read_labelled, read_normal_rows
    from anomgan.evaluation.evaluate import evaluate as evaluate_detector

    if plots is not None:
        check_folder(plots, "--plots")
    detector = load(model)
    options = follow_model(collect_read_options(sheet, separator, header, no_header), detector)
    labels, source = read_labelled(detector, labelled, label, options)
    for name in by or []:
        check_column(labels.frame, name, option="--by", source=source)
    roles = ColumnRoles.from_detector(detector)
    evaluation = evaluate_detector(
        detector,
        roles.drop_from(labels.records),
        labels.abnormal,
        by=labels.frame[by] if by else None,
        normal=None if normal is None else read_normal_rows(detector, normal, options),
        bootstrap=bootstrap,
        seed=seed,
        source=source,
    )
    if as_json:
        print_json(evaluation.to_json())
    else:
        for head, lines in _make_tables(evaluation):
            show_table(head, lines, wrapped=())
            typer.echo()
    track = track and tracking_store_exists()
    figures = _draw_figures(evaluation, detector) if plots is not None or track else {}
    if plots is not None:
        _write_figures(figures, plots)
    if track:
        track_evaluation(model, evaluation.metrics, figures, source=source)
    if peers and normal is None:
        say("--normal FILE, the training table, adds isolation forest and nearest neighbours")


def _make_tables(evaluation: Evaluation) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Header and rows of each table to print."""
    from anomgan.evaluation.evaluate import metric_label

    rows = []
    for key, value in evaluation.metrics.items():
        interval = evaluation.intervals.get(key)
        span = "" if interval is None else f"{interval[0]:.3f} – {interval[1]:.3f}"
        others = [f"{peer[key]:.3f}" if key in peer else "" for peer in evaluation.peers.values()]
        rows.append([metric_label(key), f"{value:.3f}", span, *others])
    yield ["", "anomgan", "95% interval", *evaluation.peers], rows
    counts = evaluation.confusion
    yield (
        [f"{evaluation.rows:,} rows", "flagged", "not flagged"],
        [
            [
                f"{evaluation.abnormal:,} abnormal",
                f"{counts['true_positives']:,}",
                f"{counts['false_negatives']:,}",
            ],
            [
                f"{evaluation.rows - evaluation.abnormal:,} normal",
                f"{counts['false_positives']:,}",
                f"{counts['true_negatives']:,}",
            ],
        ],
    )
    if evaluation.peer_intervals:
        yield (
            ["more than", "AUROC, 95% interval", "average precision, 95% interval"],
            [
                [name, *(f"{low:+.3f} – {high:+.3f}" for low, high in each.values())]
                for name, each in evaluation.peer_intervals.items()
            ],
        )
    if evaluation.groups:
        yield (
            ["by", "group", "rows", "abnormal", "found", "normal flagged", "95% interval", ""],
            [
                [
                    group.column,
                    group.level,
                    f"{group.rows:,}",
                    f"{group.abnormal:,}",
                    "" if group.recall is None else f"{group.recall:.1%}",
                    "" if group.false_positive_rate is None else f"{group.false_positive_rate:.1%}",
                    "" if group.interval is None else "{:.1%} – {:.1%}".format(*group.interval),
                    f"differs (p = {group.p_value:.1g})" if group.p_value < MAX_P_VALUE else "",
                ]
                for group in evaluation.groups
            ],
        )


def _draw_figures(evaluation: Evaluation, detector: GANDetector) -> dict[str, Figure]:
    """The curves, by name."""
    import pandas as pd

    from anomgan.plotting import figures as plots

    calibration = detector.ensemble_.calibrator.scores
    figures = {
        "roc": plots.roc(evaluation.labels, evaluation.score),
        "precision_recall": plots.precision_recall(evaluation.labels, evaluation.score),
        "score_histogram": plots.score_histogram(
            calibration, evaluation.score, evaluation.labels, -detector.offset_
        ),
    }
    if evaluation.probability is not None:
        figures["reliability"] = plots.reliability(pd.DataFrame(evaluation.reliability))
    return figures


def _write_figures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Write each curve to a file of its own; all of them or none.

    Raises:
        InputError: If one can't be written.
    """
    from anomgan.plotting.style import png

    try:
        with ensure_folder(folder), contextlib.ExitStack() as stack:
            for name, figure in figures.items():  # renamed when all are complete
                partial = stack.enter_context(atomic_write(folder / f"{name}.png"))
                partial.write_bytes(png(figure))
    except OSError as error:
        raise InputError(f"--plots {folder}: can't be written: {error.strerror}") from None
    say(f"{len(figures)} plots in {folder}")
