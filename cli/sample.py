"""``anomgan sample``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.console import say, show_table
from anomgan.cli.options import DEFAULT_MODEL, ModelOption
from anomgan.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from anomgan.estimator import GANDetector
    from anomgan.evaluation.privacy import Pair
    from anomgan.evaluation.sample_quality import SampleQuality

MOST_COLUMNS = 10
"""Columns whose distances are shown, the largest first; the JSON has them all."""


def sample(
    rows: Annotated[int, typer.Argument(metavar="N", min=1, help="How many.", show_default=False)],
    model: ModelOption = DEFAULT_MODEL,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write to this file (.csv, .csv.gz or .parquet) instead of standard output; "
            "pictures go to a folder, as PNG.",
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
    quality_json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the quality as JSON, too.", show_default=False),
    ] = None,
) -> None:
    """Draw synthetic normal rows or pictures from the generators; rows as CSV.

    Rows have the training table's columns, units, categories and whole numbers.  Columns that the
    model doesn't use aren't there, except one that names rows: it is filled with synthetic-0,
    synthetic-1 and so on.
    """
    if reference is None and (training is not None or quality_json is not None):
        option = "--training" if training is not None else "--quality-json"
        raise InputError(f"{option} belongs to --quality; name reference rows with it")

    from anomgan import load
    from anomgan.cli.csv_output import destination, destination_if_any

    detector = load(model)
    wanted = _wanted(detector, condition or [])
    if detector.encoder_.spec.grid is not None:
        if reference is not None:
            raise InputError("--quality: compares tables; of pictures, anomgan info tells health")
        _tell_conditions(detector, wanted)
        _write_pictures(output, detector.sample_chunks(rows, seed, condition=wanted))
        return
    judge = None
    if reference is not None:
        judge = _Judge(detector, rows, reference, training, seed)
    _tell_conditions(detector, wanted)
    with destination_if_any(quality_json, "--quality-json") as quality_file:
        with destination(output) as file:
            parquet = output is not None and output.suffix == ".parquet"
            write = _write_parquet if parquet else _write_csv
            first = write(file, _chunks(detector, rows, wanted, seed))
        if judge is not None:
            _report(judge(first), quality_file)


def _wanted(detector: GANDetector, pairs: Sequence[str]) -> dict[str | int, str | None]:
    """Conditions from ``--condition COL=LEVEL``; an empty level stands for missing.

    Raises:
        InputError: If one has another form or a column comes twice.
    """
    known = [column.name for column in detector.encoder_.schema.conditions]
    wanted: dict[str | int, str | None] = {}
    for pair in pairs:
        name, equals, level = pair.partition("=")
        for other in known:  # a name may hold an equals sign itself
            if pair.startswith(f"{other}="):
                name, level = other, pair.removeprefix(f"{other}=")
        if not name or not equals:
            raise InputError(f"--condition {pair}: write it as COL=LEVEL")
        if name in wanted:
            raise InputError(f"--condition {name}: is given twice; draw each level by itself")
        wanted[name] = level or None
    return wanted


def _tell_conditions(detector: GANDetector, wanted: dict[str | int, str | None]) -> None:
    """Say which conditions come as they come."""
    for column in detector.encoder_.schema.conditions:
        if column.name not in wanted:
            say(
                f"{column.name!r} comes as often as in training; choose a level with "
                f"--condition {column.name}=LEVEL"
            )


def _chunks(
    detector: GANDetector, rows: int, wanted: dict[str | int, str | None], seed: int
) -> Iterator[pd.DataFrame]:
    """The rows, with a column that names them if the model knows one."""
    identifier, at = ColumnRoles.from_detector(detector).identifier, 0
    for frame in detector.sample_chunks(rows, seed, condition=wanted):
        if identifier is not None:
            names = [f"synthetic-{at + i}" for i in range(len(frame))]
            frame.insert(0, identifier, names)
        at += len(frame)
        yield frame


def _write_pictures(output: Path | None, chunks: Iterator[Any]) -> None:
    """Write pictures as PNG files into a folder, named by number.

    Raises:
        InputError: If no folder is named or it can't be used.
    """
    from anomgan.cli.image_output import OutputFolder
    from anomgan.plotting.images import single

    if output is None:
        raise InputError("--output: the model makes pictures; name a folder for them")
    folder, at = OutputFolder("--output", output, "-"), 0
    for pictures in chunks:
        for picture in pictures:
            folder.write(f"synthetic-{at:06}.png", single(picture))
            at += 1
    say(f"{at:,} pictures written to {output}")


def _write_csv(file: BinaryIO, chunks: Iterator[pd.DataFrame]) -> pd.DataFrame:
    """Write rows as CSV; gives the first chunk."""
    from anomgan.cli.csv_output import csv_cells, csv_lines, write_lines

    first = None
    for frame in chunks:
        if first is None:
            first = frame
            write_lines(file, csv_lines([csv_cells([str(name)]) for name in frame]))
        write_lines(file, csv_lines([csv_cells(frame[name]) for name in frame]))
    if first is None:
        raise AssertionError("no rows were drawn")
    return first


def _write_parquet(file: BinaryIO, chunks: Iterator[pd.DataFrame]) -> pd.DataFrame:
    """Write rows as Parquet; gives the first chunk."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = next(chunks)
    table = pa.Table.from_pandas(first, preserve_index=False)
    with pq.ParquetWriter(file, table.schema) as writer:
        writer.write_table(table)
        for frame in chunks:
            writer.write_table(pa.Table.from_pandas(frame, table.schema, preserve_index=False))
    return first


# --- quality --------------------------------------------------------------------------------------


class _Judge:
    """Judges drawn rows; whatever is wrong with the files is found out before rows are drawn."""

    def __init__(
        self, detector: GANDetector, rows: int, reference: str, training: str | None, seed: int
    ) -> None:
        from anomgan.cli.labels import normal_table
        from anomgan.evaluation.sample_quality import MIN_COMPARED_ROWS

        if rows < MIN_COMPARED_ROWS:
            raise InputError(
                f"--quality needs at least {MIN_COMPARED_ROWS} drawn rows; ask for more"
            )
        self.detector, self.seed = detector, seed
        self.reference = normal_table(detector, reference)
        if len(self.reference) < MIN_COMPARED_ROWS:
            raise InputError(
                f"{reference}: {len(self.reference):,} normal rows are too few to judge quality; "
                f"{MIN_COMPARED_ROWS} are needed"
            )
        self.training = None if training is None else normal_table(detector, training)

    def __call__(self, drawn: pd.DataFrame) -> SampleQuality:
        from anomgan.evaluation.sample_quality import sample_quality

        encoder = self.detector.encoder_
        known = [column.name for column in (*encoder.schema.columns, *encoder.schema.conditions)]
        return sample_quality(
            drawn[known],
            self.reference[known],
            encoder,
            training=None if self.training is None else self.training[known],
            random_state=self.seed,
        )


def _report(found: SampleQuality, file: BinaryIO | None) -> None:
    """Show the measures on standard error, and write them as JSON if that is wanted."""
    show_table(["", "generated", "real", "best"], _lines(found), wrapped={""}, stderr=True)
    if file is not None:
        file.write((json.dumps(found.to_json(), indent=2, ensure_ascii=False) + "\n").encode())


def _lines(found: SampleQuality) -> Iterator[tuple[str, str, str, str]]:
    """A measure in words, its value, that of real rows, and the best there is."""
    words = {
        "coverage": ("coverage", "1"),
        "density": ("density", "1"),
        "two_sample": ("told apart by the nearest neighbour", "0.5"),
        "frechet": ("Fréchet distance", "0"),
    }
    for name, (word, best) in words.items():
        yield _line(word, found.joint[name], best)
    if found.correlations is not None:
        yield _line("correlations differ by", found.correlations, "0")
    if found.worst_pair is not None:
        a, b, own, real = found.worst_pair
        yield f"correlation of {a!r} and {b!r}, the worst", f"{own:.3f}", f"{real:.3f}", "as real"
    worst = sorted(found.columns, key=lambda c: c.distance.real - c.distance.generated)
    for column in worst[:MOST_COLUMNS]:
        yield _line(f"distribution of {column.name!r}", column.distance, "0")
    if found.privacy is not None:
        for word, pair, best in [
            ("distance to the closest training row, median", found.privacy.distance, "as real"),
            ("copies of training rows", found.privacy.copies, "as real"),
            ("nearer to a training row than to an unseen one", found.privacy.nearer, "0.5"),
        ]:
            yield _line(word, pair, best)


def _line(word: str, pair: Pair, best: str) -> tuple[str, str, str, str]:
    return word, f"{pair.generated:.3f}", f"{pair.real:.3f}", best
