"""What takes part in a benchmark, and what it is given: encoded records without labels."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.data.encoders.convert import fit_encoder
from anomgan.data.spec import Spec

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Encoded:
    """A set as numbers, made once for all contenders; each is charged the time it took.

    Attributes:
        spec: The layout of a record.
        normal: Records to fit on, ``(n, D)``.
        as_new: Those encoded as if each were new, for calibration.
        new: Records to score, ``(m, D)``.
        fit_s: Seconds to learn the columns and encode ``normal``.
        score_s: Seconds to encode ``new``.
    """

    spec: Spec
    normal: Floats
    as_new: Floats
    new: Floats
    fit_s: float
    score_s: float

    @classmethod
    def of(cls, normal: pd.DataFrame, new: pd.DataFrame) -> Encoded:
        """Encode as :class:`anomgan.estimator.GANDetector` does.

        Raises:
            InputError: If nothing can be learnt from them.
        """
        started = time.perf_counter()
        encoder, values, _ = fit_encoder(normal)
        as_new = encoder.transform_as_new(normal, values)
        fitted = time.perf_counter()
        new_values, _ = encoder.transform(new)
        done = time.perf_counter()
        return cls(encoder.spec, values, as_new, new_values, fitted - started, done - fitted)


@dataclass(frozen=True)
class Outcome:
    """What one detector made of one set.

    Attributes:
        scores: ``(m,)``, larger is more abnormal.
        fit_s: Seconds to fit.
        score_s: Seconds to score.
        peak_mb: Most memory that the process held meanwhile, see :mod:`anomgan.utils.memory`.
    """

    scores: Floats
    fit_s: float
    score_s: float
    peak_mb: float


class Contender(Protocol):
    """One training and the detectors that come of it."""

    @property
    def names(self) -> tuple[str, ...]:
        """What results call the detectors."""
        ...

    def only(self, names: Collection[str]) -> Contender:
        """The same with some of the names, at least one."""
        ...

    def run(self, table: Encoded, seed: int) -> Iterator[Outcome]:
        """Fit and score; an outcome for each name, in their order."""
        ...
