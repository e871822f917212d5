"""Encode the rows of series as windows of neighbouring points, and decode these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from anomgan.data.encoders.encoder import Encoder, Records
from anomgan.data.encoders.table import UNEXPECTED_MISSING, TableEncoder
from anomgan.data.parse_report import ParseReport
from anomgan.data.series.channels import Layout
from anomgan.data.series.clock import Clock, describe_seconds
from anomgan.data.series.events import count_events
from anomgan.data.series.groups import Groups
from anomgan.data.series.options import WINDOW_LIMITS, SeriesOptions
from anomgan.data.series.placement import (
    MAX_FILLED_POINTS,
    Placement,
    average_rows,
    interpolate,
    place_rows,
)
from anomgan.data.series.window_length import choose_window
from anomgan.data.series.windows import Indices, Windows, place_windows
from anomgan.data.spec import Spec
from anomgan.data.table.cells import read_cells
from anomgan.data.table.columns.column import Part
from anomgan.data.table.options import TableOptions
from anomgan.data.table.schema import Schema
from anomgan.errors import InputError
from anomgan.utils.types import Bools, Floats

WINDOWS_PER_POINT = 8
"""Windows that hold a point; so far apart they lie."""

MIN_TRAINING_WINDOWS = 2000
"""Training windows below which they lie closer together than those that are scored."""


@dataclass(frozen=True)
class SeriesEncoder(Encoder):
    """Convert the rows of series to windows and back.

    Attributes:
        rows: Encodes single rows, without times and groups.
        layout: The entries of a window's record.
        clock: Where rows say when they were measured; None if they are in order.
        groups: The series in one table.
        period: Points of the rhythm that the window holds; 0 if there is none.
    """

    rows: TableEncoder
    layout: Layout
    clock: Clock | None
    groups: Groups
    period: int = 0

    kind: ClassVar[str] = "series"
    unit: ClassVar[str] = "rows"

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        series: SeriesOptions,
        *,
        options: TableOptions | None = None,
        source: str = "the table",
    ) -> SeriesEncoder:
        """Find out how rows make up series, and choose a window.

        Args:
            frame: Training rows.
            series: What the user says about the series.
            options: What the user says about columns.
            source: What messages call the table.

        Raises:
            InputError: If a column can't be used, or no series is as long as a window.

        Warns:
            DataWarning: If rows aren't evenly spaced, or columns are dropped.
        """
        options = options or TableOptions()
        groups = Groups.fit(frame, series.group, source=source)
        numbers = groups.number_rows(frame, source=source)
        has_clock = series.time is not None or isinstance(frame.index, pd.DatetimeIndex)
        clock, times = None, None
        if has_clock:
            clock, times = Clock.fit(
                frame,
                series.time or "",
                numbers,
                every=series.every,
                options=options,
                source=source,
            )
        elif series.every:
            raise InputError(f"{source}: every={series.every:g} s needs times; name their column")
        set_aside = [name for name in (series.time, series.group) if name is not None]
        plain = frame.drop(columns=[name for name in frame.columns if str(name) in set_aside])
        rows = TableEncoder.fit(plain, options=options.without(set_aside), source=source)
        encoder = cls(rows, _make_layout(rows, 1), clock, groups)
        values, gaps, _ = encoder._encode_rows(frame, learning=True, source=source)
        placement = encoder._place(times, numbers)
        if not placement.points:
            raise InputError(f"{source}: no row has a time")
        if clock is not None and clock.step and not clock.asked and placement.is_torn:
            clock = clock.ignore_gaps(placement.gaps, source)
            encoder = replace(encoder, clock=clock)
            placement = encoder._place(times, numbers)
        levels, _ = encoder._to_points(values, gaps, placement)
        groups = groups.fit_scales(levels, placement)
        window, period = series.window, 0
        if not window:
            scaled = groups.scale(levels, placement)
            window, period = choose_window(scaled, placement.segments)
        longest = max(stop - start for start, stop in placement.segments)
        if window < WINDOW_LIMITS[0] or longest < window:
            raise InputError(
                f"{source}: the longest series without a gap has {longest:,} points; a window of "
                f"{max(window, WINDOW_LIMITS[0])} needs that many, and some more to learn from"
            )
        return cls(rows, _make_layout(rows, window), clock, groups, period)

    @property
    def schema(self) -> Schema:  # type: ignore[override]
        """The columns of single rows."""
        return self.rows.schema

    @cached_property
    def spec(self) -> Spec:
        """Layout of a window: its channels, `UNEXPECTED_MISSING`."""
        unexpected: Part = (UNEXPECTED_MISSING, "indicator", 1, UNEXPECTED_MISSING)
        window = len(self.layout.names), self.layout.length
        return Spec.of([*self.layout.parts(), unexpected], window=window)

    @property
    def columns(self) -> Sequence[str]:
        """Names of the training table's columns: scored, dropped, time, group."""
        return [*self.rows.columns, *self.placing_columns]

    @property
    def placing_columns(self) -> Sequence[str]:
        """Names of the columns of times and of series, if there are any."""
        time = "" if self.clock is None else self.clock.column
        return [name for name in (time, self.groups.column) if name]

    @property
    def dependent_rows(self) -> int:
        """Points within which scores go together."""
        return 2 * self.layout.length

    @property
    def stride(self) -> int:
        """Points between the windows that are scored."""
        return max(1, self.layout.length // WINDOWS_PER_POINT)

    def transform(
        self,
        frame: pd.DataFrame,
        *,
        strict: bool = False,
        learning: bool = False,
        first_row: int = 0,
        source: str = "the table",
    ) -> tuple[Records, ParseReport]:
        """Encode the windows of a table's rows.

        Args:
            frame: n rows.
            strict: Whether an unreadable cell is an error.
            learning: Whether the windows are for training.
            first_row: Number of the first row in the whole input, from 0.
            source: What messages call the table.

        Returns:
            Windows, float64 ``(m, D)``, and the report; its ``windows`` say which rows each holds,
            and rows that none holds are lost.

        Raises:
            InputError: If a column is missing, or rows come at another rate than in training; if
                ``strict``, for an unreadable cell.

        Warns:
            DataWarning: In the first chunk, if there are unknown columns.
        """
        values, gaps, report = self._encode_rows(
            frame, strict=strict, learning=learning, first_row=first_row, source=source
        )
        numbers, placement = self._locate(frame, source)
        levels, shares = self._to_points(values, gaps, placement)
        length, few = self.layout.length, MIN_TRAINING_WINDOWS * self.stride
        scored = starts = place_windows(placement.segments, length, self.stride)
        if learning and placement.points < few:
            starts = place_windows(placement.segments, length, 1)
        windows = Windows(starts, length, placement.points, placement.rows, np.isin(starts, scored))
        channels, cut = windows.cut(self.groups.scale(levels, placement)), windows.cut(shares)
        shown = self.layout.show(channels, cut[:, :-1])
        out = np.concatenate([shown, cut[:, -1:].max(-1)], 1)
        lost = {
            first_row + row: reason
            for row, reason in self._find_lost(windows, placement, first_row).items()
        }
        changes = report.changes | self._describe_rows(frame, placement, numbers, source)
        return out, replace(report, windows=windows, lost=lost, changes=changes)

    def describe_rows(
        self, frame: pd.DataFrame, *, strict: bool, first_row: int, source: str
    ) -> ParseReport:
        """What is odd about rows, whatever windows they are in; errors as of :meth:`transform`."""
        _, _, report = self._encode_rows(frame, strict=strict, first_row=first_row, source=source)
        numbers, placement = self._locate(frame, source)
        told = self._describe_rows(frame, placement, numbers, source)
        return replace(report, changes=report.changes | told, changed_rows={})

    def locate_rows(self, frame: pd.DataFrame, *, source: str) -> tuple[Indices, Indices]:
        """The number of each row's series, and its point, −1 for none; ``(n,)`` each."""
        numbers, placement = self._locate(frame, source)
        return numbers, placement.rows

    def count_false_alarms(self, score: Floats, threshold: float) -> dict[str, float]:
        """How many events held-out normal points have.

        Args:
            score: Of points, ``(n,)``; NaN for those that weren't held out.
            threshold: Above it points are flagged.

        Returns:
            ``events``, ``points``, and ``days`` if points have times.
        """
        points = int(np.count_nonzero(~np.isnan(score)))
        events = count_events(score, threshold, self.layout.length)
        found: dict[str, float] = {"events": events, "points": points}
        if self.clock is not None and self.clock.step:
            found["days"] = points * self.clock.step / 86_400
        return found

    def follow(self, frame: pd.DataFrame, *, source: str) -> tuple[Bools, Bools]:
        """How later rows matter to these.

        Args:
            frame: n rows of a table that goes on.
            source: What messages call the table.

        Returns:
            Which rows are in no window that ends later, ``(n,)``; and which later windows may hold,
            or are needed to place these as they would be placed without a break, ``(n,)``.
        """
        _, placement = self._locate(frame, source)
        settled, needed = np.ones(len(frame), np.bool_), np.zeros(len(frame), np.bool_)
        length, stride, rows = self.layout.length, self.stride, placement.rows
        last_of_group = dict(zip(placement.groups.tolist(), placement.segments, strict=True))
        for start, stop in last_of_group.values():
            # The last window isn't in step with the others, if the series goes on.
            first_open = max(start, stop - length)
            back = max(0, first_open - start - length + 1) // stride * stride
            settled &= (rows < first_open) | (rows >= stop)
            needed |= (rows >= start + back) & (rows < stop)
        return settled, needed

    def _locate(self, frame: pd.DataFrame, source: str) -> tuple[Indices, Placement]:
        """The numbers of rows' series, ``(n,)``, and the points that rows are."""
        numbers = self.groups.number_rows(frame, source=source)
        times = None if self.clock is None else self.clock.read(frame, numbers, source=source)
        return numbers, self._place(times, numbers)

    def _encode_rows(
        self, frame: pd.DataFrame, *, source: str, learning: bool = False, **options: Any
    ) -> tuple[Floats, Bools, ParseReport]:
        """Encoded rows ``(n, R)``, where numbers are missing ``(n, R)``, and the report."""
        used = [name for name in frame.columns if str(name) not in self._set_aside]
        plain = frame[used]
        values, report = self.rows.transform(plain, source=source, learning=learning, **options)
        gaps = np.zeros(values.shape, dtype=np.bool_)
        names = [str(name) for name in plain.columns]
        spans = {span.name: span.start for span in self.rows.spec.spans if span.kind == "numeric"}
        for name in report.missing.keys() & spans.keys():
            column = self.schema[name]
            parsed = column.parse(read_cells(plain.iloc[:, names.index(name)]))
            parsed = parsed.mask_infinite() if learning else parsed
            gaps[:, spans[name]] = np.isnan(parsed.values)
        return values, gaps, report

    @cached_property
    def _set_aside(self) -> set[str]:
        return set(self.placing_columns)

    def _place(self, times: Floats | None, numbers: Indices) -> Placement:
        if times is None or self.clock is None:
            return place_rows(None, numbers, None)
        return place_rows(self.clock.place(times), numbers, self.clock.step or None)

    def _to_points(
        self, values: Floats, gaps: Bools, placement: Placement
    ) -> tuple[Floats, Floats]:
        """Channels ``(points, C)`` and shares ``(points, S + 1)`` of points, without gaps."""
        averaged = average_rows(np.where(gaps, np.nan, values), placement)
        filled = interpolate(averaged, placement.segments)
        return filled[:, self._is_channel], filled[:, ~self._is_channel]

    @cached_property
    def _is_channel(self) -> Bools:
        """Which entries of an encoded row are channels of a window, ``(R,)``."""
        spans = self.rows.spec.spans
        return np.concatenate([np.full(s.width, s.kind == "numeric") for s in spans])

    def _find_lost(self, windows: Windows, placement: Placement, first_row: int) -> dict[int, str]:
        """Rows that no window holds, and why."""
        missing = np.flatnonzero(~windows.has_window)
        segment_starts = np.array([start for start, _ in placement.segments])
        reasons: dict[int, str] = {}
        texts: dict[int, str] = {}
        for row in missing.tolist():
            point = int(placement.rows[row])
            if point < 0:
                key, length = -1, 0
            else:
                key = int(np.searchsorted(segment_starts, point, side="right")) - 1
                length = placement.segments[key][1] - placement.segments[key][0]
            if key not in texts:
                number = first_row + row
                name = "" if self.clock is None else self.clock.name
                texts[key] = (
                    f"from row {number} on rows have no time in {name} and no score"
                    if key < 0
                    else f"from row {number} on only {length:,} points without a gap, fewer than "
                    f"the window of {windows.length}: no score"
                )
            reasons[row] = texts[key]
        return reasons

    def _describe_rows(
        self, frame: pd.DataFrame, placement: Placement, numbers: Indices, source: str
    ) -> dict[str, int]:
        """What was done to place rows -> how many it concerns."""
        told = {
            "rows come after later ones of their series; they are put in order": placement.moved,
            "points of a series have no row and are interpolated": placement.filled,
            f"gaps of more than {MAX_FILLED_POINTS} points, crossed by no window": placement.gaps,
        }
        shared = int(placement.shared.sum())
        if self.clock is not None and not self.clock.asked:
            told["rows have the time of another one of their series; these are averaged"] = shared
        told |= self.groups.describe_unknown(numbers, frame, source=source)
        return {text: count for text, count in told.items() if count}

    def restore(self, values: Floats, columns: Sequence[str], *, as_frame: bool) -> Any:
        """Decode windows to rows of single points, those of a window one after the other.

        Args:
            values: Records, ``(m, D)``.
            columns: The training frame's columns in their order.
            as_frame: Whether the training input was a frame.

        Returns:
            A frame of ``m · length`` rows, indexed by ``window`` and ``step``; or an array
            ``(m, length, columns)``.
        """
        levels, shares = self.layout.restore(np.asarray(values, dtype=np.float64))
        length = self.layout.length
        rows = np.zeros((len(levels) * length, self.rows.spec.size))
        rows[:, self._is_channel] = levels.transpose(0, 2, 1).reshape(len(rows), -1)
        others = np.flatnonzero(~self._is_channel)[:-1]
        rows[:, others] = np.repeat(shares, length, axis=0)
        own = [name for name in columns if name not in self._set_aside]
        restored = self.rows.restore(rows, own, as_frame=as_frame)
        if isinstance(restored, pd.DataFrame):
            steps = [range(len(levels)), range(length)]
            return restored.set_axis(pd.MultiIndex.from_product(steps, names=["window", "step"]))
        return restored.reshape(len(levels), length, -1)

    def summary(self) -> dict[str, str]:
        """Columns, clock, series and window."""
        length = self.layout.length
        step = 0.0 if self.clock is None else self.clock.step
        spans = f" ({describe_seconds(length * step)})" if step else ""
        rhythm = f", a rhythm of {self.period:,}" if self.period else ""
        series = {"series": f"{len(self.groups.scales):,}, by {self.groups.column}"}
        return {
            **self.rows.summary(),
            "time": "rows in order" if self.clock is None else self.clock.describe(),
            **(series if self.groups.column else {}),
            "window": f"{length:,} points{spans}{rhythm}, every {self.stride}",
        }

    def to_json(self) -> dict[str, Any]:
        """Plain data from which :meth:`from_json` rebuilds this encoder."""
        return {
            **self.rows.to_json(),
            "kind": self.kind,
            "clock": None if self.clock is None else asdict(self.clock),
            "groups": {"column": self.groups.column, "scales": dict(self.groups.scales)},
            "window": self.layout.length,
            "period": self.period,
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> SeriesEncoder:
        """Rebuild from :meth:`to_json`.

        Raises:
            ValueError: If window, clock or scales can't be those of a fitted encoder.
        """
        rows, window = TableEncoder.from_json(state), int(state["window"])
        if not WINDOW_LIMITS[0] <= window <= WINDOW_LIMITS[1]:
            raise ValueError(f"a window of {window} points")
        clock = None if state["clock"] is None else Clock.from_json(state["clock"])
        layout = _make_layout(rows, window)
        groups = Groups.from_json(state["groups"], channels=len(layout.names))
        return cls(rows, layout, clock, groups, int(state["period"]))


def _make_layout(rows: TableEncoder, length: int) -> Layout:
    """The layout of windows of encoded rows."""
    numbers = [span for span in rows.spec.spans if span.kind == "numeric"]
    others = [span for span in rows.spec.spans if span.kind != "numeric"]
    shares = [
        span.name if span.width == 1 else f"{span.name} [{number}]"
        for span in others
        for number in range(span.width)
    ]
    names = tuple(span.name for span in numbers)
    return Layout(names, tuple(span.column for span in numbers), tuple(shares[:-1]), length)
