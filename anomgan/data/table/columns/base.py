"""What every kind of column is and can do; each kind has a file of its own.

Every column is plain data (strings, booleans and finite floats), so a fitted one goes to JSON and
comes back the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Literal, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from anomgan.data.spec import Kind
from anomgan.data.table.parsing import Cells, Reading, storable
from anomgan.utils.serialization import typed
from anomgan.utils.types import Floats

ColumnKind = Literal["numeric", "boolean", "category", "datetime", "condition"]
Part = tuple[str, Kind, int, str]
"""Name, kind, width and column of a span, as :meth:`anomgan.data.spec.Spec.of` takes them."""


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
    kinds: ClassVar[dict[ColumnKind, type[Column]]] = {}  # all that have been imported

    def __init_subclass__(cls) -> None:
        """Have :meth:`from_json` know this kind."""
        Column.kinds[cls.kind] = cls

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
        """Rebuild a column of any kind from :meth:`to_json`.

        Raises:
            TypeError: If a field is missing, unknown or of another type.
            ValueError: If it holds what no fit gives.
        """
        own = {key: value for key, value in state.items() if key != "kind"}
        column = typed(cls.kinds[state["kind"]], own)
        column.check()
        return column

    def check(self) -> None:
        """See that a column read from a file could have come from a fit.

        Raises:
            ValueError: If not.
        """
        if not storable(self.dtype):
            raise ValueError(f"column {self.name!r} has no dtype that anomgan writes")


def as_dtype(series: pd.Series[Any], dtype: Any) -> pd.Series[Any]:
    """``series.astype`` for a dtype known only at run time, which pandas' types don't foresee."""
    return cast("pd.Series[Any]", cast("Any", series).astype(dtype))


def level_dtype(cells: Cells) -> str:
    """The dtype of levels; whole numbers with more digits than floats have keep to text."""
    if cells.form != "number" or cells.text is None:
        return cells.dtype
    return "str" if "float" in cells.dtype else f"category[{cells.dtype}]"


def by_frequency(text: pa.Array) -> list[tuple[str, int]]:
    """Distinct text with its count, most frequent first, ties in alphabetical order."""
    counts = pc.value_counts(text.drop_null())
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def check_levels(name: str, levels: tuple[str, ...]) -> None:
    """See that levels read from a file could have come from a fit.

    Raises:
        ValueError: If one comes twice or can't be text of Arrow's.
    """
    "".join(levels).encode()
    if len(set(levels)) < len(levels):
        raise ValueError(f"column {name!r} has a level twice")


def check_scale(name: str, scale: float) -> None:
    """See that a scale read from a file could have come from a fit.

    Raises:
        ValueError: If it isn't positive.
    """
    if scale <= 0:
        raise ValueError(f"column {name!r} has a scale of {scale}")
