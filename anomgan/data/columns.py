"""The kinds of column a table may have: what each learns, and how it becomes numbers and back.

Every column is plain data (strings, booleans and finite floats), so a fitted one goes to JSON and
comes back the same.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.cells import (
    Cells,
    Floats,
    Reading,
    as_booleans,
    as_numbers,
    as_text,
    as_times,
)
from anomgan.data.spec import Kind

ColumnKind = Literal["numeric", "boolean", "category", "datetime"]
Part = tuple[str, Kind, int, str]
"""Name, kind, width and column of a span, as :meth:`anomgan.data.spec.Spec.of` takes them."""

FARTHEST = 1e30
"""Bound of a scaled number: its square and the sums of such still fit into float64."""

QUANTILES = (0.25, 0.75, 0.05, 0.95, 0.01, 0.99)
WIDTHS = (1.349, 3.290, 4.653)
"""How many standard deviations the pairs of `QUANTILES` are apart in a normal distribution."""

MOST_LEVELS = 100_000
"""Levels of a category that are remembered; rarer ones can't be told from new ones."""

OPEN_SHARE = 0.05
"""Estimated share of rows with a new level from which on a new level is no evidence."""

DAY = 86_400.0
EARLIEST, LATEST = -62_135_596_800.0, 253_402_300_799.0
"""The years 1 to 9999 in seconds since 1970; generated moments stay within them."""


@dataclass(frozen=True)
class Column(ABC):
    """A fitted column.

    Attributes:
        name: The user's name for it.
        dtype: The pandas dtype that decoded cells get.
        missing: Whether cells were missing in training; if so there is an entry that says so.
    """

    name: str
    dtype: str
    missing: bool

    kind: ClassVar[ColumnKind]
    wanted: ClassVar[str]  # what a cell should be, for messages

    @abstractmethod
    def read(self, cells: Cells) -> Reading:
        """Read n cells as this kind of column; NaN where missing or unreadable."""

    @abstractmethod
    def value_parts(self) -> list[Part]:
        """The spans that hold the value."""

    @abstractmethod
    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """Write the value's entries; arguments as in :meth:`encode`."""

    @abstractmethod
    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """What :meth:`read` would give, from the value's entries (n, width)."""

    @abstractmethod
    def restore(self, values: Floats) -> pd.Series[Any]:
        """Cells of the user's dtype from what :meth:`read` gives, NaN where missing."""

    def parts(self) -> list[Part]:
        """All spans of this column, in order."""
        gap: Part = (f"{self.name} (missing)", "indicator", 1, self.name)
        return [*self.value_parts(), *([gap] if self.missing else [])]

    def encode(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """Write the entries of n records.

        Args:
            values: (n,), as :meth:`read` gives them.
            out: (n, width), zeros; filled in place with finite numbers.
            clock: (n,) times of the table's first datetime column, in seconds, if it has one.
        """
        width = out.shape[1] - self.missing
        self.encode_values(values, out[:, :width], clock)
        if self.missing:
            out[:, width] = np.isnan(values)

    def decode(self, block: Floats, clock: Floats | None) -> Floats:
        """Undo :meth:`encode`, also for generated entries (n, width)."""
        values = self.decode_values(block, clock)
        return np.where(block[:, -1] > 0.5, np.nan, values) if self.missing else values

    def to_json(self) -> dict[str, Any]:
        """Plain data; fields that have their default value are left out to keep it short."""
        state = {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if item.default is MISSING or getattr(self, item.name) != item.default
        }
        return {"kind": self.kind, **state}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Column:
        """Rebuild a column of any kind from :meth:`to_json`."""
        kinds: dict[str, Any] = {
            kind.kind: kind
            for kind in (NumericColumn, BooleanColumn, CategoryColumn, DatetimeColumn)
        }
        arguments = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in state.items()
            if key != "kind"
        }
        column: Column = kinds[state["kind"]](**arguments)
        return column


# --- numeric --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NumericColumn(Column):
    """Numbers, scaled robustly; tails are kept, since distance in them is evidence.

    Attributes:
        center: Median.
        scale: About one standard deviation, from quantiles; in the column's unit.
        integer: Whether all numbers were whole, so that decoded ones are rounded.
    """

    center: float
    scale: float
    integer: bool = False

    kind: ClassVar[ColumnKind] = "numeric"
    wanted: ClassVar[str] = "a number"

    @classmethod
    def fit(cls, name: str, cells: Cells, reading: Reading) -> Self:
        """Learn the scale from at least one readable number."""
        values = reading.values
        gaps = np.isnan(values)
        known = values[~gaps]
        center, scale = robust_scale(known)
        integer = bool(np.all(known == np.rint(known)))
        dtype = cells.dtype
        if cells.form == "text":
            pointed = pc.any(pc.match_substring_regex(cells.text, r"[.eE]")).as_py()
            dtype = "int64" if integer and not pointed else "float64"
        return cls(name, dtype, bool(gaps.any()), center, scale, integer)

    def read(self, cells: Cells) -> Reading:
        """Numbers, timedeltas as seconds."""
        return as_numbers(cells)

    def value_parts(self) -> list[Part]:
        """One number."""
        return [(self.name, "numeric", 1, self.name)]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """Scale; a missing number becomes the median, 0."""
        out[:, 0] = to_scale(values, self.center, self.scale)

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """Numbers in the column's unit."""
        values = from_scale(block[:, 0], self.center, self.scale)
        return np.rint(values) if self.integer else values

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Numbers or timedeltas; integers with gaps become ``Int64``."""
        if self.dtype.startswith("timedelta"):
            return _as_dtype(pd.Series(pd.to_timedelta(values, unit="s")), self.dtype)
        dtype = pd.api.types.pandas_dtype(self.dtype)
        if dtype.kind not in "iu":
            return _as_dtype(pd.Series(values), self.dtype)
        return _as_integers(values, dtype)


def _as_integers(values: Floats, dtype: Any) -> pd.Series[Any]:
    """Whole numbers within the bounds of an integer dtype, in its nullable kin if some are NaN."""
    bounds = np.iinfo(np.dtype(f"{dtype.kind}{dtype.itemsize}"))
    high = float(bounds.max)
    if high > bounds.max:  # that of 64 bits isn't a float, and the nearest one lies outside
        high = math.nextafter(high, 0)
    gaps = np.isnan(values)
    whole = np.clip(np.rint(np.where(gaps, 0, values)), float(bounds.min), high)
    nullable = "UInt64" if dtype.kind == "u" else "Int64"
    integers = _as_dtype(pd.Series(whole.astype(nullable.lower())), nullable).mask(gaps, pd.NA)
    return integers if isinstance(dtype, np.dtype) and gaps.any() else _as_dtype(integers, dtype)


def _as_dtype(series: pd.Series[Any], dtype: Any) -> pd.Series[Any]:
    """``series.astype`` for a dtype known only at run time, which pandas' types don't foresee."""
    return cast("pd.Series[Any]", cast("Any", series).astype(dtype))


def robust_scale(values: Floats) -> tuple[float, float]:
    """Median and robust standard deviation of finite numbers (n,), n ≥ 1; both finite, scale > 0.

    The interquartile range gives the scale; where more than half the numbers are equal it is 0, and
    wider quantiles are tried, then the standard deviation; a constant has scale 1.
    """
    # Ranges of numbers near the largest float overflow, so measure in units of about the largest; a
    # power of two, which changes no digit.
    largest = float(np.max(np.abs(values)))
    unit = math.ldexp(1.0, max(0, math.frexp(largest)[1] - 1))
    scaled = values / unit
    center, *bounds = np.quantile(scaled, (0.5, *QUANTILES))
    for lower, upper, width in zip(bounds[::2], bounds[1::2], WIDTHS, strict=True):
        if upper > lower:
            return float(center * unit), _positive((upper - lower) / width, unit)
    return float(center * unit), _positive(np.std(scaled), unit)


def _positive(scale: np.floating[Any], unit: float) -> float:
    """A scale in the column's unit, finite; 1 for a constant."""
    return min(float(scale) * unit, float(np.finfo(np.float64).max)) or 1.0


def to_scale(values: Floats, center: float, scale: float) -> Floats:
    """Scaled numbers; NaN becomes 0, and what overflows ends at ±`FARTHEST`."""
    with np.errstate(over="ignore"):
        scaled = (values - center) / scale
    return np.nan_to_num(np.clip(scaled, -FARTHEST, FARTHEST), copy=False, nan=0.0)


def from_scale(scaled: Floats, center: float, scale: float) -> Floats:
    """Undo :func:`to_scale` as far as float64 goes."""
    largest = np.finfo(np.float64).max
    with np.errstate(over="ignore"):
        return np.clip(scaled * scale + center, -largest, largest)


# --- boolean --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BooleanColumn(Column):
    """Truth values.

    Attributes:
        fill: What a missing cell counts as: the more frequent value.
        labels: The user's text for false and true.
    """

    fill: bool
    labels: tuple[str, str] = ("false", "true")

    kind: ClassVar[ColumnKind] = "boolean"
    wanted: ClassVar[str] = "true or false"

    @classmethod
    def fit(cls, name: str, cells: Cells, reading: Reading, words: tuple[str, str]) -> Self:
        """Learn the more frequent value and, from text, how the user spells both ``words``."""
        gaps = np.isnan(reading.values)
        fill = bool(np.mean(reading.values[~gaps]) >= 0.5)
        if cells.form != "text":
            return cls(name, cells.dtype, bool(gaps.any()), fill)
        text = as_text(cells)
        no, yes = (
            next((spelling for spelling, _ in by_frequency(text) if spelling.lower() == word), word)
            for word in words
        )
        return cls(name, "str", bool(gaps.any()), fill, (no, yes))

    @property
    def words(self) -> tuple[str, str]:
        """The pair of lower-case words that text is compared with."""
        return self.labels[0].lower(), self.labels[1].lower()

    def read(self, cells: Cells) -> Reading:
        """0 or 1."""
        return as_booleans(cells, self.words)

    def value_parts(self) -> list[Part]:
        """One indicator."""
        return [(self.name, "indicator", 1, self.name)]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """0 or 1; a missing cell becomes the more frequent value."""
        out[:, 0] = np.where(np.isnan(values), float(self.fill), values)

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """0 or 1, whichever is nearer."""
        return (block[:, 0] > 0.5).astype(np.float64)

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Truth values (``boolean`` where some are missing), or the user's words for them."""
        gaps = np.isnan(values)
        truth = pd.Series(values == 1.0, dtype="boolean").mask(gaps, pd.NA)
        if self.dtype == "str":
            words = np.where(values == 1.0, self.labels[1], self.labels[0])
            return pd.Series(words, dtype="str").mask(gaps)
        return truth if self.dtype == "bool" and gaps.any() else _as_dtype(truth, self.dtype)


def by_frequency(text: pa.Array) -> list[tuple[str, int]]:
    """Distinct text with its count, most frequent first, ties in alphabetical order."""
    counts = pc.value_counts(text.drop_null())
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


# --- category -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CategoryColumn(Column):
    """Text with a slot for each frequent level.

    The slots are the levels, then as needed "other" (known levels without a slot of their own),
    "missing" and "unseen" (levels that weren't in training).  A column is *open* where new levels
    are normal: then they go to "other", and there is no slot "unseen".

    Attributes:
        levels: Levels with a slot, most frequent first.
        rare: Further known levels, most frequent first.
        open: Whether new levels are expected: either more than `MOST_LEVELS` were met, or the
            share of rows whose level occurs once, which estimates how often a new one comes
            (Good and Turing), is above `OPEN_SHARE` in a column with rare levels.
    """

    levels: tuple[str, ...]
    rare: tuple[str, ...] = ()
    open: bool = False

    kind: ClassVar[ColumnKind] = "category"
    wanted: ClassVar[str] = "text"

    @classmethod
    def fit(cls, name: str, cells: Cells, max_levels: int) -> Self:
        """Learn the levels; ``max_levels`` of them get a slot."""
        text = as_text(cells)
        counts = by_frequency(text)
        names = [level for level, _ in counts]
        rare = tuple(names[max_levels:MOST_LEVELS])
        once = sum(count == 1 for _, count in counts)
        filled = len(text) - text.null_count
        is_open = bool(rare) and (once / filled > OPEN_SHARE or len(names) > MOST_LEVELS)
        levels = tuple(names[:max_levels])
        return cls(name, cells.dtype, text.null_count > 0, levels, rare, is_open)

    @property
    def slots(self) -> list[str]:
        """Names of the entries of the one-hot block, in order."""
        other = ["(other)"] if self.rare else []
        missing = ["(missing)"] if self.missing else []
        unseen = [] if self.open else ["(unseen)"]
        return [*self.levels, *other, *missing, *unseen]

    @cached_property
    def _known(self) -> pa.Array:
        return pa.array((*self.levels, *self.rare), pa.large_string())

    @property
    def _other(self) -> int:
        """Slot of the rare levels, if there are any."""
        return len(self.levels)

    def read(self, cells: Cells) -> Reading:
        """Numbers of slots; the last is "unseen" unless the column is open."""
        text = as_text(cells)
        found = pc.index_in(text, value_set=self._known)
        fallback = self._other if self.open else len(self.slots) - 1
        codes = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
        slots = np.where(codes < 0, fallback, np.minimum(codes, self._other)).astype(np.float64)
        if text.null_count:
            slots[pc.is_null(text).to_numpy(zero_copy_only=False)] = np.nan
        return Reading(slots, np.zeros(len(slots), dtype=np.bool_))

    def unseen(self, values: Floats) -> int:
        """How many of the values :meth:`read` gave are levels that weren't in training."""
        return 0 if self.open else int(np.count_nonzero(values == len(self.slots) - 1))

    def parts(self) -> list[Part]:
        """One block, in which missing has a slot."""
        return self.value_parts()

    def value_parts(self) -> list[Part]:
        """One block."""
        return [(self.name, "category", len(self.slots), self.name)]

    def encode(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """One-hot; a cell that is missing for the first time becomes the most frequent level."""
        self.encode_values(values, out, clock)

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """See :meth:`encode`."""
        gap = self.slots.index("(missing)", self._other) if self.missing else 0
        slots = np.nan_to_num(values, nan=gap).astype(np.intp)
        out[np.arange(len(slots)), slots] = 1.0

    def decode(self, block: Floats, clock: Floats | None) -> Floats:
        """The most probable slot but "unseen", which stands for nothing that could be written."""
        return self.decode_values(block, clock)

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """See :meth:`decode`."""
        nameable = len(self.slots) - (not self.open)
        slots: Floats = np.argmax(block[:, :nameable], axis=1).astype(np.float64)
        if self.missing:
            slots[slots == nameable - 1] = np.nan
        return slots

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Levels; "other" becomes the most frequent of the rare ones."""
        names = np.array([*self.levels, *self.rare[:1], None], dtype=object)
        slots = np.nan_to_num(values, nan=len(names) - 1).astype(np.intp)
        text = pd.Series(names[slots], dtype="str")
        if not self.dtype.startswith("category["):
            return text
        # Through the categories, because integers can't be missing.
        levels = pd.Index([*self.levels, *self.rare], dtype="str")
        declared = levels.astype(self.dtype.removeprefix("category[").removesuffix("]"))
        return pd.Series(pd.Categorical.from_codes(levels.get_indexer(pd.Index(text)), declared))


# --- datetime -------------------------------------------------------------------------------------

Cycle = Literal["hour", "weekday", "yearday"]


@dataclass(frozen=True)
class DatetimeColumn(Column):
    """Moments, in UTC: time elapsed, and where in the day, week and year they lie.

    The table's first datetime column is its clock.  It counts from its own median, all others from
    the clock in the same row, so that they are durations.  A clock that runs with the file, as in a
    log, has no elapsed time: every later row would lie outside.

    Attributes:
        center: Median elapsed days, since 1970 for the clock.
        scale: About one standard deviation of the elapsed days.
        elapsed: Whether elapsed time is encoded.
        after: Name of the clock, for the other datetime columns.
        cycles: The cycles that vary; each gives a sine and a cosine.
    """

    center: float
    scale: float
    elapsed: bool = True
    after: str = ""
    cycles: tuple[Cycle, ...] = ()

    kind: ClassVar[ColumnKind] = "datetime"
    wanted: ClassVar[str] = "an ISO 8601 date or time"

    @classmethod
    def fit(
        cls, name: str, cells: Cells, reading: Reading, after: str, clock: Floats | None
    ) -> Self:
        """Learn from at least one readable moment.

        Args:
            name: Name of the column.
            cells: Its cells.
            reading: The same, read as times (n,).
            after: Name of the clock; empty if this is the clock.
            clock: The clock's times (n,) in seconds, NaN where missing; None if this is the clock.
        """
        times = reading.values
        gaps = np.isnan(times)
        days = _elapsed_days(times, clock)
        counted = days[~np.isnan(days)]
        center, scale = robust_scale(counted) if counted.size else (0.0, 1.0)
        dtype = cells.dtype
        if cells.form == "text":
            zoned = pc.any(pc.match_substring_regex(cells.text, r":.*(Z|[+-]\d\d:?\d*)\s*$"))
            dtype = "datetime64[us, UTC]" if zoned.as_py() else "datetime64[us]"
        elapsed = bool(after) or not _runs_with_file(times[~gaps])
        cycles = _varying_cycles(times[~gaps])
        return cls(name, dtype, bool(gaps.any()), center, scale, elapsed, after, cycles)

    def read(self, cells: Cells) -> Reading:
        """Seconds since 1970 in UTC."""
        return as_times(cells)

    def value_parts(self) -> list[Part]:
        """Elapsed time, then sine and cosine of each cycle."""
        elapsed: list[Part] = [(f"{self.name} (elapsed)", "numeric", 1, self.name)]
        return (elapsed if self.elapsed else []) + [
            (f"{self.name} ({cycle}, {wave})", "numeric", 1, self.name)
            for cycle in self.cycles
            for wave in ("sin", "cos")
        ]

    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """A missing moment becomes 0 everywhere: the median, and the middle of each circle."""
        at = 0
        if self.elapsed:
            days = _elapsed_days(values, clock if self.after else None)
            out[:, 0] = to_scale(days, self.center, self.scale)
            at = 1
        for cycle in self.cycles:
            angle = 2 * np.pi * _phase(values, cycle)
            out[:, at] = np.nan_to_num(np.sin(angle))
            out[:, at + 1] = np.nan_to_num(np.cos(angle))
            at += 2

    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """Seconds since 1970; without elapsed time, in the week after the median."""
        if self.elapsed:
            days = from_scale(block[:, 0], self.center, self.scale)
            seconds = days * DAY + (clock if self.after and clock is not None else 0.0)
        else:
            seconds = self._near_center(block)
        return np.clip(seconds, EARLIEST, LATEST)

    def _near_center(self, block: Floats) -> Floats:
        """Moments with the right weekday and hour in the week that follows the median, (n,)."""
        day, hour = divmod(self.center * DAY, DAY)
        seconds = np.full(len(block), day * DAY + hour)
        for at, cycle in enumerate(self.cycles):
            turn = np.arctan2(block[:, 2 * at], block[:, 2 * at + 1]) / (2 * np.pi)
            if cycle == "hour":
                seconds += turn % 1.0 * DAY - hour
            elif cycle == "weekday":
                today = _phase(seconds[:1], "weekday")
                seconds += np.rint((turn - today) * 7) % 7 * DAY
        return seconds

    def restore(self, values: Floats) -> pd.Series[Any]:
        """Moments in the user's time zone."""
        stamps = np.full(len(values), np.datetime64("NaT", "us"))
        known = ~np.isnan(values)
        stamps[known] = np.rint(values[known] * 1e6).astype(np.int64).astype("datetime64[us]")
        series = pd.Series(stamps)
        zone = getattr(pd.api.types.pandas_dtype(self.dtype), "tz", None)
        if zone is not None:
            series = series.dt.tz_localize("UTC").dt.tz_convert(zone)
        return _as_dtype(series, self.dtype)


def _elapsed_days(times: Floats, clock: Floats | None) -> Floats:
    return (times if clock is None else times - clock) / DAY


def _runs_with_file(times: Floats) -> bool:
    """Whether nearly all steps go the same way, as in a log (or one turned upside down)."""
    steps = np.diff(times)
    return steps.size > 0 and bool(max(np.mean(steps >= 0), np.mean(steps <= 0)) >= 0.95)


def _phase(times: Floats, cycle: Cycle) -> Floats:
    """How much of the cycle has passed, in [0, 1); NaN for NaN."""
    if cycle == "hour":
        return times % DAY / DAY
    days = np.floor(times / DAY)
    if cycle == "weekday":
        return (days + 3) % 7 / 7  # 1970 began on a Thursday; weeks begin on Monday
    known = ~np.isnan(days)
    dates = days[known].astype(np.int64).astype("datetime64[D]")
    passed = np.full(len(days), np.nan)
    passed[known] = (dates - dates.astype("datetime64[Y]")).astype(np.int64) / 366
    return passed


def _varying_cycles(times: Floats) -> tuple[Cycle, ...]:
    """The cycles worth encoding; the year only where more than one was seen."""
    cycles: Sequence[Cycle] = ("hour", "weekday")
    varying = [cycle for cycle in cycles if np.ptp(_phase(times, cycle)) > 0]
    return (*varying, "yearday") if np.ptp(times) > 366 * DAY else tuple(varying)
