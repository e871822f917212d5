"""Detect drift: whether a batch as a whole is like the training data, in bounded memory.

The p-values of rows like the training rows are uniform on (0, 1], and their cells are missing or
hold new levels about as often as in training.  The tests allow for the limited size of the training
table, so that a long batch isn't called different by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import smirnov

from anomgan.calibration.result import ScoreResult
from anomgan.data.parse_report import ParseReport
from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.data.table.columns.condition import ConditionColumn

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector


MIN_DRIFT_ROWS = 50
"""Rows below which drift isn't tested."""

SIGNIFICANCE = 1e-3
"""Chance of a false alarm for a batch like the training data, over all its tests."""

MIN_SHIFT = 0.1
"""Share of the rows that must have smaller (or larger) p-values than they should.  Fewer are
anomalies rather than a batch that is different as a whole."""

MIN_SHARE_CHANGE = 0.01
"""Smallest change of a column's share of missing or unseen cells that matters."""

P_VALUE_BINS = 200


@dataclass(frozen=True)
class Shift:
    """The distribution of p-values against a uniform one.

    Attributes:
        statistic: The largest difference between the share of p-values up to some value and that
            value (Kolmogorov and Smirnov), in [0, 1].
        at: That value.
        share: The share of p-values up to it.
        p_value: Of the hypothesis that calibration rows and these are drawn alike; where both
            signs of a difference count, twice that of the larger one.
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
class CellDrift:
    """The share of a column's cells that are missing, or hold a level that wasn't in training.

    Attributes:
        column: The column.
        what: ``"missing"`` or ``"unseen"``.
        share: Share of the rows.
        training_share: Share of the training rows; for unseen levels, the expected share.
        p_value: Of the hypothesis that both shares are equal (Fisher's exact test).
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
    """Whether a batch is like the training data; true if it isn't.

    Attributes:
        rows: Rows of the batch.
        p_values: Distribution of their p-values; None for fewer than `MIN_DRIFT_ROWS` rows.
        columns: Missing cells and unseen levels of every column that has any.
    """

    rows: int
    p_values: Shift | None
    columns: tuple[CellDrift, ...]

    def __bool__(self) -> bool:
        """Whether the batch as a whole is different."""
        return next(self.reasons(), None) is not None

    def reasons(self) -> Iterator[str]:
        """One phrase for each significant difference."""
        shift = self.p_values
        if shift is not None and shift.drift:
            yield (
                f"{shift.share:.0%} of them have a p-value up to {shift.at:.2g}, where "
                f"{shift.at:.0%} would"
            )
        for each in (cell for cell in self.columns if cell.drift):
            what, expected = "no value", f"{each.training_share:.1%} in training"
            if each.what == "unseen":
                what = "a level never seen"
                expected = f"about {each.training_share:.1%} to be expected"
            yield f"column {each.column!r} has {what} in {each.share:.1%} of them, {expected}"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"drift": bool(self), "reasons": list(self.reasons()), **asdict(self)}


class DriftMonitor:
    """Accumulates the p-values and cells of a batch chunk by chunk, in bounded memory.

    Example:
        >>> import numpy as np
        >>> from anomgan import GANDetector
        >>> X = np.random.default_rng(0).normal(size=(600, 2))
        >>> settings = {"steps": 20, "members": 1, "memory_rows": 100}
        >>> detector = GANDetector(settings=settings, random_state=0).fit(X[:500])
        >>> bool(detect_drift(detector, X[500:])), bool(detect_drift(detector, X[500:] + 9))
        (False, True)
    """

    def __init__(self, detector: GANDetector) -> None:
        """Start with no rows."""
        self.detector = detector
        self._report = ParseReport()
        self._counts = np.zeros(P_VALUE_BINS, dtype=np.int64)
        mondrian = detector.ensemble_.mondrian
        self._sizes = np.array(
            [len(detector.ensemble_.calibrator.scores)]
            + ([] if mondrian is None else [len(each.scores) for each in mondrian.calibrators])
        )
        self._rows = np.zeros(len(self._sizes), dtype=np.int64)  # by calibrator, the pooled first

    def add(self, scored: ScoreResult) -> None:
        """Add scored rows."""
        self._report += scored.report
        p_values = scored.p_value[~np.isnan(scored.p_value)]
        # A p-value is the upper end of an interval, so an edge belongs to the bin below it.
        bins = np.clip(np.ceil(p_values * P_VALUE_BINS - 1e-9).astype(int) - 1, 0, P_VALUE_BINS - 1)
        self._counts += np.bincount(bins, minlength=P_VALUE_BINS)
        mondrian = self.detector.ensemble_.mondrian
        if mondrian is None:
            self._rows[0] += len(p_values)
            return
        groups = mondrian.groups(self.detector.encoder_.spec.conditions(scored.values))
        self._rows += np.bincount(groups + 1, minlength=len(self._rows))

    def result(self) -> Drift:
        """Test the rows added so far."""
        rows = self._report.rows
        if int(self._counts.sum()) < MIN_DRIFT_ROWS:
            return Drift(rows, None, ())
        counts = list(self._count_cells())
        level = SIGNIFICANCE / (1 + len(counts))
        training_rows = self.detector.training_facts_["rows"]
        columns = (_test_cells(*each, rows, training_rows, level) for each in counts)
        return Drift(rows, self._test_p_values(level), tuple(columns))

    def _test_p_values(self, level: float) -> Shift:
        """Compare p-values with a uniform distribution (Kolmogorov–Smirnov)."""
        total = int(self._counts.sum())
        used = self._rows > 0
        # Rows and the calibration rows that they are compared with both vary by chance.
        variance = 1 / total + ((self._rows[used] / total) ** 2 / self._sizes[used]).sum()
        size = max(1, round(1 / variance / self.detector.encoder_.dependent_rows))
        edges = np.arange(1, P_VALUE_BINS + 1) / P_VALUE_BINS
        excess = self._counts.cumsum() / total - edges
        at = int(excess.argmax())
        p_value = float(smirnov(size, excess[at]))
        if not self.detector.training_facts_["calibration"]["cross_fitted"]:
            # Of cross-fitted p-values it is known only that they aren't too small.
            step = 1 / (int(self._sizes[used].min()) + 1)
            lack = -excess - step
            at = at if excess[at] >= lack.max() else int(lack.argmax())
            p_value = min(1.0, 2 * float(smirnov(size, max(excess.max(), lack.max(), 0.0))))
        statistic = abs(float(excess[at]))
        return Shift(
            statistic,
            float(edges[at]),
            float(excess[at] + edges[at]),
            p_value,
            bool(p_value < level and statistic >= MIN_SHIFT),
            self._counts.reshape(20, -1).sum(1).tolist(),
        )

    def _count_cells(self) -> Iterator[tuple[str, Literal["missing", "unseen"], int, int]]:
        """Column, missing or unseen, number of such cells here, and in training."""
        schema = self.detector.encoder_.schema
        missing = self.detector.training_facts_.get("missing")
        columns = {column.name: column for column in (*schema.columns, *schema.conditions)}
        for name, column in columns.items():
            if missing is not None and (name in missing or name in self._report.missing):
                yield name, "missing", self._report.missing.get(name, 0), missing.get(name, 0)
            if name in self._report.unseen:
                # Good–Turing: the share of new levels is about that of levels that occurred once.
                once = 0
                if isinstance(column, CategoryColumn):
                    once = column.once
                elif isinstance(column, ConditionColumn):
                    once = len(column.rare)
                yield name, "unseen", self._report.unseen[name], once


def detect_drift(detector: GANDetector, X: Any) -> Drift:
    """Test whether rows as a whole are like the training data.

    Args:
        detector: A fitted detector.
        X: n rows, as ``score_samples`` takes them.

    Raises:
        InputError: As ``score_samples``.

    Warns:
        DataWarning: As ``score_samples``.

    Example:
        >>> from anomgan import GANDetector, detect_drift, load_sample
        >>> sample = load_sample("penguins")
        >>> detector = GANDetector(settings={"steps": 20, "members": 1}, random_state=0)
        >>> detector = detector.fit(sample.normal)
        >>> moved = sample.normal.assign(body_mass_g=sample.normal["body_mass_g"] + 3000)
        >>> bool(detect_drift(detector, moved))
        True
    """
    monitor = DriftMonitor(detector)
    monitor.add(detector.score_rows(X))
    return monitor.result()


def _test_cells(
    column: str,
    what: Literal["missing", "unseen"],
    count: int,
    training_count: int,
    rows: int,
    training_rows: int,
    level: float,
) -> CellDrift:
    """Compare a share of cells in the batch with that in training (Fisher's exact test)."""
    from scipy.stats import hypergeom  # late: it takes half a second, and most batches do without

    null = hypergeom(rows + training_rows, count + training_count, rows)
    p_value = float(null.sf(count - 1))
    if what == "missing":
        p_value = min(1.0, 2 * min(p_value, float(null.cdf(count))))
    share, training_share = count / rows, training_count / training_rows
    differs = p_value < level and abs(share - training_share) >= MIN_SHARE_CHANGE
    return CellDrift(column, what, share, training_share, p_value, bool(differs))
