"""Evaluate a detector on labelled rows: metrics with intervals, by subgroup, beside baselines."""

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
from anomgan.calibration.result import ScoreResult
from anomgan.errors import InputError
from anomgan.evaluation.baselines import SKLEARN, append_changes
from anomgan.metrics import check_labels, curve_points, metrics, reliability
from anomgan.utils.types import Bools, Floats

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector


PEER_LABELS = {"iforest": "isolation forest", "knn": "nearest neighbours"}
"""The baselines of :mod:`anomgan.evaluation.baselines` to compare with, and their labels."""

METRIC_LABELS = {
    "auroc": "AUROC",
    "average_precision": "average precision",
    "best_f1": "best F1 over all thresholds",
    "f1": "F1 at the threshold",
    "precision": "precision at the threshold",
    "recall": "recall at the threshold",
    "false_positive_rate": "false positive rate at the threshold",
    "fpr_at_95_tpr": "false positive rate at 95% recall",
    "precision_at_10": "precision among the first 10",
    "precision_at_50": "precision among the first 50",
    "brier": "Brier score of probabilities",
    "ece": "expected calibration error",
}
"""Bools of the main metrics, in the order in which a report shows them."""

MAX_GROUPS = 20
"""Subgroups of a column: of more distinct numbers quartiles are made, and of more levels the rarest
become one group."""

MISSING, REST = "(missing)", "(others)"

Interval = tuple[float, float]


@dataclass(frozen=True)
class Group:
    """Error rates in one subgroup.

    Attributes:
        column: The column that makes groups.
        level: Its value.
        rows: Rows of the group.
        abnormal: Those of them that are labelled abnormal.
        false_positives: Normal rows that were flagged.
        false_positive_rate: Their share among the group's normal rows; None without any.
        interval: 95% confidence interval of that share.
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
    """The result of :func:`evaluate`.

    Attributes:
        rows: Labelled rows.
        abnormal: Those labelled abnormal.
        metrics: As :func:`anomgan.metrics.metrics` gives them.
        intervals: 95% bootstrap interval of each metric.
        confusion: Counts ``true_positives`` and so on, at the model's threshold.
        peers: Metrics of simple detectors fitted on the same normal rows, by name.
        peer_intervals: For each of them 95% intervals of the model's AUROC and average precision
            *minus* its own, on the same bootstrap samples.
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
    labels: Bools

    def to_json(self) -> dict[str, Any]:
        """Everything but the rows, as plain data."""
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
    """Evaluate a detector on labelled rows, which must not be those it was fitted on.

    Args:
        detector: A fitted detector.
        frame: n rows with the training table's columns.
        labels: (n,), 1 for abnormal rows and 0 for normal ones.
        by: Columns that make subgroups, ``(n, …)``.
        normal: The training table, on which simple detectors are fitted through the model's own
            encoder; None to fit none.
        bootstrap: Samples of the rows, drawn with replacement from either class; 0 for none.
        seed: Seed of bootstrap and peers.
        source: What messages call the table.

    Raises:
        InputError: If labels are of one class or of another number than rows, or a column that the
            model needs is missing.

    Example:
        >>> from anomgan import GANDetector, evaluate, load_sample
        >>> sample = load_sample("penguins")
        >>> detector = GANDetector(settings={"steps": 20, "members": 1}, random_state=0)
        >>> detector = detector.fit(sample.normal)
        >>> result = evaluate(detector, sample.new, sample.labels, bootstrap=0)
        >>> result.metrics["auroc"] > 0.8
        True
    """
    truth = check_labels(labels)
    if len(truth) != len(frame):
        raise InputError(
            f"{source}: {len(truth):,} labels for {len(frame):,} rows; give one for each"
        )
    scored = detector.score_frame(frame, source=source)
    columns: dict[str, Any] = {"score": scored.score, "flagged": scored.flagged}
    if scored.probability is not None:
        columns["probability"] = scored.probability
    peer_scores = {} if normal is None else _peer_scores(detector, normal, scored, seed)
    intervals, peer_intervals = _bootstrap(truth, columns, peer_scores, bootstrap, seed)
    flagged = scored.flagged
    curve = None if scored.probability is None else reliability(truth, scored.probability)
    return Evaluation(
        rows=len(truth),
        abnormal=int(truth.sum()),
        metrics=metrics(truth, **columns),
        intervals=intervals,
        confusion={
            "true_positives": int((truth & flagged).sum()),
            "false_positives": int((~truth & flagged).sum()),
            "false_negatives": int((truth & ~flagged).sum()),
            "true_negatives": int((~truth & ~flagged).sum()),
        },
        peers={name: metrics(truth, score) for name, score in peer_scores.items()},
        peer_intervals=peer_intervals,
        groups=[] if by is None else subgroups(truth, flagged, by),
        reliability=[] if curve is None else curve_points(curve),
        score=scored.score,
        probability=scored.probability,
        labels=truth,
    )


def subgroups(labels: ArrayLike, flagged: ArrayLike, by: pd.DataFrame) -> list[Group]:
    """Test whether some groups of rows are flagged more often than others.

    Args:
        labels: (n,), 1 for abnormal rows.
        flagged: (n,), whether each row was flagged.
        by: Columns that make groups, each for itself, ``(n, …)``.
    """
    truth, is_flagged = np.asarray(labels) > 0, np.asarray(flagged) > 0
    groups = []
    for name in by.columns:
        levels = _levels(by[name])
        names = levels.unique()
        for level in sorted(names):
            members = (levels == level).to_numpy()
            groups.append(_group(str(name), level, members, truth, is_flagged, len(names)))
    return groups


def _group(
    name: str, level: str, members: NDArray[np.bool_], truth: Bools, flagged: Bools, groups: int
) -> Group:
    normal, abnormal = members & ~truth, members & truth
    hits, rows = int(flagged[normal].sum()), int(normal.sum())
    rest = flagged[~members & ~truth]
    counts = [[hits, rows - hits], [int(rest.sum()), int((~rest).sum())]]
    return Group(
        column=name,
        level=level,
        rows=int(members.sum()),
        abnormal=int(abnormal.sum()),
        false_positives=hits,
        false_positive_rate=hits / rows if rows else None,
        interval=binomial_interval(hits, rows) if rows else None,
        p_value=min(1.0, groups * float(fisher_exact(counts).pvalue)),
        recall=float(flagged[abnormal].mean()) if abnormal.any() else None,
    )


def _levels(column: pd.Series[Any]) -> pd.Series[Any]:
    """The group of each row, as text."""
    missing = column.isna()
    many = column.nunique() > MAX_GROUPS
    if many and (
        pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column)
    ):
        quarters = pd.qcut(column, 4, duplicates="drop")
        return quarters.astype(object).map(str).mask(missing, MISSING)
    text = column.astype(object).map(str).mask(missing, MISSING)
    if not many:
        return text
    kept = text.value_counts().index[: MAX_GROUPS - 1]
    return text.where(text.isin(kept), REST)


def _peer_scores(
    detector: GANDetector, normal: pd.DataFrame, scored: ScoreResult, seed: int
) -> dict[str, Floats]:
    """Scores of simple detectors fitted on the same encoded columns as the model."""
    rows, _ = detector.encoder_.transform(normal, source="the normal rows")
    rows, new = append_changes(rows, scored.values, scored.report.changed_rows)
    scaler = StandardScaler().fit(rows)
    fitted = {name: SKLEARN[name](scaler.transform(rows), seed) for name in PEER_LABELS}
    return {name: score(scaler.transform(new)) for name, score in fitted.items()}


def _bootstrap(
    truth: Bools,
    columns: Mapping[str, Any],
    peer_scores: Mapping[str, Floats],
    samples: int,
    seed: int,
) -> tuple[dict[str, Interval], dict[str, dict[str, Interval]]]:
    """Percentile intervals of metrics, and of the model's metrics minus those of peers."""
    rng = np.random.default_rng(seed)
    classes = np.flatnonzero(truth), np.flatnonzero(~truth)
    results: list[dict[str, float]] = []
    differences: dict[str, list[dict[str, float]]] = {name: [] for name in peer_scores}
    for _ in range(samples):
        rows = np.concatenate([rng.choice(indices, len(indices)) for indices in classes])
        result = metrics(truth[rows], **{name: column[rows] for name, column in columns.items()})
        results.append(result)
        for name, score in peer_scores.items():
            peer = metrics(truth[rows], score[rows], ks=())
            compared = ("auroc", "average_precision")
            differences[name].append({key: result[key] - peer[key] for key in compared})
    return _intervals(results), {name: _intervals(each) for name, each in differences.items()}


def metric_label(key: str) -> str:
    """The label of a metric for people."""
    kind, at, k = key.partition("_at_")
    return METRIC_LABELS.get(key) or (f"{kind} among the first {k}" if at else key)


def _intervals(results: Sequence[Mapping[str, float]]) -> dict[str, Interval]:
    if not results:
        return {}
    low, high = np.quantile(pd.DataFrame(results), [0.025, 0.975], axis=0)
    bounds = zip(low.tolist(), high.tolist(), strict=True)
    return dict(zip(results[0], bounds, strict=True))
