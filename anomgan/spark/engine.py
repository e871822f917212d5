"""Scoring on a Spark cluster: Spark hands out the parts of a table, and does again what fails.

Every executor reads its parts from the Parquet files itself, as scoring on one machine does, so
that cells arrive as they do there: Spark's own reader knows neither durations nor nanoseconds, and
makes other types of the rest.  Only the numbers of parts travel through Spark.
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
from anomgan.spark.partition import SCORED, Outcome, Part, Rule, Work
from anomgan.spark.plan import DONE, Plan, opened, table_files
from anomgan.utils.threads import one_thread

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

Progress = Callable[[int, int], None]
POLL = 0.5
"""Seconds between two looks at how many parts are there."""

RETOLD = 3
"""Last lines of Spark's own log that an error shows."""


def score(
    session: SparkSession,
    detector: GANDetector,
    source: str,
    output: str | Path,
    *,
    rule: Rule | None = None,
    repeated: tuple[str, ...] = (),
    numbered: bool = True,
    ignored: tuple[str, ...] = (),
    strict: bool = False,
    rows: int | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Score a Parquet file, or a folder of them, into a folder of Parquet files.

    The parts that an interrupted run has left there aren't done again; ``_SUCCESS`` appears when
    all are there.  Scores are those of :meth:`GANDetector.score_frame` on the same machine, to the
    last digit.

    Args:
        session: A running Spark, in which anomgan can be imported.
        detector: Goes to every executor once.
        source: A path that all executors see.
        output: Likewise; nothing, an empty folder, or parts of the same scoring.
        rule: Which rows are flagged; by default the model's own threshold.
        repeated: Columns of the input that come first.
        numbered: Whether ``row``, the number of the input record from 0, comes next; in a folder
            records count on from file to file, in the order of their names.
        ignored: Columns that the model isn't shown.
        strict: Whether a cell that can't be read is an error rather than missing.
        rows: Most rows of a part; by default some number that suits the table's length.
        progress: Told how many parts are there, and how many there are, now and then.

    Raises:
        InputError: If the table can't be scored or the folder not be written, or if executors
            can't do their part.
    """
    rule = rule or Rule()
    output = Path(os.path.abspath(output))  # noqa: PTH100 - resolve() would follow links
    work = Work(source, output, repeated, numbered, ignored, rule, strict)
    plan = Plan.make(work, detector, table_files(source, detector, work), rows)
    with opened(plan):
        done = output / DONE
        left = plan.missing(output)
        if left:
            done.unlink(missing_ok=True)
            waiting = left if not rule.waits else plan.missing(work.folder)
            waiting = [part for part in waiting if part in left]
            crew = _Crew(session, plan, progress)
            crew.run(waiting, _scorer(session, work, waiting, detector))
            if rule.waits:
                crew.run(left, _flagger(work, left, plan.cut()))
        outcome = plan.outcome()
        shutil.rmtree(output / SCORED, ignore_errors=True)
        done.touch()
    return outcome


Task = Callable[[Iterator["pa.RecordBatch"]], Iterator["pa.RecordBatch"]]


class _Crew:
    """Executors that work on parts until all are done or one can't be."""

    def __init__(self, session: SparkSession, plan: Plan, progress: Progress | None) -> None:
        self.session, self.plan, self.progress = session, plan, progress

    def run(self, parts: list[Part], task: Task) -> None:
        """Have a task done for each part.

        Raises:
            InputError: What kept the first part, in the order of the input, from being done.
        """
        if not parts:
            return
        from pyspark.errors import PySparkException

        with warnings.catch_warnings(), self._watched(len(parts)):
            # About pandas 3, in whose frames nothing passes through Spark here.
            warnings.simplefilter("ignore", FutureWarning)
            numbers = self.session.range(0, len(parts), 1, len(parts))  # one task each
            told = numbers.mapInArrow(task, "number long, error string")
            try:
                found = {row["number"]: row["error"] for row in told.collect()}
            except PySparkException as error:
                raise _worded(error) from error
        errors = [found[number] for number in sorted(found) if found[number]]
        if errors:
            raise InputError(errors[0])

    @contextlib.contextmanager
    def _watched(self, parts: int) -> Iterator[None]:
        """Tell of progress from a thread of its own."""
        if self.progress is None:
            yield
            return
        progress, over = self.progress, threading.Event()
        total = len(self.plan.parts)

        def look() -> None:
            folder = self.plan.work.folder
            while not over.wait(POLL):
                with contextlib.suppress(OSError):
                    progress(sum(1 for entry in folder.iterdir() if entry.name[0] == "p"), total)

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()


def _scorer(session: SparkSession, work: Work, parts: list[Part], detector: GANDetector) -> Task:
    """What executors do: score their parts."""
    model = session.sparkContext.broadcast(detector)  # unpacked once by each process

    def do(part: Part) -> None:
        work.score(part, model.value)

    return _each(work, parts, do)


def _flagger(work: Work, parts: list[Part], cut: float) -> Task:
    """What executors do: flag parts that have waited."""
    return _each(work, parts, lambda part: work.flag(part, cut))


def _each(work: Work, parts: list[Part], do: Callable[[Part], None]) -> Task:
    """Do something with the parts whose places come in; what the user can mend is told, not raised.

    A raised error would be tried again and come back as a page of Java.
    """

    def task(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        one_thread()
        for batch in batches:
            for number in batch.column(0).to_pylist():
                told = None
                try:
                    if not work.folder.is_dir():
                        raise InputError(
                            f"--output {work.output}: isn't seen from executor "
                            f"{socket.gethostname()}; name a folder that all machines share"
                        )
                    do(parts[number])
                except InputError as error:
                    told = str(error)
                yield pa.RecordBatch.from_pydict(
                    {"number": pa.array([number]), "error": pa.array([told], pa.string())}
                )

    return task


def _worded(error: Exception) -> Exception:
    """An executor's error in words, if it is the user's to mend; else itself."""
    text = str(error)
    if "No module named" in text:
        missing = text.partition("No module named")[2].split("\n")[0].strip(" '\"")
        return InputError(
            f"the executors can't import {missing.rstrip(chr(39))}; install anomgan where they run "
            f"and set PYSPARK_PYTHON to that interpreter"
        )
    return error


# --- a session ------------------------------------------------------------------------------------


@contextlib.contextmanager
def session() -> Iterator[SparkSession]:
    """The Spark that is running in this process, or a new one that ends with the block.

    Where it runs is said as always: by ``spark-defaults.conf``, or by the environment's
    ``PYSPARK_SUBMIT_ARGS="--master URL pyspark-shell"``; by default on all cores of this machine.
    What Java writes to standard error goes to a file that is shown only if Spark can't be started.

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
    running = SparkSession.getActiveSession()
    if running is not None:
        yield running
        return
    _check_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with tempfile.TemporaryFile() as log:
        with _stderr_to(log):
            try:
                started = _started(SparkSession.builder)
            except Exception as error:
                raise InputError(f"Spark can't be started: {_last(log) or error}") from error
        try:
            yield started
        finally:
            started.stop()


def _started(builder: Any) -> SparkSession:
    quiet = {"spark.ui.showConsoleProgress": "false", "spark.ui.enabled": "false"}
    for key, value in quiet.items():
        builder = builder.config(key, value)
    made: SparkSession = builder.appName("anomgan score").getOrCreate()
    return made


def _check_java() -> None:
    """Snapshot for Java before Spark fails for want of it.

    Raises:
        InputError: If there is none, or Spark is asked for over Spark Connect, which has no
            broadcasts.
    """
    if os.environ.get("SPARK_REMOTE"):
        raise InputError("--engine spark doesn't work over Spark Connect; unset SPARK_REMOTE")
    home = os.environ.get("JAVA_HOME")
    found = (Path(home) / "bin" / "java").exists() if home else shutil.which("java")
    if not found:
        where = f"JAVA_HOME={home} has none" if home else "there is none on the PATH"
        raise InputError(
            f"--engine spark needs Java 17 or newer, and {where}; install it, or set JAVA_HOME"
        )


@contextlib.contextmanager
def _stderr_to(file: Any) -> Iterator[None]:
    """Lead the standard error of processes that start meanwhile into a file."""
    sys.stderr.flush()
    before = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def _last(log: Any) -> str:
    """The last lines that Java wrote."""
    log.seek(0)
    lines = [line.strip() for line in log.read().decode(errors="replace").splitlines()]
    return "; ".join([line for line in lines if line][-RETOLD:])
