"""``anomgan calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.console import print_json, show_facts
from anomgan.cli.file_options import (
    HeaderOption,
    NoHeaderOption,
    SeparatorOption,
    SheetOption,
    collect_read_options,
    follow_model,
)
from anomgan.cli.options import DEFAULT_MODEL, JsonOption, check_share, choose_model
from anomgan.errors import InputError


def calibrate(
    context: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", envvar="ANOMGAN_MODEL", help="The model directory."),
    ] = DEFAULT_MODEL,
    named: Annotated[
        Path | None,
        typer.Option(
            "--model", metavar="DIR", help="Another way to give MODEL.", show_default=False
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(
            metavar="A",
            help="Share of normal rows that may be flagged wrongly: the model's new threshold.",
            show_default=False,
        ),
    ] = None,
    labelled: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Labelled records that the model was not fitted on; scores get a probability.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="COL",
            help="Its column that marks abnormal rows (1, true, anomaly, …).",
            show_default="the column named at fit",
        ),
    ] = None,
    sheet: SheetOption = None,
    separator: SeparatorOption = None,
    header: HeaderOption = None,
    no_header: NoHeaderOption = False,
    kind: Annotated[
        str,
        typer.Option(metavar="K", help="platt (a logistic curve) or isotonic (any rising one)."),
    ] = "platt",
    as_json: JsonOption = False,
) -> None:
    """Change a model's threshold, or learn probabilities from labelled records, without a new fit.

    The model is replaced in one step.  Labelled records must not be those it was fitted on: of
    these it is too sure.  Probabilities hold where abnormal records are as common as among them.
    """
    model = choose_model(context, model, named)
    check_share("--alpha", alpha)
    if alpha is None and labelled is None:
        raise InputError("nothing to calibrate by: give --alpha, or --labelled FILE --label COL")
    if label is not None and labelled is None:
        raise InputError("--label names a column of --labelled FILE; give that too")

    from anomgan import load
    from anomgan.cli.labels import read_labelled
    from anomgan.cli.summaries import describe_model, summarize_calibration
    from anomgan.persistence.model_dir import check_target

    detector = load(model)
    check_target(model)
    if labelled is None:
        detector.calibrate(alpha=alpha)
    else:
        options = follow_model(collect_read_options(sheet, separator, header, no_header), detector)
        labels, source = read_labelled(detector, labelled, label, options)
        roles = ColumnRoles.from_detector(detector)
        rows = roles.drop_from(labels.records)
        detector.calibrate(rows, labels.abnormal, alpha=alpha, kind=kind, source=source)
    detector.save(model)
    if as_json:
        print_json(describe_model(detector, str(model)))
    show_facts([*summarize_calibration(detector), ("model", str(model))], stderr=True)
