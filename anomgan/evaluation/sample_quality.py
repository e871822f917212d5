"""Measure the quality of generated rows, and whether they reveal training rows.

Each measure comes with its baseline, the same measure of real rows.  The reference rows are split
at random: one half is what generated rows are compared with, the other half stands for a perfect
generator.  Measures are means over several such splits.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.stats import rankdata

from anomgan.data.encoders.encoder import Encoder
from anomgan.data.table.cells import read_cells
from anomgan.data.table.columns.column import Column
from anomgan.errors import DataWarning, InputError
from anomgan.evaluation.marginals import ColumnQuality, Splits, column_quality, is_ordered
from anomgan.evaluation.privacy import MAX_COMPARED_ROWS, Pair, Privacy, privacy
from anomgan.training.health import compare_records
from anomgan.utils.serialization import to_plain
from anomgan.utils.types import Floats

MIN_COMPARED_ROWS = 20
"""Generated or reference rows below which nothing is compared."""

HALVINGS = 5
"""Random halves of the reference rows over which measures are averaged."""

JOINT_MEASURES = ("coverage", "density", "two_sample", "frechet")
"""Measures of :mod:`anomgan.training.health` that are reported."""

MAX_TRAINING_SHARE = 0.5
"""Share of reference rows that equal training rows above which a warning is given."""


@dataclass(frozen=True)
class SampleQuality:
    """The result of :func:`sample_quality`.

    Attributes:
        rows: How many rows were given (``generated``, ``reference``, ``training``), and
            ``compared`` on each side.
        columns: One entry for each column.
        correlations: Mean absolute difference of the correlations between entries of two columns
            from the truth's: of ranks where values have an order, of levels elsewhere.
        worst_pair: The two columns whose correlation differs most: their names, the generated rows'
            correlation and the reference rows'.
        joint: ``coverage``, ``density``, ``two_sample`` and ``frechet``, as in
            :class:`anomgan.training.health.Health`.
        privacy: How near generated rows come to training rows, if these were given.
        warnings: One sentence for each warning, without full stop.
    """

    rows: dict[str, int]
    columns: list[ColumnQuality]
    correlations: Pair | None
    worst_pair: tuple[str, str, float, float] | None
    joint: dict[str, Pair]
    privacy: Privacy | None = None
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        plain: dict[str, Any] = to_plain(asdict(self))
        return plain

    def table(self) -> pd.DataFrame:
        """A row for each column: kind, distance and moments, each beside that of real rows."""
        return pd.DataFrame([column.to_row() for column in self.columns]).set_index("column")


def sample_quality(
    generated: pd.DataFrame,
    reference: pd.DataFrame,
    encoder: Encoder,
    *,
    training: pd.DataFrame | None = None,
    random_state: int = 0,
) -> SampleQuality:
    """Compare generated rows with real ones.

    The reference should be normal rows that the generator never saw.  Against its own training rows
    a generator that copies them would look perfect.

    Measures: distances of marginals (Kolmogorov–Smirnov; total variation); differences of pairwise
    correlations (as in Goncalves et al., "Generation and evaluation of synthetic patient data",
    2020); coverage and density (Naeem et al., "Reliable fidelity and diversity metrics for
    generative models", 2020); a classifier two-sample test with the nearest neighbour (Lopez-Paz &
    Oquab, "Revisiting classifier two-sample tests", 2017); Fréchet distance of two Gaussians
    (Heusel et al., "GANs trained by a two time-scale update rule", 2017), here in the space of the
    encoded columns; and those of :func:`anomgan.evaluation.privacy.privacy`.

    Args:
        generated: n rows, as :meth:`anomgan.GANDetector.sample` gives them; at least
            `MIN_COMPARED_ROWS`.
        reference: m rows with the same columns, normal, best unseen; at least `MIN_COMPARED_ROWS`.
        encoder: The detector's ``encoder_``.
        training: The generator's training rows, to check whether it copies them.
        random_state: Seed of the splits.

    Raises:
        InputError: If there are too few rows, a column is missing, or the model is of pictures.

    Warns:
        DataWarning: For each of the result's warnings.

    Example:
        >>> from anomgan import GANDetector, load_sample, sample_quality
        >>> sample = load_sample("penguins")
        >>> detector = GANDetector(settings={"steps": 20, "members": 1}, random_state=0)
        >>> detector = detector.fit(sample.normal)
        >>> drawn = detector.sample(100, random_state=0)
        >>> quality = sample_quality(drawn, sample.new[sample.labels == 0], detector.encoder_)
        >>> sorted(quality.joint)
        ['coverage', 'density', 'frechet', 'two_sample']
    """
    if encoder.spec.grid is not None:
        raise InputError("quality: compares rows of tables; the model is of pictures")
    _check(generated, "the generated rows")
    _check(reference, "the reference")
    rng = np.random.default_rng(random_state)
    generated_rows = _EncodedRows(encoder, generated, "the generated rows")
    reference_rows = _EncodedRows(encoder, reference, "the reference")
    count = min(len(reference) // 2, len(generated), MAX_COMPARED_ROWS)
    splits = []
    for _ in range(HALVINGS):
        order, drawn = rng.permutation(len(reference)), rng.permutation(len(generated))[:count]
        splits.append((drawn, order[:count], order[count : 2 * count]))
    rows = {"generated": len(generated), "reference": len(reference), "compared": count}
    privacy_result, warned = None, []
    if training is not None:
        training_rows = _EncodedRows(encoder, training, "the training table")
        rows["training"] = len(training)
        privacy_result = privacy(
            generated_rows.points, reference_rows.points, training_rows.points, rng
        )
        if privacy_result.copies.real > MAX_TRAINING_SHARE:
            warned.append(
                f"{privacy_result.copies.real:.0%} of the reference rows are training rows, too: "
                f"give rows that the model never saw, or copies pass for quality and privacy "
                f"can't be judged"
            )
        warned += privacy_result.warnings()
    correlations, worst = _correlations(generated_rows, reference_rows, splits)
    result = SampleQuality(
        rows,
        [
            column_quality(column, a, b, splits)
            for column, a, b in zip(
                reference_rows.columns, generated_rows.values, reference_rows.values, strict=True
            )
        ],
        correlations,
        worst,
        _joint(generated_rows, reference_rows, splits),
        privacy_result,
        warned,
    )
    for sentence in warned:
        warnings.warn(sentence, DataWarning, stacklevel=2)
    return result


class _EncodedRows:
    """Rows in the forms that the measures need.

    Attributes:
        columns: Columns and conditions.
        values: For each of them the cells as numbers, ``(n,)``, NaN where missing.
        points: The rows in a metric space, ``(n, D)``.
        entries: Numbers whose correlations are compared, ``(n, E)``.
        owners: Index of each entry's column, ``(E,)``.
    """

    def __init__(self, encoder: Encoder, frame: pd.DataFrame, source: str) -> None:
        positions = encoder.schema.locate(frame, source=source, warn=False)
        self.columns: list[Column] = [*encoder.schema.columns, *encoder.schema.conditions]
        self.values = [
            column.parse(read_cells(frame.iloc[:, positions[column.name]], source=source))
            .mask_infinite()
            .values
            for column in self.columns
        ]
        encoded, _ = encoder.transform(frame, source=source)
        self.points = _to_points(encoded, encoder)
        self.owners, self.entries = _entries(self.columns, self.values)


def _check(frame: pd.DataFrame, name: str) -> None:
    if len(frame) < MIN_COMPARED_ROWS:
        raise InputError(
            f"{name}: {len(frame):,} rows are too few to judge quality; "
            f"{MIN_COMPARED_ROWS} are needed"
        )


def _to_points(encoded: Floats, encoder: Encoder) -> Floats:
    """Encoded rows as points whose Euclidean distance is meaningful, ``(n, D)``.

    Numbers count in units of about a standard deviation, and their tails by the logarithm, so that
    a single far row doesn't outweigh all others; two different levels are as far apart as two
    numbers that differ by one.
    """
    points = encoded.copy()
    for span in encoder.spec.spans:
        if span.kind == "numeric":
            points[:, span.slice] = np.arcsinh(points[:, span.slice])
        elif span.kind in ("category", "condition"):
            points[:, span.slice] /= np.sqrt(2)
    return points


# --- pairs of columns -----------------------------------------------------------------------------


def _entries(columns: Sequence[Column], values: Sequence[Floats]) -> tuple[Any, Floats]:
    """Numbers whose correlations are compared: ``(E,)`` the column of each, and ``(n, E)``."""
    owners, entries = [], []
    for at, (column, cells) in enumerate(zip(columns, values, strict=True)):
        if is_ordered(column):
            median = np.median(cells[~np.isnan(cells)]) if not np.isnan(cells).all() else 0.0
            parts = [np.where(np.isnan(cells), median, cells)]
        elif column.kind == "boolean":
            parts = [np.nan_to_num(cells, nan=0.5)]
        else:
            parts = [(cells == slot).astype(np.float64) for slot in range(len(_slots(column)))]
        owners += [at] * len(parts)
        entries += parts
    return np.array(owners), np.stack(entries, 1)


def _slots(column: Column) -> Sequence[str]:
    slots: Sequence[str] = getattr(column, "slots", ())
    return slots


def _correlations(
    generated: _EncodedRows, reference: _EncodedRows, splits: Splits
) -> tuple[Pair | None, tuple[str, str, float, float] | None]:
    """Mean difference of correlations from the truth's, and the pair of columns that is worst."""
    columns, owners = reference.columns, reference.owners
    pairs = owners[:, None] < owners[None, :]
    if not pairs.any():
        return None, None
    errors, baseline = [], []
    total = np.zeros(pairs.shape)
    for g, r, o in splits:
        truth = _rank_correlations(reference.entries[r])
        difference = np.abs(_rank_correlations(generated.entries[g]) - truth)
        total += difference
        errors.append(difference[pairs].mean())
        baseline.append(np.abs(_rank_correlations(reference.entries[o]) - truth)[pairs].mean())
    a, b = np.unravel_index(int(np.argmax(np.where(pairs, total, -1))), total.shape)
    worst = (
        columns[owners[a]].name,
        columns[owners[b]].name,
        float(_rank_correlations(generated.entries[:, [a, b]])[0, 1]),
        float(_rank_correlations(reference.entries[:, [a, b]])[0, 1]),
    )
    return Pair(float(np.mean(errors)), float(np.mean(baseline))), worst


def _rank_correlations(entries: Floats) -> Floats:
    """Correlations of ranks, ``(n, E) -> (E, E)``; 0 where an entry is constant."""
    ranks = rankdata(entries, axis=0)
    ranks = ranks - ranks.mean(0)
    length = np.sqrt(np.square(ranks).sum(0))
    ranks = ranks / np.where(length > 0, length, 1.0)
    return np.asarray(ranks.T @ ranks)


# --- all columns together -------------------------------------------------------------------------


def _joint(generated: _EncodedRows, reference: _EncodedRows, splits: Splits) -> dict[str, Pair]:
    """Measures of the joint distribution; a split takes the place of an ensemble's member."""
    fresh, truth, others = (
        torch.from_numpy(np.stack([rows.points[split[part]] for split in splits]))
        for part, rows in enumerate((generated, reference, reference))
    )
    measured, baseline = compare_records(truth, fresh), compare_records(truth, others)
    return {
        name: Pair(float(np.mean(measured[name])), float(np.mean(baseline[name])))
        for name in JOINT_MEASURES
    }
