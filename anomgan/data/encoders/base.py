"""The face that every encoder shows, and what they share: conditions beside a record."""

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

FEWEST_ROWS = 5
"""Training records below which nothing can be said of their spread."""

Records = NDArray[Any]
"""Encoded records, (n, D): finite numbers, float64 or a narrower type."""


class Encoder(ABC):
    """Turns frames, one record a row, into arrays of finite numbers and back.

    Attributes:
        kind: What kind of data it encodes, as :meth:`anomgan.config.Config.make` knows it.
        unit: What messages call the records.
        array_input: How records may come other than as a frame, if not as a 2-D array.
        schema: What is known of the columns, conditions among them.
    """

    kind: ClassVar[str]
    unit: ClassVar[str]
    array_input: ClassVar[str | None] = None
    schema: Schema

    @property
    @abstractmethod
    def spec(self) -> Spec:
        """The D entries of an encoded record."""

    @property
    @abstractmethod
    def columns(self) -> Sequence[str]:
        """Names of the training frame's columns, in any order, those left out among them."""

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
        """Encode a frame or a chunk of one; the frame stays as it is.

        Args:
            frame: n rows.
            strict: Whether what can't be read is an error.
            learning: Whether the records will be learnt from, which bears fewer odd ones.
            first_row: Input record of the first row, from 0; larger for a later chunk.
            source: What messages call the input.

        Returns:
            Encoded records, (n, D) less those that ``lost`` of the report names, and what was odd.

        Raises:
            InputError: If the frame isn't of this kind; if ``strict``, for what can't be read.
        """

    def transform_as_new(self, frame: pd.DataFrame, values: Records) -> Records:
        """The training records encoded as if each were new: what calibration has to see.

        The same, unless an encoder learns which values there are.

        Args:
            frame: The training frame, n rows.
            values: What :meth:`transform` gave for it; stays as it is.
        """
        return values

    @abstractmethod
    def restore(self, values: Floats, columns: Sequence[str], *, as_frame: bool) -> Any:
        """Encoded records, (n, D), as the user's own: undoes :meth:`transform` as far as can be.

        Args:
            values: Generated records, too.
            columns: The order of the columns.
            as_frame: Whether the training records came as a frame.
        """

    def merge_tiles(self, tiles: NDArray[Any]) -> NDArray[Any]:
        """What belongs to records, (n, …), as what belongs to the user's rows."""
        return tiles

    @abstractmethod
    def summary(self) -> dict[str, str]:
        """What one record is, in a few labels and texts."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain data; :func:`anomgan.data.encoders.convert.encoder_from_json` rebuilds from it."""

    @cached_property
    def _given(self) -> list[tuple[ConditionColumn, slice]]:
        """Conditions and their entries."""
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
        """Fill the entries of conditions, and note what is odd about them.

        Args:
            frame: n rows.
            positions: Of the conditions' columns in it.
            out: (n, D), filled in place.
            report: Filled in place.
            first_row: Input record of the first row.
            source: What messages call the input.
        """
        for given, entries in self._given:
            series = frame.iloc[:, positions[given.name]]
            slots = given.parse(read_cells(series, first_row=first_row, source=source)).values
            given.encode(slots, out[:, entries], None)
            _note_condition(report, given, slots)


def _note_condition(report: ParseReport, column: ConditionColumn, slots: Floats) -> None:
    """Enter which cells of a condition don't say what is normal."""
    missing = int(np.count_nonzero(np.isnan(slots)))
    gaps = 0 if column.gap else missing
    unseen = int(np.count_nonzero(slots == UNSEEN))
    count(report.missing, column.name, missing)
    count(report.unexpected, column.name, gaps)
    count(report.unseen, column.name, unseen)
    count(report.pooled, column.name, gaps + unseen + int(np.count_nonzero(slots == RARE)))


def count(counts: dict[str, int], name: str, number: int) -> None:
    """Enter a number that isn't 0."""
    if number:
        counts[name] = number
