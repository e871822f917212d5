"""The base class of encoders: convert frames to arrays and back, with conditions beside records."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.data.parse_report import ParseReport
from anomgan.data.spec import Spec
from anomgan.data.table.cells import read_cells
from anomgan.data.table.columns.condition import RARE, UNSEEN, ConditionColumn
from anomgan.data.table.schema import Schema
from anomgan.utils.types import Floats

MIN_TRAINING_ROWS = 5
"""Fewest training records, since their spread has to be estimated."""

Records = NDArray[Any]
"""Encoded records, ``(n, D)``: finite numbers, float64 or a narrower type."""


class Encoder(ABC):
    """Convert frames, one record per row, to arrays of finite numbers and back.

    Attributes:
        kind: The kind of data, as :meth:`anomgan.config.Config.make` takes it.
        unit: What messages call the records.
        array_input: Which input other than frames is accepted; None for 2-D arrays.
        schema: The columns, conditions among them.
    """

    kind: ClassVar[str]
    unit: ClassVar[str]
    array_input: ClassVar[str | None] = None
    schema: Schema

    @property
    @abstractmethod
    def spec(self) -> Spec:
        """The layout of the D entries of an encoded record."""

    @property
    @abstractmethod
    def columns(self) -> Sequence[str]:
        """Names of all columns of the training frame, in any order."""

    @property
    def placing_columns(self) -> Sequence[str]:
        """Columns that say where rows belong, and aren't learnt from."""
        return ()

    @property
    def dependent_rows(self) -> int:
        """Neighbouring rows whose scores go together; 1 if rows are independent."""
        return 1

    @abstractmethod
    def transform(
        self,
        frame: pd.DataFrame,
        *,
        strict: bool = False,
        learning: bool = False,
        first_row: int = 0,
        source: str = "the input",
    ) -> tuple[Records, ParseReport]:
        """Encode a frame, or a chunk of one, without modifying it.

        Args:
            frame: n rows.
            strict: Whether unreadable input is an error.
            learning: Whether the records are for training, which excludes infinite numbers.
            first_row: Number of the first row in the whole input, from 0.
            source: What messages call the input.

        Returns:
            Encoded records, ``(n, D)`` without those in ``lost`` of the report, and the report.

        Raises:
            InputError: If the frame is of another kind; if ``strict``, for unreadable input.
        """

    def transform_as_new(self, frame: pd.DataFrame, values: Records) -> Records:
        """Encode training records as if each were new, for calibration.

        This differs from :meth:`transform` only if fitting the encoder depends on single records.

        Args:
            frame: The training frame, n rows.
            values: The frame as encoded by :meth:`transform`; it isn't modified.
        """
        return values

    @abstractmethod
    def restore(self, values: Floats, columns: Sequence[str], *, as_frame: bool) -> Any:
        """Convert encoded or generated records back to the user's form.

        Args:
            values: Encoded records, ``(n, D)``.
            columns: The training frame's columns in their order.
            as_frame: Whether the training input was a frame.
        """

    def merge_tiles(self, tiles: NDArray[Any]) -> NDArray[Any]:
        """Merge arrays of records, ``(n · tiles, …)``, to those of the user's rows, ``(n, …)``."""
        return tiles

    @abstractmethod
    def summary(self) -> dict[str, str]:
        """Label -> text, a few lines that describe a record."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain data for :func:`anomgan.data.encoders.convert.encoder_from_json`."""

    @cached_property
    def _condition_entries(self) -> list[tuple[ConditionColumn, slice]]:
        """Each condition column with its entries."""
        spans = [span for span in self.spec.spans if span.kind == "condition"]
        return [(c, span.slice) for c, span in zip(self.schema.conditions, spans, strict=True)]

    def _encode_conditions(
        self,
        frame: pd.DataFrame,
        positions: dict[str, int],
        out: Records,
        report: ParseReport,
        *,
        first_row: int,
        source: str,
    ) -> None:
        """Fill the entries of conditions and report unusual cells.

        Args:
            frame: n rows.
            positions: Name -> position of columns in the frame.
            out: Encoded records, ``(n, D)``, filled in place.
            report: Filled in place.
            first_row: Number of the first row in the whole input.
            source: What messages call the input.
        """
        for condition, entries in self._condition_entries:
            series = frame.iloc[:, positions[condition.name]]
            cells = read_cells(series, first_row=first_row, source=source)
            slots = condition.parse(cells).values
            condition.encode(slots, out[:, entries], None)
            _report_condition(report, condition, slots)


def _report_condition(report: ParseReport, column: ConditionColumn, slots: Floats) -> None:
    """Count the cells of a condition that are missing or have no slot."""
    missing = int(np.count_nonzero(np.isnan(slots)))
    gaps = 0 if column.gap else missing
    unseen = int(np.count_nonzero(slots == UNSEEN))
    set_count(report.missing, column.name, missing)
    set_count(report.unexpected, column.name, gaps)
    set_count(report.unseen, column.name, unseen)
    set_count(report.pooled, column.name, gaps + unseen + int(np.count_nonzero(slots == RARE)))


def set_count(counts: dict[str, int], name: str, number: int) -> None:
    """Set an entry unless the number is 0."""
    if number:
        counts[name] = number
