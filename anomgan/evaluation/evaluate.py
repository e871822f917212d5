"""How well a fitted detector does on labelled rows: with intervals, by subgroup, beside others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import fisher_exact
from sklearn.preprocessing import StandardScaler

from anomgan.calibration.conformal import binomial_interval
from anomgan.errors import InputError
from anomgan.evaluation.baselines import SKLEARN
from anomgan.metrics import Labels, checked_labels, metrics, points, reliability
from anomgan.utils.types import Floats

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector


PEERS = ("iforest", "knn")
"""The simple detectors to compare with."""

MOST_GROUPS = 20
"""Subgroups that are told apart; more distinct numbers are put into quarters, and of more levels
the rarest become one group."""

MISSING, REST = "(missing)", "(others)"

Interval = tuple[float, float]


@dataclass(frozen=True)
class Group:
    """What happens to one subgroup.

    Attributes:
        column: The column that makes groups.
        level: Its value.
        rows: Rows of the group.
        abnormal: Those of them that are labelled abnormal.
        false_positives: Normal rows that were flagged.
        false_positive_rate: Their share among the group's normal rows; None without any.
        interval: Where that share lies, with 95% confidence.
        p_value: Of the hypothesis that normal rows of the group are flagged as often as all others
            (Fisher's exact test), times the number of groups (Bonferroni), at most 1.
        recall: Share of the abnormal rows that was flagged; None without any.
    """

    column: str
    level: str
    rows: int
    abnormal: int
    false_positives: int
    false_positive_rate: float | None
    interval: Interval | None
    p_value: float
    recall: float | None


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        rows: Labelled rows.
        abnormal: Those labelled abnormal.
        metrics: As :func:`anomgan.metrics.metrics` gives them.
        intervals: For each metric where it lies with 95% confidence, by bootstrap.
        confusion: Counts ``true_positives`` and so on, at the model's threshold.
        peers: Metrics of simple detectors fitted on the same normal rows, by name.
        peer_intervals: For each of them where the model's AUROC and average precision *less* its
            own lie, on the same bootstrap samples.
        groups: Subgroups.
        reliability: Points of the reliability curve, where there are probabilities.
        score: The model's scores, ``(n,)``; larger is more abnormal.
        probability: Of being abnormal, ``(n,)``, if labelled rows calibrated the model.
        labels: (n,), True for abnormal rows.
    """

    rows: int
    abnormal: int
    metrics: dict[str, float]
    intervals: dict[str, Interval]
    confusion: dict[str, int]
    peers: dict[str, dict[str, float]]
    peer_intervals: dict[str, dict[str, Interval]]
    groups: list[Group]
    reliability: list[dict[str, float]]
    score: Floats
    probability: Floats | None
    labels: Labels

    def to_json(self) -> dict[str, Any]:
        """All but the rows themselves, as plain data."""
        state = asdict(self)
        for name in ("score", "probability", "labels"):
            del state[name]
        return state


def evaluate(
    detector: GANDetector,
    frame: pd.DataFrame,
    labels: ArrayLike,
    *,
    by: pd.DataFrame | None = None,
    normal: pd.DataFrame | None = None,
    bootstrap: int = 300,
    seed: int = 0,
    source: str = "the table",
) -> Evaluation:
    """Compare what a detector says of labelled rows with the truth.

    Args:
        detector: A fitted detector.
        frame: n rows with the training table's columns.
        labels: (n,), 1 for abnormal rows and 0 for normal ones.
        by: Columns that make subgroups, ``(n, …)``.
        normal: The training table, on which simple detectors are fitted through the model's own
            encoder; without it there are none.
        bootstrap: Samples of the rows, drawn with replacement from either class; 0 for none.
        seed: Seed of bootstrap and peers.
        source: What messages call the table.

    Raises:
        InputError: If labels are of one class or of another number than rows, or a column that the
            model needs is missing.
    """
    truth = checked_labels(labels)
    if len(truth) != len(frame):
        raise InputError(
            f"{source}: {len(truth):,} labels for {len(frame):,} rows; give one for each"
        )
    scored = detector.score_frame(frame, source=source)
    columns: dict[str, NDArray[Any]] = {"score": scored.score, "flagged": scored.flagged}
    if scored.probability is not None:
        columns["probability"] = scored.probability
    others = {} if normal is None else _peer_scores(detector, normal, scored.values, seed)
    intervals, peer_intervals = _bootstrapped(truth, columns, others, bootstrap, seed)
    flagged = scored.flagged
    curve = None if scored.probability is None else reliability(truth, scored.probability)
    return Evaluation(
        rows=len(truth),
        abnormal=int(truth.sum()),
        metrics=_judged(truth, columns),
        intervals=intervals,
        confusion={
            "true_positives": int((truth & flagged).sum()),
            "false_positives": int((~truth & flagged).sum()),
            "false_negatives": int((truth & ~flagged).sum()),
            "true_negatives": int((~truth & ~flagged).sum()),
        },
        peers={name: metrics(truth, score) for name, score in others.items()},
        peer_intervals=peer_intervals,
        groups=[] if by is None else subgroups(truth, flagged, by),
        reliability=[] if curve is None else points(curve),
        score=scored.score,
        probability=scored.probability,
        labels=truth,
    )


def subgroups(labels: ArrayLike, flagged: ArrayLike, by: pd.DataFrame) -> list[Group]:
    """Whether some groups of rows are flagged more often than others.

    Args:
        labels: (n,), 1 for abnormal rows.
        flagged: (n,), whether each row was flagged.
        by: Columns that make groups, each for itself, ``(n, …)``.
    """
    truth, chosen = np.asarray(labels) > 0, np.asarray(flagged) > 0
    found = []
    for name in by.columns:
        levels = _levels(by[name])
        names = levels.unique()
        for level in sorted(names):
            own = (levels == level).to_numpy()
            found.append(_group(str(name), level, own, truth, chosen, len(names)))
    return found


def _group(
    name: str, level: str, own: NDArray[np.bool_], truth: Labels, flagged: Labels, groups: int
) -> Group:
    usual, odd = own & ~truth, own & truth
    hits, rows = int(flagged[usual].sum()), int(usual.sum())
    rest = flagged[~own & ~truth]
    counts = [[hits, rows - hits], [int(rest.sum()), int((~rest).sum())]]
    return Group(
        column=name,
        level=level,
        rows=int(own.sum()),
        abnormal=int(odd.sum()),
        false_positives=hits,
        false_positive_rate=hits / rows if rows else None,
        interval=binomial_interval(hits, rows) if rows else None,
        p_value=min(1.0, groups * float(fisher_exact(counts).pvalue)),
        recall=float(flagged[odd].mean()) if odd.any() else None,
    )


def _levels(column: pd.Series[Any]) -> pd.Series[Any]:
    """Groups that a column makes, as text."""
    missing = column.isna()
    many = column.nunique() > MOST_GROUPS
    if many and (
        pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)
    ):
        quarters = pd.qcut(column, 4, duplicates="drop")
        return quarters.astype(object).map(str).mask(missing, MISSING)
    text = column.astype(object).map(str).mask(missing, MISSING)
    if not many:
        return text
    kept = text.value_counts().index[: MOST_GROUPS - 1]
    return text.where(text.isin(kept), REST)


def _peer_scores(
    detector: GANDetector, normal: pd.DataFrame, new: Floats, seed: int
) -> dict[str, Floats]:
    """Scores of simple detectors that see what the model's encoder makes of the columns."""
    rows, _ = detector.encoder_.transform(normal, source="the normal rows")
    scaler = StandardScaler().fit(rows)
    fitted = {name: SKLEARN[name](scaler.transform(rows), seed) for name in PEERS}
    return {name: score(scaler.transform(new)) for name, score in fitted.items()}


def _bootstrapped(
    truth: Labels,
    columns: Mapping[str, NDArray[Any]],
    others: Mapping[str, Floats],
    samples: int,
    seed: int,
) -> tuple[dict[str, Interval], dict[str, dict[str, Interval]]]:
    """Percentile intervals of metrics, and of what the model has more than others."""
    rng = np.random.default_rng(seed)
    classes = np.flatnonzero(truth), np.flatnonzero(~truth)
    own: list[dict[str, float]] = []
    more: dict[str, list[dict[str, float]]] = {name: [] for name in others}
    for _ in range(samples):
        rows = np.concatenate([rng.choice(some, len(some)) for some in classes])
        found = _judged(truth[rows], {name: column[rows] for name, column in columns.items()})
        own.append(found)
        for name, score in others.items():
            peer = metrics(truth[rows], score[rows], ks=())
            compared = ("auroc", "average_precision")
            more[name].append({key: found[key] - peer[key] for key in compared})
    return _intervals(own), {name: _intervals(each) for name, each in more.items()}


def _judged(truth: Labels, columns: Mapping[str, NDArray[Any]]) -> dict[str, float]:
    return metrics(
        truth,
        columns["score"],
        flagged=columns["flagged"],
        probability=columns.get("probability"),
    )


def _intervals(found: Sequence[Mapping[str, float]]) -> dict[str, Interval]:
    if not found:
        return {}
    low, high = np.quantile(pd.DataFrame(found), [0.025, 0.975], axis=0)
    bounds = zip(low.tolist(), high.tolist(), strict=True)
    return dict(zip(found[0], bounds, strict=True))
