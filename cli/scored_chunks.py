"""Score a file chunk by chunk, and flag its rows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.summaries import warn_if_unreachable
from anomgan.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from anomgan.calibration.result import ScoreResult
    from anomgan.cli.image_output import Heatmaps
    from anomgan.cli.most_abnormal import MostAbnormal
    from anomgan.cli.series_events import EventFinder
    from anomgan.data.readers.options import ReadOptions
    from anomgan.estimator import GANDetector


class ScoredChunks:
    """Iterates over the chunks of a file: the output without its last column, and the scores.

    Attributes:
        name: Name of the file in messages.
        report: Unreadable cells and other notes about the rows so far.
        monitor: Compares them with the training data.
    """

    def __init__(
        self,
        detector: GANDetector,
        source: str,
        *,
        append: bool,
        strict: bool,
        heatmaps: Heatmaps | None,
        max_pixels: int | None,
        options: ReadOptions,
        most_abnormal: MostAbnormal | None = None,
        events: EventFinder | None = None,
        progress: Callable[[int], None] = lambda rows: None,
    ) -> None:
        """Prepare to score a file; iterating does it."""
        from anomgan.data.image.picture import MAX_PIXELS
        from anomgan.data.parse_report import ParseReport
        from anomgan.data.readers.sources import describe_source
        from anomgan.evaluation.drift import DriftMonitor

        self.detector, self.source, self.append, self.strict = detector, source, append, strict
        self.most_abnormal, self.events, self.progress = most_abnormal, events, progress
        self.heatmaps, self.max_pixels, self.options = heatmaps, max_pixels or MAX_PIXELS, options
        self.name = describe_source(source)
        self.roles = ColumnRoles.from_detector(detector)
        self.report = ParseReport()
        self.monitor = DriftMonitor(detector)

    def __iter__(self) -> Iterator[tuple[pa.Table, ScoreResult]]:
        """Score chunk by chunk."""
        from anomgan.cli.table_output import to_arrow_table
        from anomgan.data.readers.files import read_chunks

        for frame in read_chunks(self.source, self.options, max_pixels=self.max_pixels):
            leading = self._select_leading(frame)
            scored = self.detector.score_frame(
                self.roles.drop_from(frame),
                strict=self.strict,
                first_row=int(frame.index[0]),
                source=self.name,
            )
            self.report += scored.report
            if self.heatmaps is not None:
                self.heatmaps.write(frame, scored)
            self.monitor.add(scored)
            self.progress(len(frame))
            if self.most_abnormal is not None:
                self.most_abnormal.add(frame, scored)
            if self.events is not None:
                self.events.add(self.roles.drop_from(frame), scored)
            results = {"score": scored.score, "p_value": scored.p_value}
            if scored.probability is not None:
                results["probability"] = scored.probability
            yield to_arrow_table({str(name): leading[name] for name in leading} | results), scored

    def _select_leading(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns before the results: with ``--append`` the input's, and the row's name.

        Raises:
            InputError: If the identifier is missing, a name would occur twice, or images have no
                columns to repeat.
        """
        from anomgan.data.image.picture import holds_pictures
        from anomgan.data.readers.files import name_rows

        source, identifier = self.name, self.roles.identifier
        if self.append and holds_pictures(frame):
            raise InputError(f"--append: {source} holds pictures, which have no columns to repeat")
        self.roles.check_identifier(frame.columns, source=source)
        if not self.append:
            return frame[[identifier]] if identifier else name_rows(frame).to_frame()
        self.roles.check_repeated(frame.columns, source=source)
        return frame if identifier else frame.assign(row=frame.index)


def flag_chunks(
    scoring: ScoredChunks, alpha: float | None, fdr: float | None
) -> tuple[str, Iterator[tuple[pa.Table, pa.Array]]]:
    """The rule in words, by default the model's own, and chunks with 1 where it flags the row."""
    from anomgan.calibration.conformal import flag_rows
    from anomgan.cli.csv_output import flag_all_together, flag_values

    if fdr is not None:
        chunks = ((table, scored.p_value) for table, scored in scoring)
        by_fdr = functools.partial(flag_rows, fdr=fdr)
        return f"a false discovery rate of {fdr:g}", flag_all_together(chunks, by_fdr)
    if alpha is not None:
        warn_if_unreachable(scoring.detector, alpha)
        by_alpha = functools.partial(flag_rows, alpha=alpha)
        return f"alpha {alpha:g}", (
            (table, flag_values(scored.p_value, by_alpha)) for table, scored in scoring
        )
    return "the model's threshold", (
        (table, flag_values(scored.score - scored.limit, lambda excess: excess > 0))
        for table, scored in scoring
    )
