"""What a fitted detector says of rows: scores, p-values, decisions, components, maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from anomgan.calibration.probability import Curve
from anomgan.data.encoders.base import Encoder, Records
from anomgan.data.encoders.convert import framed
from anomgan.data.parse_report import ParseReport
from anomgan.errors import InputError
from anomgan.fit_summary import OUT_OF_REACH, warn_of_pooled, warn_of_unreadable
from anomgan.scoring.fitted_ensemble import Detector

if TYPE_CHECKING:
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """What :meth:`FittedDetector.score_frame` finds out about n rows.

    Attributes:
        score: float64 (n,), larger is more abnormal; NaN for a record that couldn't be read.
        p_value: Conformal p-values (n,) in (0, 1], smaller is more abnormal; NaN likewise.
        report: What was odd about the cells.
        limit: The model's own threshold for each row (n,): that of its condition, where the model
            calibrated conditions apart; NaN likewise.
        probability: Of being abnormal (n,), if labelled rows calibrated it; NaN likewise.
        values: The encoded records that could be read.
    """

    score: Floats
    p_value: Floats
    report: ParseReport
    limit: Floats
    probability: Floats | None
    values: Records

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Whether each row lies above its limit."""
        return np.asarray(self.score > self.limit)


class FittedDetector:
    """The half of :class:`anomgan.estimator.GANDetector` that needs a fit.

    Attributes:
        encoder_: The fitted encoder.
        detector_: The fitted ensemble.
        offset_: What :meth:`decision_function` subtracts; minus the threshold of the score.
    """

    encoder_: Encoder
    detector_: Detector
    offset_: float
    _columns: list[str]  # names of the training table's columns
    _from_frame: bool  # whether that was a DataFrame
    _curve: Curve | None  # from scores to probabilities, if labelled rows taught one
    _alpha: float | None  # what the threshold is for, unless it is for a contamination

    def score_samples(self, X: Any) -> Floats:
        """Scores of n rows, float64 (n,); larger is more normal, as everywhere in scikit-learn.

        A row's score doesn't depend on the others.  It is NaN for a picture that can't be read.

        Raises:
            InputError: If the table lacks a column that the model uses.

        Warns:
            DataWarning: If there are columns the model doesn't know, cells or pictures can't be
                read, or rows are judged without their condition.
        """
        return -self.score_rows(X).score

    def decision_function(self, X: Any) -> Floats:
        """``score_samples(X) - offset_``, float64 (n,); below 0 is abnormal.  Raises as it does.

        Where the model calibrated conditions apart, the offset is that of the row's condition.
        """
        scored = self.score_rows(X)
        return scored.limit - scored.score

    def predict(self, X: Any) -> NDArray[np.int64]:
        """+1 for normal and −1 for abnormal rows, (n,).  Raises as :meth:`score_samples` does.

        A picture that can't be read isn't called normal.
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

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
        frame, values, report = self._encoded(X)
        found = pd.DataFrame(self.detector_.components(values))
        return found.reindex(_places(report, 0)).set_axis(frame.index)

    def anomaly_map(self, X: Any) -> NDArray[np.float32]:
        """Where pictures are abnormal: maps of n pictures, float32 (n, H, W).

        H and W are the model's, which ``encoder_.spec.grid`` gives, or of pictures in tiles those
        of all tiles together; larger is more abnormal.  NaN for a picture that can't be read.
        Raises as :meth:`score_samples` does.

        Raises:
            InputError: If the model was fitted on a table.
        """
        check_is_fitted(self, "detector_")
        if self.encoder_.spec.grid is None:
            raise InputError("maps are of pictures, and the model was fitted on a table")
        _, values, report = self._encoded(X)
        maps = self.encoder_.whole(self.detector_.anomaly_maps(values))
        whole = np.full((report.rows, *maps.shape[1:]), np.nan, dtype=np.float32)
        whole[_places(report, 0) >= 0] = maps
        return whole

    def _encoded(self, X: Any) -> tuple[pd.DataFrame, Records, ParseReport]:
        """Records as a frame and encoded, with warnings of what was odd."""
        check_is_fitted(self, "detector_")
        frame = self._scoring_frame(X)
        values, report = self.encoder_.transform(frame, source="X")
        warn_of_unreadable(report, "X")
        warn_of_pooled(report, "X")
        if not len(values):
            raise InputError(f"X: none of its {self.encoder_.unit} can be read")
        return frame, values, report

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
            strict: Whether a cell or picture that can't be read is an error.
            first_row: Input record of the first row, counted from 0.
            source: What messages call the table.

        Returns:
            Scores, larger for more abnormal, p-values and what was odd.

        Raises:
            InputError: If a column is missing; if ``strict``, also for what can't be read.

        Warns:
            DataWarning: In the first chunk, if there are columns the model doesn't know.
        """
        check_is_fitted(self, "detector_")
        if not len(frame):
            raise InputError(f"{source}: has no rows")
        values, report = self.encoder_.transform(
            frame, strict=strict, first_row=first_row, source=source
        )
        known = self.detector_.score(values) if len(values) else np.empty(0)
        read = _places(report, first_row) >= 0

        def whole(found: Floats) -> Floats:
            """With gaps for what couldn't be read."""
            every = np.full(len(read), np.nan)
            every[read] = found
            return every

        return Scored(
            whole(known),
            whole(self.detector_.p_values(known, values)),
            report,
            whole(self._limits(values)),
            None if self._curve is None else whole(self._curve(known)),
            values,
        )

    def _limits(self, values: Records) -> Floats:
        """The threshold of the score of each encoded row or whole picture, (n,)."""
        mondrian = self.detector_.mondrian
        if mondrian is None or self._alpha is None:
            return np.full(len(values) // self.encoder_.spec.tiles, -self.offset_)
        found = mondrian.thresholds(self._alpha, self.encoder_.spec.told(values))
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
        return self._named(X, self.encoder_, self._columns, from_frame=self._from_frame)

    def _named(
        self, X: Any, encoder: Encoder, columns: list[str], *, from_frame: bool
    ) -> pd.DataFrame:
        """X with the names of a training table's columns.

        A frame goes by its names if the training table was one; anything else by position.
        """
        if from_frame and (frame := framed(X)) is not None:
            return frame
        if encoder.nameless is not None:
            raise InputError(f"the model was fitted on {encoder.unit}: give {encoder.nameless}")
        dtype = None if from_frame else "numeric"  # the frame's columns may have held text
        X = validate_data(self, X, reset=False, dtype=dtype, ensure_all_finite="allow-nan")
        return pd.DataFrame(X, columns=columns, copy=False)


def _places(report: ParseReport, first_row: int) -> NDArray[np.int64]:
    """For each record its place among those that could be read, (n,); −1 for the others."""
    read = np.ones(report.rows, dtype=np.bool_)
    read[[row - first_row for row in report.lost]] = False
    return np.where(read, np.cumsum(read) - 1, -1)
