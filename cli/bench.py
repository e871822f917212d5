"""``anomgan bench``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomgan.cli.bench_detectors import choose_gans, choose_peers
from anomgan.cli.console import print_json, say, warn
from anomgan.cli.file_options import (
    HeaderOption,
    NoHeaderOption,
    SeparatorOption,
    SheetOption,
    collect_read_options,
)
from anomgan.cli.mlflow_options import (
    ExperimentOption,
    Tracking,
    TrackingUriOption,
    describe_failure,
)
from anomgan.cli.options import (
    DEFAULT_METHOD,
    JsonOption,
    PresetOption,
    SetOption,
    check_share,
    parse_settings,
)
from anomgan.errors import InputError

if TYPE_CHECKING:
    from anomgan.bench.sets import LabelledSet


def bench(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Labelled sets: .npz files with X and y (1 for abnormal), or, if split already, "
            "with train (normal rows), test and label; folders of .npz; folders with normal.csv, "
            "new.csv and new_labels.csv; tables of any kind with --label.  Without "
            "any, the sample sets.",
            show_default=False,
        ),
    ] = None,
    methods: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="GANs that `anomgan methods` lists, or all, or none; with untrained among them "
            "each GAN (by itself: the default one) also takes part without a training step, as the "
            "control of what training adds.",
        ),
    ] = f"{DEFAULT_METHOD},untrained",
    scores: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Scores of each GAN, from a single training: combined (of tables), visual (of "
            "pictures), paper (the published one), or a single component: deviation, neighbours, "
            "memory, latent, reconstruction, feature_distance, feature_density, transforms (with "
            "--set self_supervision=1).",
            show_default="combined, with --images visual",
        ),
    ] = None,
    peers: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Other detectors: iforest, knn, lof, ocsvm, gmm, pca; with anomgan[bench] also "
            "PyOD's ecod, hbos, autoencoder, vae, deep-svdd, lunar, alad, anogan, so-gaal, "
            "mo-gaal; with --series sub-pca, mahalanobis, knn, iforest, zscore and, with "
            "anomgan[bench], discord; or all, or none.",
            show_default="iforest,knn; with --series all but discord",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Number of seeds, from 0.")] = 3,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="COL",
            help="Column of tables that marks abnormal rows (1, true, anomaly, …).",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        bool,
        typer.Option(
            "--images",
            help="PATH holds pictures of several classes, each in turn the normal one: .npz files "
            "with x_train, y_train, x_test, y_test, or with X and y; or a folder of normal/, "
            "new/good/ and new/DEFECT/.  Without any, scikit-learn's digits.",
        ),
    ] = False,
    classes: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="With --images: only these classes.", show_default="all"),
    ] = None,
    defects: Annotated[
        bool,
        typer.Option(
            "--defects",
            help="With --images: also measure whether maps show where synthetic defects are, on "
            "the normal pictures of each set and on a texture.",
        ),
    ] = False,
    series: Annotated[
        bool,
        typer.Option(
            "--series",
            help="PATH holds series in order of time: a folder with windows.json (the abnormal "
            "intervals of each CSV), or CSVs with --label, or folders of these.",
        ),
    ] = False,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="COL",
            help="With --series: the column of times.",
            show_default="timestamp beside windows.json, else none",
        ),
    ] = None,
    preset: PresetOption = "balanced",
    assignments: SetOption = None,
    sheet: SheetOption = None,
    separator: SeparatorOption = None,
    header: HeaderOption = None,
    no_header: NoHeaderOption = False,
    contamination: Annotated[
        float,
        typer.Option(
            metavar="F",
            help="Share of abnormal rows to mix into those to fit on, as for a user who can't "
            "tell; they aren't scored.",
        ),
    ] = 0.0,
    device: Annotated[
        str, typer.Option(metavar="D", help="Where to train: auto, cpu or cuda.")
    ] = "auto",
    jobs: Annotated[
        int,
        typer.Option(
            metavar="J", min=1, help="Sets to work on at once, each with its share of the cores."
        ),
    ] = 1,
    output: Annotated[
        Path,
        typer.Option(metavar="DIR", help="The folder for results.csv, .md, .png and gains.csv."),
    ] = Path("anomgan-bench"),
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget the results in DIR instead of going on.")
    ] = False,
    as_json: JsonOption = False,
    track: Annotated[bool, typer.Option("--track", help="Log the results to MLflow.")] = False,
    experiment: ExperimentOption = None,
    tracking_uri: TrackingUriOption = None,
) -> None:
    """Measure GANs beside other detectors on labelled tables; print a Markdown table.

    Detectors learn from half of the normal rows (at most 5,000) and score the others and the
    abnormal ones (at most 10,000), split anew for each seed; sets that are split already stay so,
    and the seed is the detectors' alone.  Of series they learn from the first 15 % of the points,
    at most up to the first abnormal one, and score all after them; no point adjustment.  Labels are
    read for the figures alone.  Below the table stands what training adds: by how much each GAN is
    better than the same one untrained.

    Every result is a line of DIR/results.csv as soon as it is there.  A run that was interrupted
    goes on where it stopped, and more sets, seeds or detectors are added to those that are there;
    other settings need another DIR or --restart.  A detector that fails is noted and left out.
    """
    settings = parse_settings(assignments or [])
    if contamination:
        check_share("--contamination", contamination, most=0.5)
    if "score" in settings:
        raise InputError("--set score=…: name the scores with --scores")

    from anomgan.bench.benchmark import Benchmark
    from anomgan.bench.gans import GANContender
    from anomgan.bench.localization import format_table, localize_defects
    from anomgan.bench.markdown import to_markdown
    from anomgan.bench.pictures import SKLEARN_DIGITS, find_picture_sets
    from anomgan.bench.rank_plot import plot_ranks
    from anomgan.bench.result_row import ResultRow, SeriesRow
    from anomgan.bench.results import GAINS, PICTURE, REPORT, RESULTS, Results, describe_settings
    from anomgan.bench.series_sets import find_series_sets
    from anomgan.bench.sets import find_sets
    from anomgan.bench.summary import Summary
    from anomgan.cli.labels import find_abnormal_rows
    from anomgan.cli.progress import BenchProgress
    from anomgan.config import Config
    from anomgan.data.samples import list_samples
    from anomgan.params import resolve_device

    # Mistakes in the options are reported before hours of training.
    kind = "series" if series else "images" if images else "tables"
    if not images and (defects or classes):
        raise InputError("--classes and --defects go with --images")
    if series and (images or sheet or contamination):
        raise InputError("--series goes without --images, --sheet and --contamination")
    if series and not paths:
        raise InputError("--series: name a PATH; no sample set is a series")
    if time and not series:
        raise InputError("--time goes with --series")
    config = Config.make(preset, settings, kind)
    device = resolve_device(device)
    gans, controls = choose_gans(methods, scores, preset, settings, config, device, kind)
    other_detectors = choose_peers(peers, series=series)
    if not gans and not other_detectors:
        raise InputError("--methods none --peers none: name at least one detector")
    clean: Sequence[LabelledSet]
    if images:
        detailed = config.backbone != "none"
        clean = find_picture_sets(
            paths or [SKLEARN_DIGITS], _parse_classes(classes), detailed=detailed
        )
    elif series:
        clean = find_series_sets(paths or [], label, time, find_abnormal_rows)
    else:
        clean = find_sets(
            paths or [each.folder for each in list_samples()], label, find_abnormal_rows
        )
    options = collect_read_options(sheet, separator, header, no_header)
    sets = [replace(each, contamination=contamination, options=options) for each in clean]

    benchmark = Benchmark(tuple(sets), seeds, (*gans, *other_detectors))
    used = describe_settings(preset, config, device, sets)
    row_type = SeriesRow if series else ResultRow
    with Results.open(output, used, restart=restart, row_type=row_type) as results:
        tasks = benchmark.tasks(results.rows.keys())
        try:
            with BenchProgress(tasks) as progress:
                for row in benchmark.run(tasks, results, jobs):
                    progress(row)
        except BaseException as stop:
            if not isinstance(stop, Exception):
                stop.add_note(f"{output / RESULTS} keeps what is done; the same command goes on")
            raise
        summary = Summary.from_rows([results.rows[key] for key in benchmark.keys], controls)
        report = to_markdown(summary, used)
        if defects:
            of_pictures = [gan for gan in gans if isinstance(gan, GANContender)]
            report += "\n" + format_table(list(localize_defects(of_pictures, clean, seed=0)))
        results.write(REPORT, report.encode())
        if len(summary.gains):
            results.write(GAINS, summary.gains.to_csv(index=False, float_format="%.6f").encode())
        if summary.main.isna().all(axis=None):
            say("no picture: no detector ran on any set")
        else:
            results.write(PICTURE, plot_ranks(summary))
    if track:
        from anomgan.mlflow.bench_logger import log_bench

        logged = log_bench(summary, used, output, experiment=experiment, tracking_uri=tracking_uri)
        Tracking().report(logged)
        if logged.error:
            warn(f"{describe_failure(logged)}; the same command with --track sends it later")
    if as_json:
        print_json({"settings": used, **summary.to_json()})
    else:
        sys.stdout.write(report)


def _parse_classes(classes: str | None) -> list[int]:
    """The classes in a comma-separated list.

    Raises:
        InputError: If one isn't an integer.
    """
    try:
        return list(dict.fromkeys(int(part) for part in (classes or "").split(",") if part.strip()))
    except ValueError:
        raise InputError(f"--classes {classes}: must be whole numbers with commas") from None
