"""From scores of encoded records to those of rows, with p-values, thresholds and probabilities.

It needs no networks: whoever computes the scores of records, the rest is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anomgan.calibration.conformal import NEVER_FLAGGED, ConformalCalibrator
from anomgan.calibration.mondrian import MondrianCalibrator
from anomgan.calibration.probability import ProbabilityCurve
from anomgan.calibration.result import ScoreResult
from anomgan.data.encoders.encoder import Encoder, Records
from anomgan.data.parse_report import ParseReport
from anomgan.errors import InputError
from anomgan.utils.types import Bools, Floats


@dataclass(frozen=True)
class Decision:
    """What scores mean: calibration, threshold, probabilities.

    Attributes:
        calibrator: Turns scores into p-values, whatever the condition.
        mondrian: Calibrates each condition separately, where the model knows conditions.
        offset: Minus the threshold on the score.
        alpha: The share of normal rows that may be flagged wrongly; None if the threshold follows
            a contamination.
        curve: From scores to probabilities, if labelled rows calibrated the detector.
    """

    calibrator: ConformalCalibrator
    mondrian: MondrianCalibrator | None = None
    offset: float = 0.0
    alpha: float | None = None
    curve: ProbabilityCurve | None = None

    def score_frame(
        self,
        encoder: Encoder,
        compute_scores: Callable[[Records], Floats],
        frame: pd.DataFrame,
        *,
        strict: bool,
        first_row: int,
        source: str,
    ) -> ScoreResult:
        """Score a frame; arguments and errors are those of :meth:`GANDetector.score_frame`.

        Args:
            encoder: Encodes its rows.
            compute_scores: Gives the scores of encoded records, one for each picture in tiles.
            frame: n rows.
            strict: Whether a cell or picture that can't be read is an error.
            first_row: Number of the first row in the input.
            source: Name of the table in messages.
        """
        if not len(frame):
            raise InputError(f"{source}: has no rows")
        values, report = encoder.transform(frame, strict=strict, first_row=first_row, source=source)
        readable = readable_index(report, first_row) >= 0
        score = report.to_rows(compute_scores(values)) if len(values) else np.empty(0)
        changes = {name: changed[readable] for name, changed in report.changed_rows.items()}
        score = self.raise_scores(score, changes)
        conditions = encoder.spec.conditions(values)

        def pad(result: Floats) -> Floats:
            """Insert NaN for the records that couldn't be read."""
            padded = np.full(len(readable), np.nan)
            padded[readable] = result
            return padded

        return ScoreResult(
            pad(score),
            pad(self.p_values(score, conditions)),
            report,
            pad(self.thresholds(conditions, len(score))),
            None if self.curve is None else pad(self.curve(score)),
            values,
        )

    def raise_scores(self, score: Floats, changes: Mapping[str, Bools]) -> Floats:
        """Raise the scores of rows in which constant columns changed above all held-out ones.

        Networks can't learn from a column that never varies, yet in real tables a constant that
        changes is the strongest evidence there is.  Such rows get the smallest p-value; among
        themselves they are ranked by the number of columns that changed, then by their scores.

        Args:
            score: Scores of n rows, ``(n,)``.
            changes: For each constant column, the rows in which it changed, ``(n,)``.
        """
        if not changes:
            return score
        count = np.sum(list(changes.values()), axis=0)
        calibrators = [self.calibrator, *(self.mondrian.calibrators if self.mondrian else ())]
        highest = max(calibrator.scores[-1] for calibrator in calibrators)
        return np.where(count > 0, np.maximum(score, highest) + count, score)

    def p_values(self, score: Floats, conditions: Floats) -> Floats:
        """Conformal p-values, ``(n,)`` in (0, 1], of rows with these scores and conditions.

        Where the model knows conditions, they are valid within each that has enough calibration
        rows.
        """
        if self.mondrian is None:
            return self.calibrator.p_values(score)
        return self.mondrian.p_values(score, conditions)

    def thresholds(self, conditions: Floats, rows: int) -> Floats:
        """The threshold on the score of each of so many rows, ``(rows,)``."""
        if self.mondrian is None or self.alpha is None:
            return np.full(rows, -self.offset)
        thresholds = self.mondrian.thresholds(self.alpha, conditions)
        return np.where(np.isfinite(thresholds), thresholds, NEVER_FLAGGED)


def readable_index(report: ParseReport, first_row: int = 0) -> NDArray[np.int64]:
    """For each row its position among those that could be read, (n,); −1 for the others."""
    readable = np.ones(report.rows, dtype=np.bool_)
    readable[[row - first_row for row in report.lost]] = False
    return np.where(readable, np.cumsum(readable) - 1, -1)
