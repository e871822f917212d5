"""Events of scored series: ``score --events``, and the rows that ``explain`` names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from anomgan.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from anomgan.calibration.result import ScoreResult
    from anomgan.data.encoders.series import SeriesEncoder
    from anomgan.data.series.events import Event
    from anomgan.estimator import GANDetector
    from anomgan.explain.explainer import Explanation

REASONS = 3
"""Columns named for each event."""


def get_series_encoder(detector: GANDetector, option: str) -> SeriesEncoder:
    """The encoder of a model of series.

    Raises:
        InputError: If the model is of something else.
    """
    from anomgan.data.encoders.series import SeriesEncoder

    if not isinstance(detector.encoder_, SeriesEncoder):
        raise InputError(f"{option}: the model isn't of series; fit it with --window")
    return detector.encoder_


class EventFinder:
    """Collects scored rows, and finds the events among them.

    Attributes:
        frame: All rows, without the columns that the model doesn't use.
    """

    def __init__(self, detector: GANDetector) -> None:
        """Start without rows."""
        self.detector = detector
        self.encoder = get_series_encoder(detector, "--events")
        self._frames: list[pd.DataFrame] = []
        self._scored: list[pd.DataFrame] = []

    def add(self, frame: pd.DataFrame, scored: ScoreResult) -> None:
        """Add further rows."""
        import pandas as pd

        names = "score", "p_value", "limit"
        self._frames.append(frame)
        self._scored.append(pd.DataFrame({name: getattr(scored, name) for name in names}))

    def find(self, source: str) -> tuple[list[Event], pd.DataFrame, pd.DataFrame]:
        """The events, all rows, and their scores, p-values and limits."""
        import pandas as pd

        from anomgan.data.series.events import find_events

        frame = pd.concat(self._frames)
        results = pd.concat(self._scored, ignore_index=True)
        groups, points = self.encoder.locate_rows(frame, source=source)
        flagged = (results["score"] > results["limit"]).to_numpy()
        length = self.encoder.layout.length
        events = find_events(flagged, results["score"].to_numpy(), points, groups, length)
        return events, frame, results

    def to_table(self, source: str) -> pa.Table:
        """A row for each event: series, start, end, peak, severity, columns."""
        import numpy as np
        import pandas as pd

        from anomgan.cli.table_output import to_arrow_table

        events, frame, results = self.find(source)
        peaks = np.array([event.peak for event in events], dtype=np.int64)
        reasons: dict[int, str] = {}
        if events:
            lines = self.detector.explain_frame(frame, rows=peaks, source=source).frame
            for row, each in lines.groupby("row"):
                total = max(float(each["contribution"].sum()), 1e-9)
                shares = each[each["contribution"] > 0].head(REASONS)
                pairs = zip(shares["column"], shares["contribution"] / total, strict=True)
                reasons[int(str(row))] = ", ".join(f"{name} ({share:.0%})" for name, share in pairs)
        clock = self.encoder.clock
        rows = pd.Series(frame.index, name="row")
        times = rows if clock is None or not clock.column else frame[clock.column]
        table = pd.DataFrame(
            {
                name: times.iloc[[getattr(event, at) for event in events]].to_numpy()
                for name, at in (("start", "first"), ("end", "last"), ("peak", "peak"))
            }
        )
        table["first_row"] = [int(frame.index[event.first]) for event in events]
        table["last_row"] = [int(frame.index[event.last]) for event in events]
        table["flagged_rows"] = [event.rows for event in events]
        excess = results["score"] - results["limit"]
        table["severity"] = excess.iloc[peaks].to_numpy(np.float64)
        table["p_value"] = results["p_value"].iloc[peaks].to_numpy(np.float64)
        table["columns"] = [reasons.get(event.peak, "") for event in events]
        if self.encoder.groups.column:
            series = frame[self.encoder.groups.column].iloc[peaks].to_numpy()
            table.insert(0, self.encoder.groups.column, series)
        return to_arrow_table({str(name): table[name] for name in table})


def write_events(finder: EventFinder, output: Path, source: str) -> int:
    """Write the events to a file by its suffix; returns how many there are."""
    from anomgan.cli.table_output import open_table

    table = finder.to_table(source)
    with open_table(output) as writer:
        writer.write(table)
    return len(table)


def explain_series(
    detector: GANDetector,
    chunks: Iterator[pd.DataFrame],
    *,
    rows: list[int] | None,
    top: int,
    columns: int,
    source: str,
) -> tuple[pd.DataFrame, Explanation]:
    """Explain rows of series, by default the peaks of the most severe events.

    Args:
        detector: A model of series.
        chunks: All rows.
        rows: Numbers of the rows to explain, or None.
        top: Most events.
        columns: Columns to name for each row.
        source: What messages call the table.

    Returns:
        The explained rows in their order, and their explanation.

    Raises:
        InputError: If there is no such row, or none has a score.
    """
    import numpy as np
    import pandas as pd

    from anomgan.cli.column_roles import ColumnRoles
    from anomgan.scoring.series_stream import score_chunks

    roles, finder = ColumnRoles.from_detector(detector), EventFinder(detector)
    whole: list[pd.DataFrame] = []
    for frame, scored in score_chunks(detector, chunks, select=roles.drop_from, source=source):
        finder.add(roles.drop_from(frame), scored)
        whole.append(frame)
    events, table, results = finder.find(source)
    if rows is None:
        events = sorted(events, key=lambda each: -float(results["score"].iloc[each.peak]))
        rows = [event.peak for event in events[:top]]
        if not rows:
            raise InputError(f"{source}: no row is flagged; --rows names some to explain")
    if max(rows) >= len(table):
        raise InputError(f"--rows: {source} has {len(table):,} rows, counted from 0")
    wanted = np.array(sorted(rows), dtype=np.int64)
    wanted = wanted[results["score"].iloc[wanted].notna().to_numpy()]
    if not len(wanted):
        raise InputError(f"--rows: none of these rows of {source} has a score")
    explanation = detector.explain_frame(table, top=columns, rows=wanted, source=source)
    return pd.concat(whole).iloc[wanted], explanation
