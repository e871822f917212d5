"""From scores to the probability that a row is abnormal, learnt from labelled rows.

What learning needs of scikit-learn is imported there: every command that reads a model comes by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import expit

from anomgan.errors import InputError
from anomgan.utils.serialization import typed
from anomgan.utils.types import Floats

if TYPE_CHECKING:
    from anomgan.metrics import Labels

Kind = Literal["platt", "isotonic"]

MIN_LABELLED_ROWS = {"platt": 5, "isotonic": 20}
"""Normal and abnormal rows that each kind needs at least, so many of each."""

CV_FOLDS = 5
"""Parts of the labelled rows, of which each is judged by what was learnt from the others."""


@dataclass(frozen=True)
class Platt:
    """A logistic curve (Platt, "Probabilistic outputs for support vector machines", 1999).

    Attributes:
        slope: Of the log-odds, above 0.
        intercept: The log-odds at score 0.
    """

    slope: float
    intercept: float

    def __call__(self, score: Floats) -> Floats:
        """Probabilities of being abnormal, ``(n,)``."""
        return np.asarray(expit(self.slope * score + self.intercept))

    @classmethod
    def fit(cls, score: Floats, labels: Labels) -> Platt:
        """Learn from n scores and labels.

        Labels are drawn a little towards each other, as Platt did, so that classes that don't
        overlap give no certainty.
        """
        from sklearn.linear_model import LogisticRegression

        odd, usual = int(labels.sum()), int((~labels).sum())
        target = np.where(labels, (odd + 1) / (odd + 2), 1 / (usual + 2))
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
    """A rising line through a few points (Zadrozny and Elkan, 2002), constant beyond its ends.

    Attributes:
        score: Where they lie, ascending.
        probability: How high, never falling; neither 0 nor 1, which no number of rows can show.
    """

    score: tuple[float, ...]
    probability: tuple[float, ...]

    def __call__(self, score: Floats) -> Floats:
        """Probabilities of being abnormal, ``(n,)``."""
        return np.interp(score, self.score, self.probability)

    @classmethod
    def fit(cls, score: Floats, labels: Labels) -> Isotonic:
        """Learn from n scores and labels."""
        from sklearn.isotonic import IsotonicRegression

        least = 1 / (len(score) + 2)
        model = IsotonicRegression(y_min=least, y_max=1 - least).fit(score, labels)
        return cls(tuple(model.X_thresholds_.tolist()), tuple(model.y_thresholds_.tolist()))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"kind": "isotonic", "score": self.score, "probability": self.probability}


ProbabilityCurve = Platt | Isotonic
CURVES: dict[str, type[Platt] | type[Isotonic]] = {"platt": Platt, "isotonic": Isotonic}


def fit_probability_curve(
    score: Floats, labels: Labels, kind: str
) -> tuple[ProbabilityCurve, dict[str, Any]]:
    """Learn what scores say of the probability that a row is abnormal.

    Args:
        score: Of n labelled rows that the model wasn't fitted on; larger is more abnormal.
        labels: (n,), True for abnormal rows.
        kind: ``"platt"``, or ``"isotonic"``, which takes any rising shape and needs more rows.

    Returns:
        The curve; and its quality as plain data, measured on parts of the rows by what was learnt
        from the others: ``brier``, ``ece`` and the points of the reliability curve.

    Raises:
        InputError: If there is no such kind, rows of a class are too few, or abnormal rows have the
            lower scores.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    from anomgan.metrics import expected_calibration_error, points, reliability

    if kind not in CURVES:
        raise InputError(f"kind={kind!r}: choose one of: {', '.join(CURVES)}")
    odd, usual = int(labels.sum()), int((~labels).sum())
    if min(odd, usual) < MIN_LABELLED_ROWS[kind]:
        raise InputError(
            f"{usual:,} normal and {odd:,} abnormal rows are too few for kind {kind!r}; "
            f"{MIN_LABELLED_ROWS[kind]} of each are needed"
        )
    if roc_auc_score(labels, score) < 0.5:
        raise InputError(
            "rows labelled normal have higher scores than those labelled abnormal: either the "
            "labels are the wrong way round, or scores say nothing of them"
        )
    blind = np.empty(len(score))
    for known, new in StratifiedKFold(CV_FOLDS, shuffle=True, random_state=0).split(score, labels):
        blind[new] = CURVES[kind].fit(score[known], labels[known])(score[new])
    curve = reliability(labels, blind)
    quality = {
        "kind": kind,
        "rows": len(score),
        "abnormal_rows": odd,
        "brier": float(np.mean(np.square(blind - labels))),
        "ece": expected_calibration_error(curve),
        "reliability": points(curve),
    }
    return CURVES[kind].fit(score, labels), quality


def probability_curve_from_json(state: Mapping[str, Any] | None) -> ProbabilityCurve | None:
    """Rebuild what ``to_json`` gave; None stays None.

    Raises:
        KeyError: If something is missing, like TypeError and ValueError if it is wrong.
    """
    if state is None:
        return None
    curve = typed(CURVES[state["kind"]], {k: v for k, v in state.items() if k != "kind"})
    if isinstance(curve, Platt):
        rises = curve.slope > 0
    else:
        x, y = np.array(curve.score), np.array(curve.probability)
        rises = 0 < len(x) == len(y) and bool((np.diff(x) >= 0).all() and (np.diff(y) >= 0).all())
        rises = rises and y[0] >= 0 and y[-1] <= 1
    if not rises:
        raise ValueError("a probability curve that doesn't rise from 0 to 1")
    return curve
