"""Probabilities of being abnormal from scores, by a curve fitted to labelled rows.

scikit-learn is imported where a curve is fitted: every command that reads a model imports this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import expit

from anomgan.errors import InputError
from anomgan.utils.serialization import build_dataclass
from anomgan.utils.types import Bools, Floats

Kind = Literal["platt", "isotonic"]

MIN_LABELLED_ROWS = {"platt": 5, "isotonic": 20}
"""Lower bound on the normal rows and on the abnormal rows, by kind of curve."""

CV_FOLDS = 5
"""Folds of the cross-validation that measures the quality of probabilities."""


@dataclass(frozen=True)
class Platt:
    """A logistic curve (Platt, "Probabilistic outputs for support vector machines", 1999).

    Attributes:
        slope: Increase of the log-odds per unit of score, above 0.
        intercept: The log-odds at score 0.
    """

    slope: float
    intercept: float

    def __call__(self, score: Floats) -> Floats:
        """Probabilities of being abnormal, ``(n,)``."""
        return np.asarray(expit(self.slope * score + self.intercept))

    @classmethod
    def fit(cls, score: Floats, labels: Bools) -> Platt:
        """Fit to n scores and labels.

        Labels are smoothed as in Platt's paper, so that classes that don't overlap don't give
        probabilities of 0 and 1.
        """
        from sklearn.linear_model import LogisticRegression

        abnormal, normal = int(labels.sum()), int((~labels).sum())
        target = np.where(labels, (abnormal + 1) / (abnormal + 2), 1 / (normal + 2))
        centre, spread = float(np.median(score)), float(np.std(score)) or 1.0
        scaled = np.tile((score - centre) / spread, 2)[:, None]
        model = LogisticRegression(C=1e6, max_iter=1000)
        model.fit(scaled, np.repeat([1, 0], len(score)), np.concatenate([target, 1 - target]))
        slope = float(model.coef_[0, 0]) / spread
        return cls(slope, float(model.intercept_[0]) - slope * centre)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": "platt", "slope": self.slope, "intercept": self.intercept}


@dataclass(frozen=True)
class Isotonic:
    """A rising polyline (Zadrozny and Elkan, 2002), constant beyond its ends.

    Attributes:
        score: The points' scores, ascending.
        probability: Their probabilities, never falling; neither 0 nor 1, which no number of rows
            can prove.
    """

    score: tuple[float, ...]
    probability: tuple[float, ...]

    def __call__(self, score: Floats) -> Floats:
        """Probabilities of being abnormal, ``(n,)``."""
        return np.interp(score, self.score, self.probability)

    @classmethod
    def fit(cls, score: Floats, labels: Bools) -> Isotonic:
        """Fit to n scores and labels."""
        from sklearn.isotonic import IsotonicRegression

        margin = 1 / (len(score) + 2)
        model = IsotonicRegression(y_min=margin, y_max=1 - margin).fit(score, labels)
        return cls(tuple(model.X_thresholds_.tolist()), tuple(model.y_thresholds_.tolist()))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": "isotonic", "score": self.score, "probability": self.probability}


ProbabilityCurve = Platt | Isotonic
CURVES: dict[str, type[Platt] | type[Isotonic]] = {"platt": Platt, "isotonic": Isotonic}


def fit_probability_curve(
    score: Floats, labels: Bools, kind: str
) -> tuple[ProbabilityCurve, dict[str, Any]]:
    """Fit a curve from scores to the probability that a row is abnormal.

    Args:
        score: Scores of n labelled rows that the model wasn't fitted on; larger is more abnormal.
        labels: (n,), True for abnormal rows.
        kind: ``"platt"``, or ``"isotonic"``, which takes any rising shape and needs more rows.

    Returns:
        The curve; and its cross-validated quality as plain data: ``brier``, ``ece`` and the points
        of the reliability curve.

    Raises:
        InputError: If there is no such kind, rows of a class are too few, or abnormal rows have the
            lower scores.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    from anomgan.metrics import curve_points, expected_calibration_error, reliability

    if kind not in CURVES:
        raise InputError(f"kind={kind!r}: choose one of: {', '.join(CURVES)}")
    abnormal, normal = int(labels.sum()), int((~labels).sum())
    if min(abnormal, normal) < MIN_LABELLED_ROWS[kind]:
        raise InputError(
            f"{normal:,} normal and {abnormal:,} abnormal rows are too few for kind {kind!r}; "
            f"{MIN_LABELLED_ROWS[kind]} of each are needed"
        )
    if roc_auc_score(labels, score) < 0.5:
        raise InputError(
            "rows labelled normal have higher scores than those labelled abnormal: either the "
            "labels are the wrong way round, or scores say nothing of them"
        )
    held_out = np.empty(len(score))
    for train, test in StratifiedKFold(CV_FOLDS, shuffle=True, random_state=0).split(score, labels):
        held_out[test] = CURVES[kind].fit(score[train], labels[train])(score[test])
    curve = reliability(labels, held_out)
    quality = {
        "kind": kind,
        "rows": len(score),
        "abnormal_rows": abnormal,
        "brier": float(np.mean(np.square(held_out - labels))),
        "ece": expected_calibration_error(curve),
        "reliability": curve_points(curve),
    }
    return CURVES[kind].fit(score, labels), quality


def probability_curve_from_json(state: Mapping[str, Any] | None) -> ProbabilityCurve | None:
    """Rebuild a curve from what its ``to_json`` returned; None stays None.

    Raises:
        KeyError: If something is missing, like TypeError and ValueError if it is wrong.
    """
    if state is None:
        return None
    curve = build_dataclass(CURVES[state["kind"]], {k: v for k, v in state.items() if k != "kind"})
    if isinstance(curve, Platt):
        is_rising = curve.slope > 0
    else:
        x, y = np.array(curve.score), np.array(curve.probability)
        is_rising = 0 < len(x) == len(y) and bool(
            (np.diff(x) >= 0).all() and (np.diff(y) >= 0).all()
        )
        is_rising = is_rising and y[0] >= 0 and y[-1] <= 1
    if not is_rising:
        raise ValueError("a probability curve that doesn't rise from 0 to 1")
    return curve
