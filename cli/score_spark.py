"""``anomgan score --engine spark``."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.summaries import warn_if_unreachable
from anomgan.errors import DataWarning, InputError

if TYPE_CHECKING:
    from anomgan.data.parse_report import ParseReport
    from anomgan.spark import FlagRule


def score_on_spark(
    new: str,
    model: Path,
    output: Path | None,
    *,
    append: bool,
    alpha: float | None,
    fdr: float | None,
    strict: bool,
) -> tuple[ParseReport, str]:
    """Score a Parquet table on Spark, into a folder; arguments as of ``anomgan score``.

    Returns:
        Notes about the table, and a summary.

    Raises:
        InputError: If the options or the table can't be used with Spark.
    """
    if output is None or str(output) == "-":
        raise InputError("--engine spark writes a folder of Parquet files; name it with --output")
    if new == "-" or not (Path(new).is_dir() or new.lower().endswith(".parquet")):
        raise InputError(f"--engine spark reads Parquet files and folders of them, not {new}")

    from anomgan import load
    from anomgan.cli.progress import PartsProgress
    from anomgan.data.readers.parquet import list_parquet_files, read_parquet_info
    from anomgan.spark import score, session

    # Executors share the machines' cores; their scores don't depend on where a model was trained.
    detector = load(model, device="cpu").set_params(device="cpu")
    roles = ColumnRoles.from_detector(detector)
    first = list_parquet_files(new)[0]
    names = read_parquet_info(first).columns.names
    repeated = _select_leading(names, roles, append=append, source=str(first.source))
    rule, description = _make_rule(alpha, fdr)
    if alpha is not None:
        warn_if_unreachable(detector, alpha)
    with session() as spark, PartsProgress() as progress:
        try:
            done = score(
                spark,
                detector,
                new,
                output,
                rule=rule,
                repeated=repeated,
                numbered=roles.identifier is None,
                ignored=tuple(name for _, name in roles.options),
                strict=strict,
                progress=progress if progress.shown else None,
            )
        except BaseException as stop:
            if not isinstance(stop, Exception):
                stop.add_note(f"{output} keeps the parts that are done; the same command goes on")
            raise
    for note in done.notes:
        warnings.warn(note, DataWarning, stacklevel=2)
    return done.report, f"{done.rows:,} rows scored, {done.flagged:,} flagged at {description}"


def _select_leading(
    names: list[str], roles: ColumnRoles, *, append: bool, source: str
) -> tuple[str, ...]:
    """The columns of the input to write before the results.

    Raises:
        InputError: If the identifier is missing, or a name would occur twice.
    """
    roles.check_identifier(names, source=source)
    if not append:
        return (roles.identifier,) if roles.identifier else ()
    roles.check_repeated(names, source=source)
    return tuple(names)


def _make_rule(alpha: float | None, fdr: float | None) -> tuple[FlagRule, str]:
    """The rule that flags rows, and its description."""
    from anomgan.spark import FlagRule

    if fdr is not None:
        return FlagRule(fdr=fdr), f"a false discovery rate of {fdr:g}"
    if alpha is not None:
        return FlagRule(alpha=alpha), f"alpha {alpha:g}"
    return FlagRule(), "the model's threshold"
