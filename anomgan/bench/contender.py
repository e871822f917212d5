"""The interface of a benchmark's detectors: encoded records without labels in, scores out."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import pandas as pd

from anomgan.data.encoders.convert import fit_encoder
from anomgan.data.spec import Spec
from anomgan.utils.types import Bools, Floats


@dataclass(frozen=True)
class EncodedTable:
    """A set as numbers, encoded once for all contenders; each is charged the time it took.

    Attributes:
        spec: The layout of a record.
        normal: Training records, ``(n, D)``.
        as_new: The same, each encoded as if it weren't among the training rows; for calibration.
        new: Records to score, ``(m, D)``.
        changes: For each column that was constant in training, where it changed, ``(m,)``.
        fit_s: Seconds to fit the encoder and encode ``normal``.
        score_s: Seconds to encode ``new``.
    """

    spec: Spec
    normal: Floats
    as_new: Floats
    new: Floats
    changes: Mapping[str, Bools]
    fit_s: float
    score_s: float

    @classmethod
    def of(cls, normal: pd.DataFrame, new: pd.DataFrame, *, detailed: bool = False) -> EncodedTable:
        """Encode as :class:`anomgan.estimator.GANDetector` does.

        Args:
            normal: Training records.
            new: Records to score.
            detailed: Whether pictures are encoded for a backbone.

        Raises:
            InputError: If no encoder can be fitted to them.
        """
        started = time.perf_counter()
        encoder, values, _ = fit_encoder(normal, detailed=detailed)
        as_new = encoder.transform_as_new(normal, values)
        fitted = time.perf_counter()
        new_values, report = encoder.transform(new)
        done = time.perf_counter()
        return cls(
            encoder.spec,
            values,
            as_new,
            new_values,
            report.changed_rows,
            fitted - started,
            done - fitted,
        )


@dataclass(frozen=True)
class DetectorRun:
    """Result of one detector on one set.

    Attributes:
        scores: ``(m,)``; larger is more abnormal.
        fit_s: Seconds to fit.
        score_s: Seconds to score.
        peak_mb: Peak memory of the process meanwhile, in MB; see :mod:`anomgan.utils.memory`.
        flagged: ``(m,)``, decisions of a detector of series at the threshold of its calibration.
    """

    scores: Floats
    fit_s: float
    score_s: float
    peak_mb: float
    flagged: Bools | None = None


Table = TypeVar("Table", contravariant=True)


class Contender(Protocol[Table]):
    """One fit, and the detectors (ways to score) that share it.

    A ``Table`` is what they are given: :class:`EncodedTable`, or a split series.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the detectors in the results."""
        ...

    def select(self, names: Collection[str]) -> Contender[Table]:
        """The same fit for some of the names, at least one."""
        ...

    def run(self, table: Table, seed: int) -> Iterator[DetectorRun]:
        """Fit and score; yields a run for each name, in their order."""
        ...
