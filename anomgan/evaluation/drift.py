"""Whether a batch as a whole is like the training data, in memory that doesn't grow with it.

Of rows like the training rows, p-values spread evenly over (0, 1], and cells are missing or hold
new levels about as often as in training.  How precisely both are known from the training rows
counts, so that a long batch isn't called different for the chance of a short training table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.stats import hypergeom, ksone, kstwo

from anomgan.data.parse_report import ParseReport
from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.data.table.columns.condition import ConditionColumn
from anomgan.scoring.result import ScoreResult

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector


FEWEST = 50
"""Rows below which nothing is said."""

LEVEL = 1e-3
"""Chance that of a batch like the training data anything is said at all."""

LEAST_SHIFT = 0.1
"""Share of the rows that must have smaller (or larger) p-values than they should.  Fewer are
anomalies rather than a batch that is different as a whole."""

LEAST_SHARE = 0.01
"""By how much a share of cells must differ from that in training to matter."""

BINS = 200
"""Bins of p-values."""


@dataclass(frozen=True)
class Shift:
    """How p-values are spread.

    Attributes:
        statistic: The largest difference between the share of p-values up to some value and that
            value (Kolmogorov and Smirnov), in [0, 1].
        at: That value.
        share: The share of p-values up to it.
        p_value: Of the hypothesis that calibration rows and these are drawn alike.
        drift: Whether it is significant, and large enough to matter.
        histogram: Counts of p-values in twenty bins of equal width.
    """

    statistic: float
    at: float
    share: float
    p_value: float
    drift: bool
    histogram: list[int]


@dataclass(frozen=True)
class Share:
    """How often cells of a column are missing, or hold a level that wasn't in training.

    Attributes:
        column: The column.
        what: ``"missing"`` or ``"unseen"``.
        share: Of the rows.
        training_share: Of the training rows; for unseen levels, what was to be expected.
        p_value: Of the hypothesis that both are drawn alike.
        drift: Whether it is significant, and large enough to matter.
    """

    column: str
    what: Literal["missing", "unseen"]
    share: float
    training_share: float
    p_value: float
    drift: bool


@dataclass(frozen=True)
class Drift:
    """Whether a batch is like the training data.

    Attributes:
        rows: Rows of the batch.
        p_values: How their p-values are spread; None for fewer than `FEWEST` rows.
        columns: Missing cells and unseen levels of every column that has any; likewise.
    """

    rows: int
    p_values: Shift | None
    columns: tuple[Share, ...]

    def __bool__(self) -> bool:
        """Whether the batch as a whole is different."""
        return next(self.reasons(), None) is not None

    def reasons(self) -> Iterator[str]:
        """What is different, a phrase each."""
        shift = self.p_values
        if shift is not None and shift.drift:
            yield (
                f"{shift.share:.0%} of them have a p-value up to {shift.at:.2g}, where "
                f"{shift.at:.0%} would"
            )
        for each in (share for share in self.columns if share.drift):
            held, was = "no value", f"{each.training_share:.1%} in training"
            if each.what == "unseen":
                held, was = "a level never seen", f"about {each.training_share:.1%} to be expected"
            yield f"column {each.column!r} has {held} in {each.share:.1%} of them, {was}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"drift": bool(self), "reasons": list(self.reasons()), **asdict(self)}


class DriftMonitor:
    """Adds up what the rows of a batch show, chunk by chunk.

    Example:
        >>> import numpy as np
        >>> from anomgan import GANDetector
        >>> X = np.random.default_rng(0).normal(size=(600, 2))
        >>> settings = {"steps": 20, "members": 1, "memory_rows": 100}
        >>> detector = GANDetector(settings=settings, random_state=0).fit(X[:500])
        >>> bool(drift(detector, X[500:])), bool(drift(detector, X[500:] + 9))
        (False, True)
    """

    def __init__(self, detector: GANDetector) -> None:
        """Start with no rows."""
        self.detector = detector
        self._report = ParseReport()
        self._counts = np.zeros(BINS, dtype=np.int64)
        mondrian = detector.ensemble_.mondrian
        self._sizes = np.array(
            [len(detector.ensemble_.calibrator.scores)]
            + ([] if mondrian is None else [len(own.scores) for own in mondrian.calibrators])
        )
        self._rows = np.zeros(len(self._sizes), dtype=np.int64)  # by calibrator, the pooled first

    def add(self, scored: ScoreResult) -> None:
        """Take account of scored rows."""
        self._report += scored.report
        known = scored.p_value[~np.isnan(scored.p_value)]
        # A p-value is the upper end of what it stands for.
        bins = np.clip(np.ceil(known * BINS - 1e-9).astype(int) - 1, 0, BINS - 1)
        self._counts += np.bincount(bins, minlength=BINS)
        mondrian = self.detector.ensemble_.mondrian
        if mondrian is None:
            self._rows[0] += len(known)
            return
        groups = mondrian.groups(self.detector.encoder_.spec.conditions(scored.values))
        self._rows += np.bincount(groups + 1, minlength=len(self._rows))

    def result(self) -> Drift:
        """What the rows so far show."""
        rows = self._report.rows
        if int(self._counts.sum()) < FEWEST:
            return Drift(rows, None, ())
        counted = list(self._cells())
        level = LEVEL / (1 + len(counted))
        return Drift(
            rows,
            self._shift(level),
            tuple(
                _share(name, what, seen, known, rows, self.detector.training_facts_["rows"], level)
                for name, what, seen, known in counted
            ),
        )

    def _shift(self, level: float) -> Shift:
        """Compare p-values with an even spread."""
        total = int(self._counts.sum())
        used = self._rows > 0
        # Rows and the calibration rows that they are compared with both vary by chance.
        vary = 1 / total + ((self._rows[used] / total) ** 2 / self._sizes[used]).sum()
        size = max(1, round(1 / vary))
        edges = np.arange(1, BINS + 1) / BINS
        excess = self._counts.cumsum() / total - edges
        at = int(excess.argmax())
        p_value = float(ksone.sf(excess[at], size))
        if not self.detector.training_facts_["calibration"]["cross_fitted"]:
            # Of cross-fitted p-values it is known only that they aren't too small.
            step = 1 / (int(self._sizes[used].min()) + 1)
            lack = -excess - step
            at = at if excess[at] >= lack.max() else int(lack.argmax())
            p_value = float(kstwo.sf(max(excess.max(), lack.max()), size))
        statistic = abs(float(excess[at]))
        return Shift(
            statistic,
            float(edges[at]),
            float(excess[at] + edges[at]),
            p_value,
            bool(p_value < level and statistic >= LEAST_SHIFT),
            self._counts.reshape(20, -1).sum(1).tolist(),
        )

    def _cells(self) -> Iterator[tuple[str, Literal["missing", "unseen"], int, int]]:
        """Column, what is odd about cells, in how many rows, and in how many of training."""
        schema, missing = (
            self.detector.encoder_.schema,
            self.detector.training_facts_.get("missing"),
        )
        columns = {column.name: column for column in (*schema.columns, *schema.conditions)}
        for name, column in columns.items():
            if missing is not None and (name in missing or name in self._report.missing):
                yield name, "missing", self._report.missing.get(name, 0), missing.get(name, 0)
            if name in self._report.unseen:
                # Good and Turing: new levels come about as often as levels that came once.
                once = 0
                if isinstance(column, CategoryColumn):
                    once = column.once
                elif isinstance(column, ConditionColumn):
                    once = len(column.rare)
                yield name, "unseen", self._report.unseen[name], once


def drift(detector: GANDetector, X: Any) -> Drift:
    """Whether rows as a whole are like the training data.

    Args:
        detector: A fitted detector.
        X: n rows, as ``score_samples`` takes them.

    Raises:
        InputError: As ``score_samples``.

    Warns:
        DataWarning: As ``score_samples``.
    """
    monitor = DriftMonitor(detector)
    monitor.add(detector.score_rows(X))
    return monitor.result()


def _share(
    column: str,
    what: Literal["missing", "unseen"],
    seen: int,
    known: int,
    rows: int,
    training: int,
    level: float,
) -> Share:
    """Compare how often something is so in the batch and in training (Fisher's exact test)."""
    both = hypergeom(rows + training, seen + known, rows)
    p_value = float(both.sf(seen - 1))
    if what == "missing":
        p_value = min(1.0, 2 * min(p_value, float(both.cdf(seen))))
    share, was = seen / rows, known / training
    differs = p_value < level and abs(share - was) >= LEAST_SHARE
    return Share(column, what, share, was, p_value, bool(differs))
