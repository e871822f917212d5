"""``anomgan promote``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from anomgan.cli.console import print_json, say
from anomgan.cli.file_options import (
    HeaderOption,
    NoHeaderOption,
    SeparatorOption,
    SheetOption,
    collect_read_options,
)
from anomgan.cli.options import TABLE_KINDS, JsonOption

NOT_PROMOTED = 3
"""Exit status if the alias stays where it is."""


def promote(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A registered model.", show_default=False)
    ],
    labelled: Annotated[
        str,
        typer.Option(
            "--if-better",
            metavar="LABELLED",
            help=f"Labelled records that both versions score: {TABLE_KINDS}, a URL, or - for CSV "
            "on standard input.",
            show_default=False,
        ),
    ],
    label: Annotated[
        str, typer.Option(metavar="COL", help="Column that marks abnormal rows (1, true, …).")
    ] = "label",
    alias: Annotated[
        str, typer.Option(metavar="A", help="What the better version is called.")
    ] = "champion",
    metric: Annotated[
        str,
        typer.Option(
            metavar="M", help="What decides: average_precision, auroc, best_f1, precision_at_10, …"
        ),
    ] = "average_precision",
    sheet: SheetOption = None,
    separator: SeparatorOption = None,
    header: HeaderOption = None,
    no_header: NoHeaderOption = False,
    version: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="The candidate.", show_default="the newest"),
    ] = None,
    margin: Annotated[
        float, typer.Option(metavar="F", min=0, help="How much better it must be.")
    ] = 0.0,
    tracking_uri: Annotated[
        str | None,
        typer.Option(
            metavar="URI",
            help="MLflow server or store; otherwise MLFLOW_TRACKING_URI, or mlflow.db here.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give a registered model's alias to its newest version, if that is better.

    The newest version and the one that has the alias score the same labelled records; the alias
    moves if the metric says so.  If none has the alias, the newest version gets it.  Where the
    alias doesn't move, the exit status is 3.
    """
    from anomgan.cli.labels import read_labels
    from anomgan.data.readers.files import read_whole
    from anomgan.data.readers.sources import describe_source

    source = describe_source(labelled)
    table = read_whole(labelled, collect_read_options(sheet, separator, header, no_header))
    labels = read_labels(table, label, source=source)

    from anomgan.mlflow.registry import promote as compare

    outcome = compare(
        name,
        labels.records,
        labels.abnormal,
        alias=alias,
        metric=metric,
        version=None if version is None else str(version),
        margin=margin,
        source=source,
        tracking_uri=tracking_uri,
    )
    say(f"version {outcome.version}: {metric} {outcome.value:.4f} on {len(labels.frame):,} rows")
    if outcome.holder is None:
        say(f"nobody was {alias} before")
    elif outcome.holder == outcome.version:
        say(f"version {outcome.version} is {alias} already")
    else:
        say(f"version {outcome.holder}, {alias}: {metric} {outcome.holder_value:.4f}")
    holder = outcome.version if outcome.promoted else outcome.holder
    if as_json:
        facts = {"model": name, "alias": alias, "metric": metric, "rows": len(table)}
        print_json(facts | asdict(outcome) | {"now": holder})
    else:
        typer.echo(f"models:/{name}@{alias} is version {holder}")
    if not outcome.promoted:
        raise typer.Exit(NOT_PROMOTED)
