"""``anomgan fit``."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.completion import complete_method
from anomgan.cli.console import print_json, say, show_facts
from anomgan.cli.file_options import (
    HeaderOption,
    NoHeaderOption,
    SeparatorOption,
    SheetOption,
    collect_read_options,
)
from anomgan.cli.fit_config import ConfigOption, describe_options, merge_settings
from anomgan.cli.mlflow_options import (
    AliasOption,
    ExperimentOption,
    RegisterOption,
    RunNameOption,
    Tracking,
    TrackingUriOption,
    TrackOption,
)
from anomgan.cli.options import (
    DEFAULT_METHOD,
    DEFAULT_MODEL,
    TABLE_KINDS,
    JsonOption,
    MaxPixelsOption,
    NewModelOption,
    PresetOption,
    SetOption,
    check_share,
)
from anomgan.cli.series_options import EveryOption, GroupOption, WindowOption, collect_series
from anomgan.cli.table_options import (
    CategoryOption,
    DateFormatOption,
    DecimalOption,
    DryRunOption,
    MissingOption,
    NumberOption,
    TextOption,
    ThousandsOption,
    TimeOption,
    collect_date_formats,
    collect_kinds,
    collect_missing,
)
from anomgan.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.training.checkpoint import Checkpoint


def fit(
    context: typer.Context,
    normal: Annotated[
        str,
        typer.Argument(
            metavar="NORMAL",
            help=f"Normal records: {TABLE_KINDS} or of pictures, a URL, or - for CSV on standard "
            "input.",
            show_default=False,
        ),
    ],
    model: NewModelOption = DEFAULT_MODEL,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="The GAN; `anomgan methods` lists them.",
            autocompletion=complete_method,
        ),
    ] = DEFAULT_METHOD,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="COL[=NORMAL]",
            help="Column that marks abnormal rows (1, true, anomaly, …), which are left out; or "
            "whose label isn't one of NORMAL, such as kind=ok,idle.  Rows without a label are left "
            "out, too.",
            show_default=False,
        ),
    ] = None,
    identifier: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="COL",
            help="Column that names rows: not learnt from, repeated by score instead of the row.",
            show_default=False,
        ),
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COL",
            help="Column that says which range of normal holds for a row, such as a machine; "
            "may be repeated.  Of pictures: folder, the name of the sub-folder.  Chooses the "
            "method cgan unless --method says otherwise.",
            show_default=False,
        ),
    ] = None,
    other: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Further rows in the same columns, read like NORMAL, that needn't be normal: "
            "--label leaves none of them out.  Chooses the method cyclegan.",
            show_default=False,
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COL", help="Column to leave out; may be repeated.", show_default=False
        ),
    ] = None,
    category: CategoryOption = None,
    number: NumberOption = None,
    text: TextOption = None,
    missing: MissingOption = None,
    decimal: DecimalOption = None,
    thousands: ThousandsOption = None,
    time: TimeOption = None,
    window: WindowOption = None,
    group: GroupOption = None,
    every: EveryOption = None,
    date_format: DateFormatOption = None,
    dry_run: DryRunOption = False,
    contamination: Annotated[
        float | None,
        typer.Option(
            metavar="F",
            help="Share of abnormal rows in NORMAL, if there are any: puts the threshold there, "
            "and leaves the oddest rows, twice as many, out of training.",
            show_default=False,
        ),
    ] = None,
    alpha: Annotated[
        float,
        typer.Option(metavar="A", help="Share of normal rows that may be flagged wrongly."),
    ] = 0.05,
    size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=8,
            max=512,
            help="Side in pixels of the square that pictures are fitted into.",
            show_default="their own, at most 64, or 256 with a backbone",
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Frozen network whose features pictures are scored in: efficientnet-lite0 (with "
            "anomgan[vision]), timm:NAME, a file of weights, or none.",
            show_default="efficientnet-lite0 where that is installed",
        ),
    ] = None,
    tiles: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=16,
            help="Cut pictures into N×N overlapping tiles of that size, to find small defects.",
            show_default="1",
        ),
    ] = None,
    sheet: SheetOption = None,
    separator: SeparatorOption = None,
    header: HeaderOption = None,
    no_header: NoHeaderOption = False,
    max_pixels: MaxPixelsOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first cell or picture that can't be read.")
    ] = False,
    grids: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write grids there of what the generators make, and of normal pictures beside "
            "the nearest generated ones, now and then and in the end.",
            show_default=False,
        ),
    ] = None,
    preset: PresetOption = "balanced",
    assignments: SetOption = None,
    as_json: JsonOption = False,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Seed of all randomness.")
    ] = 0,
    device: Annotated[
        str, typer.Option(metavar="D", help="Where to train: auto, cpu or cuda.")
    ] = "auto",
    track: TrackOption = True,
    experiment: ExperimentOption = None,
    run_name: RunNameOption = None,
    tracking_uri: TrackingUriOption = None,
    register: RegisterOption = None,
    alias: AliasOption = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with an interrupted fit of the same rows and settings, if any."
        ),
    ] = False,
    checkpoint_every: Annotated[
        float,
        typer.Option(metavar="S", min=0, help="Seconds between checkpoints; 0 for none."),
    ] = 60,
    config: ConfigOption = None,
) -> None:
    """Learn what normal looks like from normal records or pictures; write the model directory.

    An existing model in DIR is replaced in one step, once the new one is complete.  While a fit is
    at work, DIR.partial keeps its state, from which --resume goes on to the same model.
    """
    check_share("--alpha", alpha)
    check_share("--contamination", contamination, most=0.5)
    tracking = Tracking(track, experiment, run_name, tracking_uri, register, alias)
    chosen = merge_settings(context, assignments or [])
    tiling = {"size": size, "tiles": tiles, "backbone": backbone}
    settings = chosen | {name: value for name, value in tiling.items() if value is not None}
    conditions = tuple(dict.fromkeys(condition or []))
    if normal == other == "-":
        raise InputError("--other -: standard input is NORMAL already; name a file")
    if _is_default(context, "method"):
        method = "cyclegan" if other is not None else "cgan" if conditions else method
    from anomgan.cli.column_table import show_reading
    from anomgan.cli.labels import split_label
    from anomgan.data.image.picture import MAX_PIXELS, holds_pictures
    from anomgan.data.readers.files import read_whole
    from anomgan.data.readers.layout import LAYOUT
    from anomgan.data.readers.sources import describe_source
    from anomgan.data.table.options import TableOptions

    read_options = collect_read_options(sheet, separator, header, no_header)
    series = collect_series(time, window, group, every)
    if series and conditions:
        raise InputError("--condition: series take none; --group tells several of them apart")
    columns_of_times = None if series else time
    kinds = collect_kinds(category=category, number=number, text=text, time=columns_of_times)
    table_options = TableOptions.make(
        columns=kinds,
        missing=collect_missing(missing),
        decimal=decimal,
        thousands=thousands,
        date_format=collect_date_formats(date_format),
    )
    if dry_run:
        table = read_whole(normal, read_options, max_pixels=max_pixels or MAX_PIXELS)
        source = describe_source(normal)
        column = label and split_label(label, table.columns)[0]
        roles = ColumnRoles(identifier, column, tuple(drop or []))
        roles.check(table, source=source, conditions=conditions, kinds=kinds, series=series)
        rows, *_ = _drop_abnormal(table, label, source=source)
        show_reading(
            roles.drop_from(rows),
            conditions=conditions,
            options=table_options,
            series=series,
            source=source,
            as_json=as_json,
        )
        return

    from anomgan import GANDetector
    from anomgan.cli.image_output import Grids
    from anomgan.cli.progress import FitProgress
    from anomgan.cli.summaries import describe_model, summarize_fit
    from anomgan.cli.torchrun import join_process_group
    from anomgan.config import Config
    from anomgan.gans import get_method
    from anomgan.mlflow.system_metrics import ResourceMonitor
    from anomgan.params import resolve_condition
    from anomgan.persistence.model_dir import check_target
    from anomgan.training.distributed import get_rank_and_size
    from anomgan.utils.digest import compute_digest

    # Mistakes in the options are reported before a long file is read.
    Config.make(preset, settings, "series" if series else "tables")
    get_method(method)
    resolve_condition(method, conditions, other=other is not None)
    check_target(model)
    detector = GANDetector(
        method,
        preset=preset,
        settings=settings,
        alpha=alpha,
        contamination=contamination,
        condition=list(conditions) or None,
        **series,
        columns=kinds or None,
        missing=collect_missing(missing),
        decimal=decimal,
        thousands=thousands,
        date_format=collect_date_formats(date_format),
        device=device,
        random_state=seed,
    )
    source, max_pixels = describe_source(normal), max_pixels or MAX_PIXELS
    with join_process_group() as is_main, FitProgress() as progress, ResourceMonitor() as resources:
        if "-" in (normal, other) and get_rank_and_size()[1] > 1:
            raise InputError(
                "standard input can't be read by several processes; write it to a file first"
            )
        table = read_whole(normal, read_options, max_pixels=max_pixels)
        column = label and split_label(label, table.columns)[0]
        roles = ColumnRoles(identifier, column, tuple(drop or []))
        roles.check(table, source=source, conditions=conditions, kinds=kinds, series=series)
        rows, normal_labels, left_out = _drop_abnormal(table, label, source=source)
        roles = replace(roles, normal=normal_labels)
        training_rows = roles.drop_from(rows)
        if grids is not None and not holds_pictures(rows):
            raise InputError(f"--grids: {source} holds no pictures")
        grid_folder = None if grids is None else Grids(grids, normal)
        facts: dict[str, Any] = {"source": source, **left_out}
        facts["options"] = describe_options(context, method=method, assignments=chosen)
        second_domain = None
        if other is not None:
            facts["other_source"] = describe_source(other)
            other_options = read_options.follow(table.attrs.get(LAYOUT), table.columns)
            second_table = read_whole(other, other_options, max_pixels=max_pixels)
            second_domain = roles.drop_from(second_table)
        checkpoint = _make_checkpoint(model, checkpoint_every, resume=resume)
        with _note_checkpoint(checkpoint):
            detector.fit(
                training_rows,
                other=second_domain,
                strict=strict,
                callback=progress,
                snapshot_callback=grid_folder,
                checkpoint=checkpoint,
                source=source,
                other_source=facts.get("other_source", "other"),
            )
        roles.store_in(detector)
        facts["digest"] = compute_digest(rows)
        detector.training_facts_ |= facts | resources.to_facts()
        if is_main:
            detector.save(model)
        if checkpoint is not None:
            checkpoint.remove()
        if grid_folder is not None and is_main:
            grid_folder.finish(detector, training_rows)
    if not is_main:
        return
    if as_json:
        print_json(describe_model(detector, str(model)))
    show_facts([*summarize_fit(detector), ("model", str(model))], stderr=True)
    tracking.track_fit(detector, model)


def _make_checkpoint(model: Path, every: float, *, resume: bool) -> Checkpoint | None:
    """The checkpoint beside the model, if one is wanted; prints whether there is one already."""
    from anomgan.training.checkpoint import Checkpoint
    from anomgan.training.distributed import get_rank_and_size

    if not every and not resume:
        return None
    rank, count = get_rank_and_size()
    folder = f"{os.path.realpath(model)}.partial{f'-{rank}' if count > 1 else ''}"
    checkpoint = Checkpoint(folder, every=every or math.inf, resume=resume)
    if resume and not checkpoint.found:
        say(f"{folder}: no interrupted fit; beginning anew")
    elif checkpoint.found and not resume:
        say(
            f"{folder}: left by an interrupted fit, which --resume would go on with; beginning anew"
        )
    return checkpoint


@contextlib.contextmanager
def _note_checkpoint(checkpoint: Checkpoint | None) -> Iterator[None]:
    """Add a note to an interruption if the fit can be resumed."""
    try:
        yield
    except BaseException as stop:
        if checkpoint is not None and not isinstance(stop, Exception) and checkpoint.is_resumable:
            stop.add_note(f"{checkpoint.folder} keeps what is done; --resume goes on from there")
        raise


def _is_default(context: typer.Context, parameter: str) -> bool:
    """Whether the parameter wasn't given, not even with its default value."""
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "DEFAULT"


def _drop_abnormal(
    frame: pd.DataFrame, label: str | None, *, source: str
) -> tuple[pd.DataFrame, tuple[str, ...], dict[str, int]]:
    """Drop the rows labelled abnormal or not at all, and print their number.

    Returns:
        The other rows, the labels that count as normal if words for it don't say so, and how many
        rows of which kind were left out.

    Raises:
        InputError: If a label is unclear, or no row is left.
    """
    if label is None:
        return frame, (), {"abnormal_rows": 0}
    from anomgan.cli.labels import read_labels

    labels = read_labels(frame, label, source=source)
    if labels.abnormal.all():
        raise InputError(
            f"{source}: column {labels.column!r} marks every row as abnormal; none is left to "
            f"learn from"
        )
    count = int(labels.abnormal.sum())
    say(f"{count:,} of {len(frame):,} rows left out: marked abnormal in {labels.column!r}")
    counts = {"abnormal_rows": count, "unlabelled_rows": len(frame) - len(labels.frame)}
    return labels.frame[~labels.abnormal], labels.normal, counts
