"""What a fitted detector says of rows: scores, p-values, decisions, components; and new rows."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from anomgan.data.tables import ParseReport, TableEncoder
from anomgan.detector import Detector
from anomgan.errors import InputError
from anomgan.facts import warn_of_pooled, warn_of_unreadable
from anomgan.parameters import are, seed_from

if TYPE_CHECKING:
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """What :meth:`FittedDetector.score_frame` finds out about n rows.

    Attributes:
        score: float64 (n,), larger is more abnormal.
        p_value: Conformal p-values (n,) in (0, 1], smaller is more abnormal.
        report: What was odd about the cells.
    """

    score: Floats
    p_value: Floats
    report: ParseReport


class FittedDetector:
    """The half of :class:`anomgan.estimator.GANDetector` that needs a fit.

    Attributes:
        encoder_: The fitted table encoder.
        detector_: The fitted ensemble.
        offset_: What :meth:`decision_function` subtracts; minus the threshold of the score.
    """

    encoder_: TableEncoder
    detector_: Detector
    offset_: float
    _columns: list[str]  # names of the training table's columns
    _from_frame: bool  # whether that was a DataFrame

    def score_samples(self, X: Any) -> Floats:
        """Scores of n rows, float64 (n,); larger is more normal, as everywhere in scikit-learn.

        A row's score doesn't depend on the others.

        Raises:
            InputError: If the table lacks a column that the model uses.

        Warns:
            DataWarning: If there are columns the model doesn't know, cells can't be read, or rows
                are judged without their condition.
        """
        return -self._scored(X).score

    def decision_function(self, X: Any) -> Floats:
        """``score_samples(X) - offset_``, float64 (n,); below 0 is abnormal.  Raises as it does."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:
        """+1 for normal and −1 for abnormal rows, (n,).  Raises as :meth:`score_samples` does."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: Any) -> Floats:
        """Conformal p-values of n rows, float64 (n,) in (0, 1]; smaller is more abnormal.

        If a row is drawn like the training rows, the chance of p ≤ a is at most a.  Raises as
        :meth:`score_samples` does.
        """
        return self._scored(X).p_value

    def components(self, X: Any) -> pd.DataFrame:
        """The aspects that make up the score, one column each, for n rows.

        0 is the median of normal rows, 1 an interquartile range more abnormal.  Raises as
        :meth:`score_samples` does.
        """
        check_is_fitted(self, "detector_")
        frame = self._scoring_frame(X)
        values, report = self.encoder_.transform(frame, source="X")
        warn_of_unreadable(report, "X")
        warn_of_pooled(report, "X")
        return pd.DataFrame(self.detector_.components(values), index=frame.index)

    def score_frame(
        self,
        frame: pd.DataFrame,
        *,
        strict: bool = False,
        first_row: int = 0,
        source: str = "the table",
    ) -> Scored:
        """Score a table, or a chunk of a longer one, whose columns go by name.

        All other scores are made by this one.

        Args:
            frame: n rows, at least one.
            strict: Whether a cell that can't be read is an error rather than missing.
            first_row: Input record of the first row, counted from 0.
            source: What messages call the table.

        Returns:
            Scores, larger for more abnormal, p-values and what was odd.

        Raises:
            InputError: If a column is missing; if ``strict``, also for a cell that can't be read.

        Warns:
            DataWarning: In the first chunk, if there are columns the model doesn't know.
        """
        check_is_fitted(self, "detector_")
        if not len(frame):
            raise InputError(f"{source}: has no rows")
        values, report = self.encoder_.transform(
            frame, strict=strict, first_row=first_row, source=source
        )
        score = self.detector_.score(values)
        return Scored(score, self.detector_.calibrator.p_values(score), report)

    def _scored(self, X: Any) -> Scored:
        check_is_fitted(self, "detector_")
        scored = self.score_frame(self._scoring_frame(X), source="X")
        warn_of_unreadable(scored.report, "X")
        warn_of_pooled(scored.report, "X")
        return scored

    def _scoring_frame(self, X: Any) -> pd.DataFrame:
        """X with the training table's column names."""
        return self._named(X, self._columns, from_frame=self._from_frame)

    def _named(self, X: Any, columns: list[str], *, from_frame: bool) -> pd.DataFrame:
        """X with the names of a training table's columns.

        A frame goes by its names if the training table was one; anything else by position.
        """
        if from_frame and isinstance(X, pd.DataFrame):
            return X
        dtype = None if from_frame else "numeric"  # the frame's columns may have held text
        X = validate_data(self, X, reset=False, dtype=dtype, ensure_all_finite="allow-nan")
        return pd.DataFrame(X, columns=columns, copy=False)

    def sample(
        self, n: int, random_state: int | np.random.RandomState | None = None
    ) -> pd.DataFrame | Floats:
        """Draw rows from the generators.

        Args:
            n: How many, at least one.
            random_state: Seed; the global random states are neither used nor changed.

        Returns:
            A DataFrame of the columns in use, conditions among them, if the model was fitted on
            one, else a float64 array (n, n_features_in_), in which unused constant columns hold
            their constant and other unused columns NaN.

        Raises:
            InputError: If n isn't a positive integer.
        """
        check_is_fitted(self, "detector_")
        if not are(Integral, n) or n < 1:
            raise InputError(f"n={n!r} must be a positive integer")
        values = self.detector_.sample(int(n), seed_from(random_state))
        frame = self.encoder_.decode(values)
        if self._from_frame:
            return frame[[name for name in self._columns if name in frame.columns]]
        rows = np.full((len(frame), len(self._columns)), np.nan)
        for dropped in self.encoder_.schema.dropped:
            if dropped.value is not None:
                # Of an array, truth values are text, and whole numbers of many digits.
                constant = {"True": 1.0, "False": 0.0}.get(str(dropped.value), dropped.value)
                rows[:, self._columns.index(dropped.name)] = float(constant)
        for name in frame.columns:
            known = frame[name].to_numpy(np.float64, na_value=np.nan)
            rows[:, self._columns.index(name)] = known
        return rows
