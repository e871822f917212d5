"""What a fitted detector says of rows: scores, p-values, decisions, components; and new rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from anomgan.data.schema import shortened
from anomgan.data.tables import ParseReport, TableEncoder
from anomgan.detector import Detector
from anomgan.errors import InputError
from anomgan.facts import OUT_OF_REACH, warn_of_pooled, warn_of_unreadable
from anomgan.parameters import are, condition_names, seed_from
from anomgan.probability import Curve

if TYPE_CHECKING:
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """What :meth:`FittedDetector.score_frame` finds out about n rows.

    Attributes:
        score: float64 (n,), larger is more abnormal.
        p_value: Conformal p-values (n,) in (0, 1], smaller is more abnormal.
        report: What was odd about the cells.
        limit: The model's own threshold for each row (n,): that of its condition, where the model
            calibrated conditions apart.
        probability: Of being abnormal (n,), if labelled rows calibrated it.
        values: The encoded rows.
    """

    score: Floats
    p_value: Floats
    report: ParseReport
    limit: Floats
    probability: Floats | None
    values: Floats

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Whether each row lies above its limit."""
        return np.asarray(self.score > self.limit)


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
    _curve: Curve | None  # from scores to probabilities, if labelled rows taught one
    _alpha: float | None  # what the threshold is for, unless it is for a contamination

    def score_samples(self, X: Any) -> Floats:
        """Scores of n rows, float64 (n,); larger is more normal, as everywhere in scikit-learn.

        A row's score doesn't depend on the others.

        Raises:
            InputError: If the table lacks a column that the model uses.

        Warns:
            DataWarning: If there are columns the model doesn't know, cells can't be read, or rows
                are judged without their condition.
        """
        return -self.score_rows(X).score

    def decision_function(self, X: Any) -> Floats:
        """``score_samples(X) - offset_``, float64 (n,); below 0 is abnormal.  Raises as it does.

        Where the model calibrated conditions apart, the offset is that of the row's condition.
        """
        scored = self.score_rows(X)
        return scored.limit - scored.score

    def predict(self, X: Any) -> NDArray[np.int64]:
        """+1 for normal and −1 for abnormal rows, (n,).  Raises as :meth:`score_samples` does."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: Any) -> Floats:
        """Conformal p-values of n rows, float64 (n,) in (0, 1]; smaller is more abnormal.

        If a row is drawn like the training rows, the chance of p ≤ a is at most a.  Raises as
        :meth:`score_samples` does.
        """
        return self.score_rows(X).p_value

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
        return Scored(
            score,
            self.detector_.p_values(score, values),
            report,
            self._limits(values),
            None if self._curve is None else self._curve(score),
            values,
        )

    def _limits(self, values: Floats) -> Floats:
        """The threshold of each encoded row's score, (n,)."""
        mondrian = self.detector_.mondrian
        if mondrian is None or self._alpha is None:
            return np.full(len(values), -self.offset_)
        found = mondrian.thresholds(self._alpha, values[:, self.encoder_.spec.record :])
        return np.where(np.isfinite(found), found, OUT_OF_REACH)

    def score_rows(self, X: Any) -> Scored:
        """All that is known of n rows at once; raises and warns as :meth:`score_samples` does."""
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
        self,
        n: int,
        random_state: int | np.random.RandomState | None = None,
        *,
        condition: Mapping[str | int, Any] | None = None,
    ) -> pd.DataFrame | Floats:
        """Draw rows from the generators.

        Args:
            n: How many, at least one.
            random_state: Seed; the global random states are neither used nor changed.
            condition: Level that is to hold for some of the conditions, by column (in arrays, also
                by position); None or NaN is the level of missing cells.  The others come as often
                as in training.

        Returns:
            A DataFrame of the columns in use, conditions among them, if the model was fitted on
            one, else a float64 array (n, n_features_in_), in which unused constant columns hold
            their constant and other unused columns NaN.

        Raises:
            InputError: If n isn't a positive integer, or the model has no such condition or level.
        """
        frames = list(self.sample_chunks(n, random_state, condition=condition))
        frame = pd.concat(frames, ignore_index=True)
        if self._from_frame:
            return frame
        rows = np.full((len(frame), len(self._columns)), np.nan)
        for dropped in self.encoder_.schema.dropped:
            if dropped.value is not None:
                truth = isinstance(dropped.value, str)  # of an array, only truth values are text
                constant = dropped.value == "True" if truth else dropped.value
                rows[:, self._columns.index(dropped.name)] = constant
        for name in frame.columns:
            known = frame[name].to_numpy(np.float64, na_value=np.nan)
            rows[:, self._columns.index(name)] = known
        return rows

    def sample_chunks(
        self,
        n: int,
        random_state: int | np.random.RandomState | None = None,
        *,
        condition: Mapping[str | int, Any] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Draw the rows of :meth:`sample` piece by piece, in memory that doesn't grow with n.

        Yields:
            Frames of the columns in use, in the training table's order.
        """
        check_is_fitted(self, "detector_")
        if not are(Integral, n) or n < 1:
            raise InputError(f"n={n!r} must be a positive integer")
        levels = self._slots(condition or {})
        for values in self.detector_.samples(int(n), seed_from(random_state), levels):
            frame = self.encoder_.decode(values)
            yield frame[[name for name in self._columns if name in frame.columns]]

    def _slots(self, condition: Mapping[str | int, Any]) -> dict[str, int]:
        """The slot of each level that is to hold, by the condition's name.

        Raises:
            InputError: If there is no such condition or level.
        """
        known = {column.name: column for column in self.encoder_.schema.conditions}
        by_label = self._from_frame
        names = condition_names(list(condition), self._columns, by_label=by_label, source="X")
        slots = {}
        for name, level in zip(names, condition.values(), strict=True):
            if not known:
                raise InputError(
                    f"condition {name!r}: the model has no conditions; fit it with some, or leave "
                    f"this out"
                )
            if name not in known:
                raise InputError(
                    f"condition {name!r}: the model has no such condition; it has: "
                    f"{shortened([repr(other) for other in known])}"
                )
            slot = known[name].slot(level)
            if slot is None:
                raise InputError(
                    f"condition {name!r}: the generator learnt no level {level!r}; it knows: "
                    f"{shortened(known[name].slots)}"
                )
            slots[name] = slot
        return slots
