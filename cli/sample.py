"""``anomgan sample``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.console import print_json, say, show_table, warn
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
    JsonOption,
    ModelOption,
    check_json_output,
)
from anomgan.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.cli.table_writers import TableWriter
    from anomgan.data.readers.options import ReadOptions
    from anomgan.estimator import GANDetector
    from anomgan.evaluation.privacy import Pair
    from anomgan.evaluation.sample_quality import SampleQuality

MAX_COLUMNS = 10
"""Columns whose distances are printed, the largest first; the JSON contains all."""


def sample(
    rows: Annotated[int, typer.Argument(metavar="N", min=1, help="How many.", show_default=False)],
    model: ModelOption = DEFAULT_MODEL,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to this file (.csv, .csv.gz, .jsonl, .parquet or .xlsx) instead of "
            "standard output; pictures go to a folder, as PNG.",
            show_default=False,
        ),
    ] = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COL=LEVEL",
            help="Level of a condition that is to hold; may be repeated.  Others, by default all, "
            "come as often as in training.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Seed of all randomness.")
    ] = 0,
    reference: Annotated[
        str | None,
        typer.Option(
            "--quality",
            metavar="REFERENCE",
            help="Normal rows that the model never saw: say on standard error how much the drawn "
            "rows are like them.",
            show_default=False,
        ),
    ] = None,
    training: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The table that the model was fitted on: with --quality, also see whether drawn "
            "rows give away rows of it.",
            show_default=False,
        ),
    ] = None,
    sheet: SheetOption = None,
    separator: SeparatorOption = None,
    header: HeaderOption = None,
    no_header: NoHeaderOption = False,
    quality_json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the quality as JSON, too.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw synthetic normal rows or pictures from the generators; rows as CSV.

    Rows have the training table's columns, units, categories and whole numbers.  Columns that the
    model doesn't use aren't there, except one that names rows: it is filled with synthetic-0,
    synthetic-1 and so on.
    """
    if reference is None and (training is not None or quality_json is not None):
        option = "--training" if training is not None else "--quality-json"
        raise InputError(f"{option} belongs to --quality; name reference rows with it")
    if as_json and reference is None:
        raise InputError("--json prints what --quality measures; name reference rows with it")
    check_json_output(as_json, output)

    from anomgan import load
    from anomgan.cli.csv_output import open_optional_output
    from anomgan.cli.table_output import check_output, open_table

    detector = load(model)
    levels = _parse_conditions(detector, condition or [])
    if detector.encoder_.spec.grid is not None:
        from anomgan.cli.image_output import has_failed_generators

        if reference is not None:
            raise InputError("--quality: compares tables; of pictures, anomgan info tells health")
        _print_free_conditions(detector, levels)
        if has_failed_generators(detector):
            warn("the generators failed: what they draw isn't like the training pictures")
        _write_pictures(output, detector.sample_chunks(rows, seed, condition=levels))
        return
    check_output(output)
    checker = None
    if reference is not None:
        checker = _QualityChecker(
            detector,
            rows,
            reference,
            training,
            seed,
            follow_model(collect_read_options(sheet, separator, header, no_header), detector),
        )
    _print_free_conditions(detector, levels)
    with open_optional_output(quality_json, "--quality-json") as quality_file:
        with open_table(output) as writer:
            first = _write_rows(writer, _sample_chunks(detector, rows, levels, seed))
        if checker is not None:
            quality = checker(first)
            _print_quality(quality, quality_file)
            if as_json:
                print_json(quality.to_json())


def _parse_conditions(detector: GANDetector, pairs: Sequence[str]) -> dict[str | int, str | None]:
    """Levels by column from ``--condition COL=LEVEL``; an empty level means missing.

    Raises:
        InputError: If one isn't of this form, or a column occurs twice.
    """
    conditions = [column.name for column in detector.encoder_.schema.conditions]
    levels: dict[str | int, str | None] = {}
    for pair in pairs:
        name, equals, level = pair.partition("=")
        for other in conditions:  # whose name may contain an equals sign
            if pair.startswith(f"{other}="):
                name, level = other, pair.removeprefix(f"{other}=")
        if not name or not equals:
            raise InputError(f"--condition {pair}: write it as COL=LEVEL")
        if name in levels:
            raise InputError(f"--condition {name}: is given twice; draw each level by itself")
        levels[name] = level or None
    return levels


def _print_free_conditions(detector: GANDetector, levels: dict[str | int, str | None]) -> None:
    """Print which conditions aren't fixed by ``--condition``."""
    for column in detector.encoder_.schema.conditions:
        if column.name not in levels:
            say(
                f"{column.name!r} comes as often as in training; choose a level with "
                f"--condition {column.name}=LEVEL"
            )


def _sample_chunks(
    detector: GANDetector, rows: int, levels: dict[str | int, str | None], seed: int
) -> Iterator[pd.DataFrame]:
    """Sample rows in chunks, with an identifier if the training table had one."""
    identifier, start = ColumnRoles.from_detector(detector).identifier, 0
    for frame in detector.sample_chunks(rows, seed, condition=levels):
        if identifier is not None:
            frame.insert(0, identifier, [f"synthetic-{start + i}" for i in range(len(frame))])
        start += len(frame)
        yield frame


def _write_pictures(output: Path | None, chunks: Iterator[Any]) -> None:
    """Write images as numbered PNG files.

    Raises:
        InputError: If no folder is named, or it can't be used.
    """
    from anomgan.cli.image_output import OutputFolder
    from anomgan.plotting.images import png_image

    if output is None:
        raise InputError("--output: the model makes pictures; name a folder for them")
    folder, count = OutputFolder("--output", output, "-"), 0
    for count, image in enumerate(chain.from_iterable(chunks), 1):
        folder.write(f"synthetic-{count - 1:06}.png", png_image(image))
    say(f"{count:,} pictures written to {output}")


def _write_rows(writer: TableWriter, chunks: Iterator[pd.DataFrame]) -> pd.DataFrame:
    """Write rows; returns the first chunk."""
    import pyarrow as pa

    first = None
    for frame in chunks:
        first = frame if first is None else first
        writer.write(pa.Table.from_pandas(frame, preserve_index=False))
    if first is None:
        raise AssertionError("no rows were drawn")
    return first


# --- quality --------------------------------------------------------------------------------------


class _QualityChecker:
    """Compares generated rows with real ones; reads those first, to report errors at once."""

    def __init__(
        self,
        detector: GANDetector,
        rows: int,
        reference: str,
        training: str | None,
        seed: int,
        options: ReadOptions,
    ) -> None:
        from anomgan.cli.labels import read_normal_rows
        from anomgan.evaluation.sample_quality import MIN_COMPARED_ROWS

        if rows < MIN_COMPARED_ROWS:
            raise InputError(
                f"--quality needs at least {MIN_COMPARED_ROWS} drawn rows; ask for more"
            )
        self.detector, self.seed = detector, seed
        self.reference = read_normal_rows(detector, reference, options)
        if len(self.reference) < MIN_COMPARED_ROWS:
            raise InputError(
                f"{reference}: {len(self.reference):,} normal rows are too few to judge quality; "
                f"{MIN_COMPARED_ROWS} are needed"
            )
        self.training = None if training is None else read_normal_rows(detector, training, options)

    def __call__(self, generated: pd.DataFrame) -> SampleQuality:
        from anomgan.evaluation.sample_quality import sample_quality

        encoder = self.detector.encoder_
        names = [column.name for column in (*encoder.schema.columns, *encoder.schema.conditions)]
        return sample_quality(
            generated[names],
            self.reference[names],
            encoder,
            training=None if self.training is None else self.training[names],
            random_state=self.seed,
        )


def _print_quality(quality: SampleQuality, file: BinaryIO | None) -> None:
    """Print the measures to standard error, and write them as JSON if a file is given."""
    show_table(["", "generated", "real", "best"], _make_rows(quality), wrapped={""}, stderr=True)
    if file is not None:
        file.write((json.dumps(quality.to_json(), indent=2, ensure_ascii=False) + "\n").encode())


def _make_rows(quality: SampleQuality) -> Iterator[tuple[str, str, str, str]]:
    """Rows of the table: measure, its value, its value between real rows, and the best value."""
    words = {
        "coverage": ("coverage", "1"),
        "density": ("density", "1"),
        "two_sample": ("told apart by the nearest neighbour", "0.5"),
        "frechet": ("Fréchet distance", "0"),
    }
    for name, (word, best) in words.items():
        yield _make_row(word, quality.joint[name], best)
    if quality.correlations is not None:
        yield _make_row("correlations differ by", quality.correlations, "0")
    if quality.worst_pair is not None:
        first, second, generated, real = quality.worst_pair
        yield (
            f"correlation of {first!r} and {second!r}, the worst",
            f"{generated:.3f}",
            f"{real:.3f}",
            "as real",
        )
    worst = sorted(quality.columns, key=lambda c: c.distance.real - c.distance.generated)
    for column in worst[:MAX_COLUMNS]:
        yield _make_row(f"distribution of {column.name!r}", column.distance, "0")
    if quality.privacy is not None:
        for word, pair, best in [
            ("distance to the closest training row, median", quality.privacy.distance, "as real"),
            ("copies of training rows", quality.privacy.copies, "as real"),
            ("nearer to a training row than to an unseen one", quality.privacy.nearer, "0.5"),
        ]:
            yield _make_row(word, pair, best)


def _make_row(word: str, pair: Pair, best: str) -> tuple[str, str, str, str]:
    return word, f"{pair.generated:.3f}", f"{pair.real:.3f}", best
