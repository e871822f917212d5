"""What people do with a fitted detector's scores: explain them, calibrate them anew."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from anomgan.calibration.conformal import Floats, share_interval
from anomgan.calibration.probability import Curve
from anomgan.calibration.probability import fit as fit_curve
from anomgan.data.encoders.table import TableEncoder
from anomgan.errors import InputError
from anomgan.explain.explainer import Explained, Explainer
from anomgan.fit_summary import calibration_facts, flagging_threshold
from anomgan.fitted import FittedDetector
from anomgan.params import are
from anomgan.persistence.model_store import plain


class Actionable(FittedDetector):
    """A fitted detector whose scores are given a meaning."""

    training_facts_: dict[str, Any]
    alpha: float
    contamination: float | None
    _explainer: Explainer

    def explain(self, X: Any, top: int | None = None) -> pd.DataFrame:
        """Why rows are as abnormal as they are, column by column.

        Beside each row stands the nearest normal one: a generated record lends it the fewest cells
        that make it normal.  What differs contributes; the contributions of a row add up to its
        score's excess over that of the normal row.

        Args:
            X: n rows.
            top: Columns to give of each row, those that contribute most; all by default.

        Returns:
            A line for each row and column: ``row`` (counted from 0), ``rank`` (1 contributes most),
            ``column``, ``contribution`` (in units of the score, larger for more abnormal, 0 where
            the cell needn't change), ``observed``, ``expected`` (the cell of the normal row) and
            ``sentence``.

        Raises:
            InputError: As ``score_samples``; if the model is of pictures, or ``top`` isn't a
                positive integer.

        Warns:
            DataWarning: As ``score_samples``.
        """
        if top is not None and (not are(Integral, top) or top < 1):
            raise InputError(f"top={top!r} must be a positive integer")
        explainer = self._explains()
        self.score_rows(X)  # warns of what is odd about the rows
        return explainer(self._scoring_frame(X), top=top, source="X").lines

    def explain_frame(
        self, frame: pd.DataFrame, *, top: int | None = None, source: str = "the table"
    ) -> Explained:
        """Explain a table whose columns go by name; arguments and errors as of :meth:`explain`.

        What is odd about its cells isn't told.
        """
        return self._explains()(frame, top=top, source=source)

    def calibrate(
        self,
        X: Any = None,
        y: Any = None,
        *,
        alpha: float | None = None,
        kind: str = "platt",
        source: str = "X",
    ) -> Self:
        """Set the threshold anew, or learn from labelled rows what scores say of probabilities.

        Nothing is trained.  p-values stay as they are.

        Args:
            X: n rows that the model was *not* fitted on: on its training rows a model is too sure.
            y: Their labels (n,), 1 for abnormal and 0 for normal.
            alpha: Share of normal rows that may be flagged wrongly, in (0, 1), as at fit; replaces
                a contamination, too.
            kind: How scores become probabilities: ``"platt"`` by a logistic curve, ``"isotonic"``
                by any rising one, which takes more rows.
            source: What messages call the rows.

        Returns:
            The detector itself, changed: its threshold is alpha's, and with labels it has
            :meth:`predict_proba`.  ``training_facts_["calibration"]`` and ``["probability"]`` say
            how good that is.

        Raises:
            InputError: If nothing is given, or a value, the rows or the labels can't be used.

        Warns:
            DataWarning: If the calibration rows are too few for ``alpha``; as ``score_samples``.
        """
        check_is_fitted(self, "detector_")
        if X is None and y is None and alpha is None:
            raise InputError("nothing to calibrate by: give alpha, or labelled rows")
        if (X is None) != (y is None):
            raise InputError("labelled rows are rows and their labels; give both")
        if alpha is not None and not (are(Real, alpha) and 0 < alpha < 1):
            raise InputError(f"alpha={alpha!r} must lie between 0 and 1")
        curve: Curve | None = None
        quality: dict[str, Any] = {}
        if X is not None:
            from anomgan.metrics import checked_labels  # late: few commands need it

            labels = checked_labels(y)
            scored = self.score_rows(X)
            if len(labels) != len(scored.score):
                raise InputError(
                    f"{source}: {len(labels):,} labels for {len(scored.score):,} rows; "
                    f"give one for each"
                )
            curve, quality = fit_curve(scored.score, labels, kind)
        if alpha is not None:
            self.alpha = self._alpha = float(alpha)
            self.contamination = None
            self.offset_ = -flagging_threshold(self.detector_.calibrator, self.alpha)
            facts = calibration_facts(
                self.encoder_,
                self.detector_,
                rule="alpha",
                threshold=-self.offset_,
                alpha=self.alpha,
            )
            self.training_facts_ = self.training_facts_ | {"calibration": plain(facts)}
        if curve is not None:
            self._curve = curve
            normal = scored.score[~labels] > self._limits(scored.values)[~labels]
            quality["false_positives"] = int(normal.sum())
            quality["false_positive_interval"] = share_interval(int(normal.sum()), len(normal))
            self.training_facts_ = self.training_facts_ | {"probability": plain(quality)}
        return self

    def _calibrated(self) -> bool:
        """Whether labelled rows told what scores say of probabilities."""
        if self.__dict__.get("_curve") is None:
            raise AttributeError("no labelled rows calibrated this detector; see `calibrate`")
        return True

    @available_if(_calibrated)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Floats:
        """Probabilities of n rows, float64 (n, 2): normal, abnormal.

        They hold where abnormal rows are as common as among the labelled ones.  Only there after
        :meth:`calibrate` with labelled rows.  Raises as ``score_samples`` does.
        """
        abnormal = np.asarray(self.score_rows(X).probability, dtype=np.float64)
        return np.stack([1 - abnormal, abnormal], axis=1)

    def _explains(self) -> Explainer:
        """What explains this detector's scores; it remembers the normal rows that it generated.

        Raises:
            InputError: If the model is of pictures.
        """
        check_is_fitted(self, "detector_")
        if not isinstance(self.encoder_, TableEncoder):
            raise InputError("explain: the model is of pictures, which have no columns to blame")
        known = self.__dict__.get("_explainer")
        if known is None or known.detector is not self.detector_:
            self._explainer = Explainer(self.encoder_, self.detector_)
        return self._explainer
