"""``anomgan evaluate``."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomgan.cli.column_roles import ColumnRoles, check_column
from anomgan.cli.console import say, show_table
from anomgan.cli.mlflow_options import (
    TrackEvaluationOption,
    log_evaluation_of,
    tracking_store_exists,
)
from anomgan.cli.options import DEFAULT_MODEL, ModelOption
from anomgan.errors import InputError
from anomgan.utils.atomic import atomic_write, ensure_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anomgan.estimator import GANDetector
    from anomgan.evaluation.evaluate import Evaluation

SURPRISING = 0.01
"""P-value below which a subgroup is said to be flagged more or less often than the others."""


def evaluate(
    labelled: Annotated[
        str,
        typer.Argument(
            metavar="LABELLED",
            help="Labelled records: .csv, .csv.gz, .parquet, .npz, or - for CSV on standard input.",
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
    bootstrap: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, max=100_000, help="Samples for 95% intervals; 0 for none."
        ),
    ] = 300,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Seed of all randomness.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
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
    from anomgan.cli.labels import labelled_rows, normal_table
    from anomgan.evaluation.evaluate import evaluate as evaluated
    from anomgan.utils.serialization import to_plain

    if plots is not None:
        check_folder(plots, "--plots")
    detector = load(model)
    frame, abnormal, source = labelled_rows(detector, labelled, label)
    for name in by or []:
        check_column(frame, name, option="--by", source=source)
    roles = ColumnRoles.from_detector(detector)
    found = evaluated(
        detector,
        roles.drop_from(frame.drop(columns=label or roles.label or [])),
        abnormal,
        by=frame[by] if by else None,
        normal=None if normal is None else normal_table(detector, normal),
        bootstrap=bootstrap,
        seed=seed,
        source=source,
    )
    if as_json:
        typer.echo(json.dumps(to_plain(found.to_json()), indent=2))
    else:
        _show(found)
    track = track and tracking_store_exists()
    figures = _figures(found, detector) if plots is not None or track else {}
    if plots is not None:
        _draw(figures, plots)
    if track:
        log_evaluation_of(model, found.metrics, figures, source=source)
    if peers and normal is None:
        say("--normal FILE, the training table, adds isolation forest and nearest neighbours")


def _show(found: Evaluation) -> None:
    """Tables for people."""
    for names, rows in _tables(found):
        show_table(names, rows, wrapped=())
        typer.echo()


def _tables(found: Evaluation) -> Iterator[tuple[list[str], list[list[str]]]]:
    from anomgan.evaluation.evaluate import metric_label

    peers = list(found.peers)
    rows = []
    for key, value in found.metrics.items():
        interval = found.intervals.get(key)
        span = "" if interval is None else f"{interval[0]:.3f} – {interval[1]:.3f}"
        others = [
            f"{found.peers[name][key]:.3f}" if key in found.peers[name] else "" for name in peers
        ]
        rows.append([metric_label(key), f"{value:.3f}", span, *others])
    yield ["", "anomgan", "95% interval", *peers], rows
    counts = found.confusion
    yield (
        [f"{found.rows:,} rows", "flagged", "not flagged"],
        [
            [
                f"{found.abnormal:,} abnormal",
                f"{counts['true_positives']:,}",
                f"{counts['false_negatives']:,}",
            ],
            [
                f"{found.rows - found.abnormal:,} normal",
                f"{counts['false_positives']:,}",
                f"{counts['true_negatives']:,}",
            ],
        ],
    )
    if found.peer_intervals:
        yield (
            ["more than", "AUROC, 95% interval", "average precision, 95% interval"],
            [
                [name, *(f"{low:+.3f} – {high:+.3f}" for low, high in each.values())]
                for name, each in found.peer_intervals.items()
            ],
        )
    if found.groups:
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
                    f"differs (p = {group.p_value:.1g})" if group.p_value < SURPRISING else "",
                ]
                for group in found.groups
            ],
        )


def _figures(found: Evaluation, detector: GANDetector) -> dict[str, Figure]:
    """The curves, by name."""
    import pandas as pd

    from anomgan.plotting import figures as plots

    calibration = detector.ensemble_.calibrator.scores
    figures = {
        "roc": plots.roc(found.labels, found.score),
        "precision_recall": plots.precision_recall(found.labels, found.score),
        "score_histogram": plots.score_histogram(
            calibration, found.score, found.labels, -detector.offset_
        ),
    }
    if found.probability is not None:
        figures["reliability"] = plots.reliability(pd.DataFrame(found.reliability))
    return figures


def _draw(figures: Mapping[str, Figure], folder: Path) -> None:
    """Draw the curves, each into its own file; all of them or none.

    Raises:
        InputError: If one can't be written.
    """
    from anomgan.plotting.style import png

    try:
        with ensure_folder(folder), contextlib.ExitStack() as stack:
            for name, figure in figures.items():  # they take their names when all are complete
                partial = stack.enter_context(atomic_write(folder / f"{name}.png"))
                partial.write_bytes(png(figure))
    except OSError as error:
        raise InputError(f"--plots {folder}: can't be written: {error.strerror}") from None
    say(f"{len(figures)} plots in {folder}")
