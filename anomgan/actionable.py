"""What people do with a fitted detector's scores: explain them."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from anomgan.detector import Detector
from anomgan.errors import InputError
from anomgan.explain import Explained, Explainer
from anomgan.parameters import are


class Actionable:
    """The part of :class:`anomgan.fitted.FittedDetector` that gives scores a meaning."""

    encoder_: Any
    detector_: Detector
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
        self._scored(X)  # warns of what is odd about the rows
        return explainer(self._scoring_frame(X), top=top, source="X").lines

    def explain_frame(
        self, frame: pd.DataFrame, *, top: int | None = None, source: str = "the table"
    ) -> Explained:
        """Explain a table whose columns go by name; arguments and errors as of :meth:`explain`.

        What is odd about its cells isn't told.
        """
        return self._explains()(frame, top=top, source=source)

    def _explains(self) -> Explainer:
        """What explains this detector's scores; it remembers the normal rows that it generated.

        Raises:
            InputError: If the model is of pictures.
        """
        check_is_fitted(self, "detector_")
        if self.encoder_.spec.grid is not None:
            raise InputError("explain: the model is of pictures, which have no columns to blame")
        known = self.__dict__.get("_explainer")
        if known is None or known.detector is not self.detector_:
            self._explainer = Explainer(self.encoder_, self.detector_)
        return self._explainer
