"""What the page says of rows that the model has judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, kstest

from anomgan.calibrate import Floats
from anomgan.errors import InputError
from anomgan.report.model import holds

if TYPE_CHECKING:
    from anomgan.data.tables import ParseReport
    from anomgan.estimator import GANDetector

TOP = 20
"""Most abnormal rows that are shown one by one."""

MOST_CELLS = 12
"""Columns of such a row that are shown, those that explain most first."""

MOST_NOTES = 20
"""Oddities of the input that are told."""


@dataclass(frozen=True)
class Batch:
    """Rows and what the model says of them.

    Attributes:
        source: What to call them.
        frame: n rows in the model's columns.
        names: What to call each row, (n,): its number, or the column that names rows.
        score: (n,), larger is more abnormal.
        p_value: (n,).
        flagged: (n,), by the model's own rule.
        labels: (n,), whether abnormal, if that is known.
        report: What was odd about the cells.
        row_word: What goes before a row's name.
    """

    source: str
    frame: pd.DataFrame
    names: list[str]
    score: Floats
    p_value: Floats
    flagged: NDArray[np.bool_]
    labels: NDArray[np.bool_] | None
    report: ParseReport
    row_word: str = "row"

    @classmethod
    def judge(
        cls,
        detector: GANDetector,
        frame: pd.DataFrame,
        *,
        labels: ArrayLike | None,
        names: list[str] | None,
        source: str,
    ) -> Batch:
        """Score rows.

        Raises:
            InputError: If there are none, a column is missing, or labels are of another length or
                neither 0 nor 1.
        """
        if not len(frame):
            raise InputError(f"{source}: has no rows to report on")
        truth = None if labels is None else _truth(labels, len(frame), source)
        scored = detector.score_frame(frame, source=source)
        flagged = scored.score > -detector.offset_
        names = [str(name) for name in frame.index] if names is None else names
        return cls(
            source, frame, names, scored.score, scored.p_value, flagged, truth, scored.report
        )

    def drift(self) -> Iterator[str]:
        """Whether the rows as a whole are like the training rows, in sentences."""
        uniform = float(kstest(self.p_value, "uniform").pvalue)
        yield (
            f"The p-values {'are spread evenly enough' if uniform >= 0.01 else 'are not even'} "
            f"(Kolmogorov–Smirnov test against the even distribution: p = {uniform:.2g})."
        )

    @property
    def top(self) -> NDArray[np.intp]:
        """Places of the most abnormal rows, the first the worst."""
        return np.argsort(-self.score, kind="stable")[:TOP]

    def facts(self, alpha: float) -> dict[str, Any]:
        """What to say of the rows as a whole."""
        notes = list(self.report.lines())
        return {
            "source": self.source,
            "rows": len(self.score),
            "flagged": int(self.flagged.sum()),
            "share": float(self.flagged.mean()),
            "expected": alpha * len(self.score),
            "surprising": binom.sf(self.flagged.sum() - 1, len(self.score), alpha) < 0.001,
            "row_word": self.row_word,
            "drift": list(self.drift()),
            "notes": notes[:MOST_NOTES],
            "more_notes": max(0, len(notes) - MOST_NOTES),
            "abnormal": None if self.labels is None else int(self.labels.sum()),
        }


def _truth(labels: ArrayLike, rows: int, source: str) -> NDArray[np.bool_]:
    """Labels as truth values.

    Raises:
        InputError: If their number or what they are is wrong.
    """
    given: NDArray[Any] = np.asarray(labels)
    if given.shape != (rows,):
        raise InputError(
            f"{source}: has {rows:,} rows, but there are labels of shape {given.shape}"
        )
    if not np.isin(given, (0, 1)).all():
        raise InputError(f"{source}: labels must be 0 for normal or 1 for abnormal rows")
    return given.astype(np.bool_)


def cells(detector: GANDetector, row: pd.Series[Any]) -> Iterator[tuple[str, str]]:
    """Columns of a row and their cells as text, conditions first."""
    schema = detector.encoder_.schema
    for column in [*schema.conditions, *schema.columns]:
        cell = row[column.name]
        yield column.name, "missing" if pd.isna(cell) else str(cell)


def top_rows(detector: GANDetector, batch: Batch) -> list[dict[str, Any]]:
    """The most abnormal rows one by one: what the model says of them, and their cells."""
    places = batch.top
    frame = batch.frame.iloc[places]
    values, _ = detector.encoder_.transform(frame, source=batch.source, first_row=1)
    aspects = detector.detector_.components(values)
    schema = detector.encoder_.schema
    described = {column.name: holds(column) for column in (*schema.columns, *schema.conditions)}
    rows = []
    for at, place in enumerate(places):
        known = list(cells(detector, frame.iloc[at]))
        rows.append(
            {
                "name": batch.names[place],
                "score": batch.score[place],
                "p_value": batch.p_value[place],
                "flagged": batch.flagged[place],
                "abnormal": None if batch.labels is None else batch.labels[place],
                "aspects": [(name, values[at]) for name, values in aspects.items()],
                "sentence": "",
                "explained": False,
                "picture": [],
                "cells": [
                    {"column": name, "value": value, "normal": described[name]}
                    for name, value in known[:MOST_CELLS]
                ],
                "more": max(0, len(known) - MOST_CELLS),
            }
        )
    return rows
