"""Score a Parquet table on a Spark cluster, partition by partition.

Executors read their partitions from the Parquet files with the reader of local scoring, so that
cells are the same: Spark's own reader knows neither durations nor nanoseconds.  Only the numbers of
partitions travel through Spark, which also retries those that fail.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anomgan.errors import InputError
from anomgan.estimator import GANDetector
from anomgan.plugins.files import list_loaded
from anomgan.spark.partition import SCORED_FOLDER, FlagRule, Outcome, Partition, PartitionScorer
from anomgan.spark.plan import SUCCESS_FILE, Plan, open_output, table_files
from anomgan.utils.threads import one_thread

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

SparkProgress = Callable[[int, int], None]
"""Called with the number of finished partitions and of all."""

Task = Callable[[Iterator["pa.RecordBatch"]], Iterator["pa.RecordBatch"]]

POLL_S = 0.5
"""Seconds between two counts of the finished partitions."""

MAX_SHOWN_LOG_LINES = 3
"""Last lines of Spark's log that an error shows."""


def score(
    session: SparkSession,
    detector: GANDetector,
    source: str,
    output: str | Path,
    *,
    rule: FlagRule | None = None,
    repeated: tuple[str, ...] = (),
    numbered: bool = True,
    ignored: tuple[str, ...] = (),
    strict: bool = False,
    rows: int | None = None,
    progress: SparkProgress | None = None,
) -> Outcome:
    """Score a Parquet file, or a folder of them, into a folder of Parquet files.

    Partitions that an interrupted run has finished are kept; ``_SUCCESS`` appears when all are
    there.  Scores equal those of :meth:`anomgan.GANDetector.score_frame` on the same machine, to
    the last digit.

    Args:
        session: A running Spark whose executors can import anomgan.
        detector: The model; broadcast once.
        source: A path that all executors see.
        output: Likewise; nothing, an empty folder, or partitions of the same scoring.
        rule: Which rows are flagged; by default the model's own threshold.
        repeated: Columns of the input that come first.
        numbered: Whether ``row``, the number of the input record from 0, comes next; in a folder
            records count on from file to file, in the order of their names.
        ignored: Columns that the model doesn't use.
        strict: Whether a cell that can't be read is an error rather than missing.
        rows: Most rows of a partition; by default chosen by the table's length.
        progress: Called with the number of finished partitions and of all.

    Returns:
        How many rows were scored and flagged, and what was odd about them.

    Raises:
        InputError: If the table can't be scored or the folder not be written, or if executors
            can't do their part.
    """
    rule = rule or FlagRule()
    output = Path(os.path.abspath(output))  # noqa: PTH100 - resolve() would follow links
    scorer = PartitionScorer(source, output, repeated, numbered, ignored, rule, strict)
    plan = Plan.make(scorer, detector, table_files(source, detector, scorer), rows)
    with open_output(plan):
        missing = plan.missing(output)
        if missing:
            (output / SUCCESS_FILE).unlink(missing_ok=True)
            unscored = [each for each in plan.missing(scorer.folder) if each in missing]
            model = session.sparkContext.broadcast(detector)  # unpacked once by each process
            _run(
                session,
                plan,
                unscored,
                lambda partition: scorer.score(partition, model.value),
                progress,
            )
            if rule.needs_all_p_values:
                threshold = plan.p_value_threshold()
                _run(
                    session,
                    plan,
                    missing,
                    lambda partition: scorer.flag(partition, threshold),
                    progress,
                )
        outcome = plan.outcome()
        shutil.rmtree(output / SCORED_FOLDER, ignore_errors=True)
        (output / SUCCESS_FILE).touch()
    return outcome


def _run(
    session: SparkSession,
    plan: Plan,
    partitions: list[Partition],
    process: Callable[[Partition], None],
    progress: SparkProgress | None,
) -> None:
    """Have executors process partitions.

    Raises:
        InputError: The error of the first partition, in the order of the input, that failed.
    """
    if not partitions:
        return
    from pyspark.errors import PySparkException

    task = _task(plan.scorer, partitions, process)
    with warnings.catch_warnings(), _watch(plan, progress):
        # About pandas 3, in whose frames nothing passes through Spark here.
        warnings.simplefilter("ignore", FutureWarning)
        numbers = session.range(0, len(partitions), 1, len(partitions))  # one task each
        try:
            rows = numbers.mapInArrow(task, "number long, error string").collect()
        except PySparkException as error:
            raise _reword(error) from error
    errors = [row["error"] for row in sorted(rows, key=lambda row: row["number"]) if row["error"]]
    if errors:
        raise InputError(errors[0])


@contextlib.contextmanager
def _watch(plan: Plan, progress: SparkProgress | None) -> Iterator[None]:
    """Call ``progress`` from a thread of its own."""
    if progress is None:
        yield
        return
    over = threading.Event()

    def count() -> None:
        while not over.wait(POLL_S):
            with contextlib.suppress(OSError):
                finished = sum(1 for _ in plan.scorer.folder.glob("part-*"))
                progress(finished, len(plan.partitions))

    watcher = threading.Thread(target=count, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _task(
    scorer: PartitionScorer, partitions: list[Partition], process: Callable[[Partition], None]
) -> Task:
    """Process the partitions whose positions come in; an InputError is returned, not raised.

    A raised error would be retried and come back as a page of Java.  The plug-ins that are loaded
    here travel with the task, because the model can't be unpacked without those that it needs.
    """
    plugins = list_loaded()

    def task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        one_thread()
        for batch in batches:
            for number in batch.column(0).to_pylist():
                message = None
                try:
                    for plugin in plugins:
                        plugin.load()
                    if not scorer.folder.is_dir():
                        raise InputError(
                            f"--output {scorer.output}: isn't seen from executor "
                            f"{socket.gethostname()}; name a folder that all machines share"
                        )
                    process(partitions[number])
                except InputError as error:
                    message = str(error)
                yield pa.RecordBatch.from_pydict(
                    {"number": pa.array([number]), "error": pa.array([message], pa.string())}
                )

    return task


def _reword(error: Exception) -> Exception:
    """The error for executors that can't import a module; other errors as they are."""
    text = str(error)
    if "No module named" in text:
        missing = text.partition("No module named")[2].split("\n")[0].strip(" '\"")
        return InputError(
            f"the executors can't import {missing}; install anomgan where they run "
            f"and set PYSPARK_PYTHON to that interpreter"
        )
    return error


# --- a session ------------------------------------------------------------------------------------


@contextlib.contextmanager
def session() -> Iterator[SparkSession]:
    """The active Spark session of this process, or a new one that stops with the block.

    ``spark-defaults.conf`` or ``PYSPARK_SUBMIT_ARGS="--master URL pyspark-shell"`` in the
    environment says where it runs; by default on all cores of this machine.  What Java writes to
    standard error is shown only if Spark can't be started.

    Raises:
        InputError: If pyspark or Java is missing, or Spark can't be started.
    """
    try:
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pyspark", "py4j"):
            raise
        raise InputError(
            "--engine spark needs pyspark; install it with: pip install 'anomgan[spark]'"
        ) from None
    active = SparkSession.getActiveSession()
    if active is not None:
        yield active
        return
    _check_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with tempfile.TemporaryFile() as log:
        with _stderr_to(log):
            try:
                started = _start(SparkSession.builder)
            except Exception as error:
                raise InputError(f"Spark can't be started: {_last_lines(log) or error}") from error
        try:
            yield started
        finally:
            started.stop()


def _start(builder: Any) -> SparkSession:
    for key in ("spark.ui.showConsoleProgress", "spark.ui.enabled"):
        builder = builder.config(key, "false")
    session: SparkSession = builder.appName("anomgan score").getOrCreate()
    return session


def _check_java() -> None:
    """Look for Java, without which Spark's own error is hard to read.

    Raises:
        InputError: If there is none, or Spark is asked for over Spark Connect, which has no
            broadcasts.
    """
    if os.environ.get("SPARK_REMOTE"):
        raise InputError("--engine spark doesn't work over Spark Connect; unset SPARK_REMOTE")
    home = os.environ.get("JAVA_HOME")
    if not ((Path(home) / "bin" / "java").exists() if home else shutil.which("java")):
        where = f"JAVA_HOME={home} has none" if home else "there is none on the PATH"
        raise InputError(
            f"--engine spark needs Java 17 or newer, and {where}; install it, or set JAVA_HOME"
        )


@contextlib.contextmanager
def _stderr_to(file: Any) -> Iterator[None]:
    """Redirect the standard error of this process, and of those it starts, into a file."""
    sys.stderr.flush()
    before = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def _last_lines(log: Any) -> str:
    """The last lines of a log, for an error message."""
    log.seek(0)
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
    return "; ".join([line for line in lines if line][-MAX_SHOWN_LOG_LINES:])
