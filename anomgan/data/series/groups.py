"""Several series in one table: telling them apart, and bringing them to one scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from anomgan.data.series.placement import Placement
from anomgan.data.series.windows import Indices
from anomgan.data.table.cells import read_cells
from anomgan.data.table.robust_scaling import robust_scale
from anomgan.errors import InputError
from anomgan.utils.text import quote_names
from anomgan.utils.types import Floats

MISSING_GROUP = "(missing)"
"""Name of the series of rows without a group."""

MAX_GROUPS = 10_000
"""Upper bound on the series in a training table; more are a column of something else."""


@dataclass(frozen=True)
class Groups:
    """The series that training saw, by the column that names them.

    Attributes:
        column: The column; empty if all rows belong to one series.
        scales: Name of a series -> centre and scale of each channel, in which it is compared.  One
            that isn't here is compared as it is.
    """

    column: str = ""
    scales: Mapping[str, tuple[list[float], list[float]]] = field(default_factory=dict)

    @classmethod
    def fit(cls, frame: pd.DataFrame, column: str | None, *, source: str) -> Groups:
        """Find the series of a training table; their scales are fitted later.

        Raises:
            InputError: If there is no such column, or it names too many.
        """
        groups = cls(column or "")
        if not groups.column:
            return groups
        names = sorted(set(groups.name_rows(frame, source=source)))
        if len(names) > min(MAX_GROUPS, max(1, len(frame) // 2)):
            raise InputError(
                f"{source}: column {column!r} names {len(names):,} series in {len(frame):,} rows; "
                f"name a column that many rows share (--group)"
            )
        return replace(groups, scales={name: ([], []) for name in names})

    def fit_scales(self, levels: Floats, placement: Placement) -> Groups:
        """Fit the scale of each series.

        Args:
            levels: Channels of the points, ``(points, C)``, in the scale of all rows together.
            placement: The points; its groups are numbered in the order of the names.
        """
        scales = {}
        for number, name in enumerate(self.scales):
            parts = [
                levels[start:stop]
                for (start, stop), group in zip(placement.segments, placement.groups, strict=True)
                if group == number
            ]
            own = np.concatenate(parts) if parts else np.zeros((1, levels.shape[1]))
            fitted = [robust_scale(channel) for channel in own.T]
            scales[name] = [c for c, _ in fitted], [s for _, s in fitted]
        return replace(self, scales=scales)

    @classmethod
    def from_json(cls, state: Mapping[str, Any], *, channels: int) -> Groups:
        """Rebuild from plain data.

        Raises:
            ValueError: If a series' scale isn't positive, or of other channels.
        """
        scales = {
            str(name): ([float(c) for c in centre], [float(s) for s in spread])
            for name, (centre, spread) in state["scales"].items()
        }
        for name, (centre, spread) in scales.items():
            if not len(centre) == len(spread) == channels or min(spread, default=1.0) <= 0:
                raise ValueError(f"series {name!r} has no such scale")
        return cls(str(state["column"]), scales)

    def name_rows(self, frame: pd.DataFrame, *, source: str) -> list[str]:
        """The series of each row.

        Raises:
            InputError: If the column that names it is missing.
        """
        names = [str(name) for name in frame.columns]
        if self.column not in names:
            raise InputError(
                f"{source}: no column {self.column!r}, which names the series of each row; it has: "
                f"{quote_names(names)}"
            )
        cells = read_cells(frame.iloc[:, names.index(self.column)], source=source).to_text()
        return [MISSING_GROUP if cell is None else cell for cell in cells.to_pylist()]

    def number_rows(self, frame: pd.DataFrame, *, source: str) -> Indices:
        """The number of each row's series, ``(n,)``: those of training first, then new ones."""
        if not self.column:
            return np.zeros(len(frame), dtype=np.int64)
        numbers = {name: number for number, name in enumerate(self.scales)}
        names = self.name_rows(frame, source=source)
        return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)

    def scale(self, levels: Floats, placement: Placement) -> Floats:
        """Channels of points in the scale of their series, ``(points, C)``."""
        known = list(self.scales.values())
        scaled = levels.copy()
        for (start, stop), group in zip(placement.segments, placement.groups, strict=True):
            if group < len(known) and known[group][0]:
                centre, spread = map(np.array, known[group])
                scaled[start:stop] = (levels[start:stop] - centre) / spread
        return scaled

    def describe_unknown(
        self, numbers: Indices, frame: pd.DataFrame, *, source: str
    ) -> dict[str, int]:
        """Note on rows of series that training didn't have -> how many there are."""
        unknown = numbers >= len(self.scales)
        if not self.column or not unknown.any():
            return {}
        names = dict.fromkeys(np.array(self.name_rows(frame, source=source))[unknown].tolist())
        return {
            f"rows are of series that training didn't have ({quote_names(names)}); these are "
            f"compared on the scale of all rows of training": int(unknown.sum())
        }
