"""Score a table chunk by chunk; of series, with the rows before that windows reach back to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from anomgan.calibration.result import ScoreResult
from anomgan.data.encoders.series import SeriesEncoder
from anomgan.data.parse_report import ParseReport

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector

MAX_WAITING_ROWS = 100_000
"""Rows after which one counts as scored, though its series may go on: it may also have ended."""

UNSCORED = "rows without a time, or fewer between two gaps than a window holds, have no score"

_RESULTS = "score", "p_value", "limit", "probability"


def score_chunks(
    detector: GANDetector,
    chunks: Iterable[pd.DataFrame],
    *,
    select: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
    strict: bool = False,
    source: str = "the table",
) -> Iterator[tuple[pd.DataFrame, ScoreResult]]:
    """Score the chunks of a table, whose index numbers the rows.

    A row of a series is in windows that end after it, so it comes out once all of these were seen,
    or the input ends; what is kept meanwhile is about two windows of each series.  Scores don't
    depend on where chunks end.

    Args:
        detector: A fitted detector.
        chunks: Consecutive rows.
        select: Takes away columns that the model doesn't use.
        strict: As of :meth:`.GANDetector.score_frame`.
        source: Name of the table in messages.

    Yields:
        Rows in the order of the input, at least one, and their scores.

    Raises:
        InputError: As :meth:`.GANDetector.score_frame` does.
    """
    encoder = detector.encoder_
    stream = SeriesStream(detector, encoder) if isinstance(encoder, SeriesEncoder) else None
    for frame in chunks:
        first_row = int(frame.index[0])
        if stream is None:
            options: dict[str, Any] = {"strict": strict, "first_row": first_row, "source": source}
            yield frame, detector.score_frame(select(frame), **options)
            continue
        yield from stream.add(frame, select, strict=strict, source=source)
    if stream is not None:
        yield from stream.finish()


class SeriesStream:
    """Rows of series that aren't scored for good yet, and those that their windows reach back to.

    Attributes:
        kept: The rows that later windows may hold.
        waiting: The rows whose results weren't given out.
    """

    def __init__(self, detector: GANDetector, encoder: SeriesEncoder) -> None:
        """Start without rows."""
        self.detector, self.encoder = detector, encoder
        self.kept = pd.DataFrame()
        self.waiting = pd.DataFrame()
        self._results = pd.DataFrame()  # of the waiting rows
        self._last: ScoreResult | None = None
        self._told = ParseReport()  # of the rows since results were last given out

    def add(
        self,
        frame: pd.DataFrame,
        select: Callable[[pd.DataFrame], pd.DataFrame],
        *,
        strict: bool,
        source: str,
    ) -> Iterator[tuple[pd.DataFrame, ScoreResult]]:
        """Score further rows; yield those that are settled."""
        first_row = int(frame.index[0])
        rows = pd.concat([self.kept, select(frame)]) if len(self.kept) else select(frame)
        self._told += self.encoder.describe_rows(
            select(frame), strict=strict, first_row=first_row, source=source
        )
        scored = self.detector.score_frame(rows, first_row=max(1, first_row), source=source)
        settled, needed = self.encoder.follow(rows, source=source)
        settled |= rows.index < int(frame.index[-1]) - MAX_WAITING_ROWS
        columns = {name: getattr(scored, name) for name in _RESULTS}
        results = pd.DataFrame(columns | {"settled": settled}, index=rows.index)
        self.waiting = pd.concat([self.waiting, frame]) if len(self.waiting) else frame
        done = self._results[self._results["settled"]] if len(self._results) else self._results
        self._results = pd.concat([done, results[~results.index.isin(done.index)]])
        self._results = self._results.reindex(self.waiting.index)
        self.kept = rows[needed]
        self._last = replace(scored, values=scored.values[:0])
        open_rows = np.flatnonzero(~self._results["settled"].to_numpy(np.bool_))
        yield from self._give(int(open_rows[0]) if len(open_rows) else len(self.waiting))

    def finish(self) -> Iterator[tuple[pd.DataFrame, ScoreResult]]:
        """Yield the remaining rows."""
        yield from self._give(len(self.waiting))

    def _give(self, count: int) -> Iterator[tuple[pd.DataFrame, ScoreResult]]:
        """Yield the first of the waiting rows."""
        if not count or self._last is None:
            return
        rows, results = self.waiting[:count], self._results[:count]
        self.waiting, self._results = self.waiting[count:], self._results[count:]
        arrays: dict[str, Any] = {n: results[n].to_numpy(np.float64) for n in _RESULTS}
        lost = rows.index[np.isnan(arrays["score"])].tolist()
        report = replace(self._told, lost=dict.fromkeys(lost, UNSCORED))
        self._told = ParseReport()
        if self._last.probability is None:
            arrays["probability"] = None
        yield rows, replace(self._last, **arrays, report=report)
