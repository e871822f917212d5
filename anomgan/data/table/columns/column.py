"""The base class of columns: parse cells, encode them as finite numbers, decode and restore them.

Each kind has a module of its own.  A fitted column is a dataclass of strings, booleans and finite
floats, which JSON stores exactly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.spec import Kind
from anomgan.data.table.cells import Cells, ParsedCells, is_storable
from anomgan.data.table.missing import is_marker
from anomgan.utils.serialization import build_dataclass
from anomgan.utils.types import Floats

ColumnKind = Literal["numeric", "boolean", "category", "datetime", "daytime", "condition"]
Part = tuple[str, Kind, int, str]
"""Name, kind, width and column of a span, as :meth:`anomgan.data.spec.Spec.of` takes them."""


@dataclass(frozen=True)
class Column(ABC):
    """A fitted column.

    Attributes:
        name: The user's name for it.
        dtype: The pandas dtype of restored cells.
        missing: Whether cells were missing in training; if so, an indicator entry is encoded.
        markers: Texts and numbers that stand for a missing cell, besides `MISSING_MARKERS`.
        kind: The kind of column; stored in models.
        expected: What a cell should hold, for messages.
        missing_in_block: Whether missing cells have an entry within the value's entries rather than
            an indicator behind them.
        kinds: All kinds whose modules were imported.
    """

    name: str
    dtype: str
    missing: bool
    markers: tuple[str, ...] = field(default=(), kw_only=True)

    kind: ClassVar[ColumnKind]
    expected: ClassVar[str]
    missing_in_block: ClassVar[bool] = False
    kinds: ClassVar[dict[ColumnKind, type[Column]]] = {}

    def __init_subclass__(cls) -> None:
        """Register the kind for :meth:`from_json`."""
        Column.kinds[cls.kind] = cls

    def parse(self, cells: Cells) -> ParsedCells:
        """Parse n cells as this kind of column; NaN where missing or unreadable."""
        return excuse_markers(self.parse_filled(cells.blank(self.markers)), cells)

    @abstractmethod
    def parse_filled(self, cells: Cells) -> ParsedCells:
        """Parse cells among which those that stand for a missing one are missing."""

    @abstractmethod
    def value_parts(self) -> list[Part]:
        """Layout of the entries that hold the value."""

    @abstractmethod
    def encode_values(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """Fill the entries of the value; arguments as in :meth:`encode`."""

    @abstractmethod
    def decode_values(self, block: Floats, clock: Floats | None) -> Floats:
        """Undo :meth:`encode_values`; ``(n, width) -> (n,)``."""

    @abstractmethod
    def restore(self, values: Floats) -> pd.Series[Any]:
        """Turn parsed values, NaN where missing, back to cells of the user's dtype."""

    def count_other_decimals(self, series: pd.Series[Any]) -> int:
        """How many cells have a decimal point where those of training had a decimal comma."""
        return 0

    def describe_form(self) -> str:
        """How cells are written or encoded, in a few words; empty if plain."""
        return ""

    def describe_range(self) -> str:
        """What the cells of training held, in a few words; empty if that isn't known."""
        return ""

    @property
    def wanted(self) -> str:
        """What a cell should hold, with its form, for messages."""
        return self.expected

    def describe_other_form(self, unreadable: pd.Series[Any]) -> str:
        """What unreadable cells look like, as the end of a message; empty if nothing is known."""
        return ""

    def parts(self) -> list[Part]:
        """Layout of all entries of this column, in order."""
        indicator: Part = (f"{self.name} (missing)", "indicator", 1, self.name)
        return [*self.value_parts(), *([indicator] if self._has_indicator else [])]

    @cached_property
    def _has_indicator(self) -> bool:
        return self.missing and not self.missing_in_block

    def encode(self, values: Floats, out: Floats, clock: Floats | None) -> None:
        """Fill the entries of n records.

        Args:
            values: ``(n,)``, as parsed by :meth:`parse`.
            out: ``(n, width)``, zeros; filled in place with finite numbers.
            clock: Times of the table's first datetime column, ``(n,)`` in seconds, if it has one.
        """
        width = out.shape[1] - self._has_indicator
        self.encode_values(values, out[:, :width], clock)
        if self._has_indicator:
            out[:, width] = np.isnan(values)

    def decode(self, block: Floats, clock: Floats | None) -> Floats:
        """Undo :meth:`encode`, also for generated entries; ``(n, width) -> (n,)``."""
        values = self.decode_values(block, clock)
        return np.where(block[:, -1] > 0.5, np.nan, values) if self._has_indicator else values

    def to_json(self) -> dict[str, Any]:
        """Plain data; fields at their default are left out."""
        state = {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if item.default is MISSING or getattr(self, item.name) != item.default
        }
        return {"kind": self.kind, **state}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Column:
        """Rebuild a column of any kind from :meth:`to_json`.

        Raises:
            TypeError: If a field is missing, unknown or of another type.
            ValueError: If :meth:`check` fails.
        """
        arguments = {key: value for key, value in state.items() if key != "kind"}
        column = build_dataclass(cls.kinds[state["kind"]], arguments)
        column.check()
        return column

    def check(self) -> None:
        """Check that a column read from a file could have come from a fit.

        Raises:
            ValueError: If not.
        """
        if not is_storable(self.dtype):
            raise ValueError(f"column {self.name!r} has no dtype that anomgan writes")


def excuse_markers(parsed: ParsedCells, cells: Cells) -> ParsedCells:
    """The same with words for missing, such as ``n.a.``, missing rather than unreadable."""
    odd = np.flatnonzero(parsed.unreadable)
    if not odd.size or cells.form != "text":
        return parsed
    marked = is_marker(cells.trimmed.take(pa.array(odd))).to_numpy(zero_copy_only=False)
    unreadable = parsed.unreadable.copy()
    unreadable[odd] = ~marked.astype(np.bool_)
    return replace(parsed, unreadable=unreadable)


def as_dtype(series: pd.Series[Any], dtype: Any) -> pd.Series[Any]:
    """``series.astype`` for a dtype known only at run time, which pandas' stubs don't allow."""
    return cast("pd.Series[Any]", cast("Any", series).astype(dtype))


def level_dtype(cells: Cells) -> str:
    """The dtype of restored levels; integers with more digits than floats have stay text."""
    if cells.form != "number" or cells.text is None:
        return cells.dtype
    return "str" if "float" in cells.dtype else f"category[{cells.dtype}]"


def count_levels(text: pa.Array) -> list[tuple[str, int]]:
    """Distinct strings with their counts, most frequent first, ties in alphabetical order."""
    counts = pc.value_counts(text.drop_null())
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def check_levels(name: str, levels: tuple[str, ...]) -> None:
    """Check levels read from a file.

    Raises:
        ValueError: If one occurs twice or can't be encoded as UTF-8.
    """
    "".join(levels).encode()
    if len(set(levels)) < len(levels):
        raise ValueError(f"column {name!r} has a level twice")


def check_scale(name: str, scale: float) -> None:
    """Check a scale read from a file.

    Raises:
        ValueError: If it isn't positive.
    """
    if scale <= 0:
        raise ValueError(f"column {name!r} has a scale of {scale}")
