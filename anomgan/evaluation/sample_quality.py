"""How good generated rows are, and whether they give training rows away.

Every measure means something only next to its baseline: what it is when other real rows stand in
for the generated ones.  The reference rows are therefore split at random, one half stands for the
truth and the other for a perfect generator; means over several such splits are given.
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

from anomgan.data.encoders.base import Encoder
from anomgan.data.table.cells import read_cells
from anomgan.data.table.columns.base import Column
from anomgan.errors import DataWarning, InputError
from anomgan.evaluation.marginals import ColumnQuality, Splits, column_quality, flat, ordered
from anomgan.evaluation.privacy import MOST, Pair, Privacy, privacy
from anomgan.training.health import compare_records
from anomgan.utils.serialization import to_plain
from anomgan.utils.types import Floats

FEWEST = 20
"""Generated or reference rows below which nothing can be said."""

SPLITS = 5
"""Random halves of the reference rows over which measures are averaged."""

JOINT = ("coverage", "density", "two_sample", "frechet")
"""Those of :data:`anomgan.training.health.MEASURES` that are given."""

SEEN = 0.5
"""Share of reference rows equal to training rows above which they are no reference."""


@dataclass(frozen=True)
class Quality:
    """What :func:`quality` finds out.

    Attributes:
        rows: How many rows were given (``generated``, ``reference``, ``training``), and
            ``compared`` on each side.
        columns: One entry for each.
        correlations: Mean absolute difference of the correlations between entries of two columns
            from the truth's: of ranks where values have an order, of levels elsewhere.
        worst_pair: The two columns whose correlation differs most: their names, the generated rows'
            correlation and the reference rows'.
        joint: ``coverage``, ``density``, ``two_sample`` and ``frechet``, as in
            :class:`anomgan.training.health.Health`.
        privacy: How near generated rows come to training rows, if these were given.
        warnings: What users should know, a sentence each without full stop.
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
        known: dict[str, Any] = to_plain(asdict(self))
        return known

    def table(self) -> pd.DataFrame:
        """A row for each column: kind, distance, and moments, each beside the real rows'."""
        return pd.DataFrame([flat(column) for column in self.columns]).set_index("column")


def quality(
    generated: pd.DataFrame,
    reference: pd.DataFrame,
    encoder: Encoder,
    *,
    training: pd.DataFrame | None = None,
    random_state: int = 0,
) -> Quality:
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
        generated: n rows, as :meth:`anomgan.GANDetector.sample` gives them; at least `FEWEST`.
        reference: m rows with the same columns, normal, best unseen; at least `FEWEST`.
        encoder: The detector's ``encoder_``.
        training: The rows that the generator learnt from, to see whether it copies them.
        random_state: Seed of the splits.

    Raises:
        InputError: If there are too few rows, a column is missing, or the model is of pictures.

    Warns:
        DataWarning: For each of the result's warnings.
    """
    if encoder.spec.grid is not None:
        raise InputError("quality: compares rows of tables; the model is of pictures")
    _check(generated, "the generated rows")
    _check(reference, "the reference")
    rng = np.random.default_rng(random_state)
    made = _Rows(encoder, generated, "the generated rows")
    real = _Rows(encoder, reference, "the reference")
    count = min(len(reference) // 2, len(generated), MOST)
    splits = []
    for _ in range(SPLITS):
        order, drawn = rng.permutation(len(reference)), rng.permutation(len(generated))[:count]
        splits.append((drawn, order[:count], order[count : 2 * count]))
    rows = {"generated": len(generated), "reference": len(reference), "compared": count}
    found, warned = None, []
    if training is not None:
        known = _Rows(encoder, training, "the training table")
        rows["training"] = len(training)
        found = privacy(made.places, real.places, known.places, rng)
        if found.copies.real > SEEN:
            warned.append(
                f"{found.copies.real:.0%} of the reference rows are training rows, too: give rows "
                f"that the model never saw, or copies pass for quality and privacy can't be judged"
            )
        warned += found.warnings()
    correlations, worst = _correlations(made, real, splits)
    result = Quality(
        rows,
        [
            column_quality(column, a, b, splits)
            for column, a, b in zip(made.columns, made.values, real.values, strict=True)
        ],
        correlations,
        worst,
        _joint(made, real, splits),
        found,
        warned,
    )
    for sentence in warned:
        warnings.warn(sentence, DataWarning, stacklevel=2)
    return result


class _Rows:
    """Rows as each measure wants them."""

    def __init__(self, encoder: Encoder, frame: pd.DataFrame, source: str) -> None:
        positions = encoder.schema.locate(frame, source=source, warn=False)
        self.columns: list[Column] = [*encoder.schema.columns, *encoder.schema.conditions]
        self.values = [  # (n,) each, as the columns read them
            column.parse(read_cells(frame.iloc[:, positions[column.name]], source=source))
            .mask_infinite()
            .values
            for column in self.columns
        ]
        encoded, _ = encoder.transform(frame, source=source)
        self.places = _places(encoded, encoder)
        self.owners, self.entries = _entries(self.columns, self.values)


def _check(frame: pd.DataFrame, name: str) -> None:
    if len(frame) < FEWEST:
        raise InputError(
            f"{name}: {len(frame):,} rows are too few to judge quality; {FEWEST} are needed"
        )


def _places(encoded: Floats, encoder: Encoder) -> Floats:
    """Encoded rows in a space where distances make sense, ``(n, D)``.

    Numbers count in units of about a standard deviation, tails by their logarithm, so that a single
    far row doesn't outweigh all others; two different levels are as far apart as two numbers that
    differ by one.
    """
    out = encoded.copy()
    for span in encoder.spec.spans:
        if span.kind == "numeric":
            out[:, span.slice] = np.arcsinh(out[:, span.slice])
        elif span.kind in ("category", "condition"):
            out[:, span.slice] /= np.sqrt(2)
    return out


# --- pairs of columns -----------------------------------------------------------------------------


def _entries(columns: Sequence[Column], values: Sequence[Floats]) -> tuple[Any, Floats]:
    """Numbers whose correlations are compared: ``(E,)`` the column of each, and ``(n, E)``."""
    owners, entries = [], []
    for at, (column, own) in enumerate(zip(columns, values, strict=True)):
        if ordered(column):
            middle = np.median(own[~np.isnan(own)]) if not np.isnan(own).all() else 0.0
            parts = [np.where(np.isnan(own), middle, own)]
        elif column.kind == "boolean":
            parts = [np.nan_to_num(own, nan=0.5)]
        else:
            parts = [(own == slot).astype(np.float64) for slot in range(len(_slots(column)))]
        owners += [at] * len(parts)
        entries += parts
    return np.array(owners), np.stack(entries, 1)


def _slots(column: Column) -> Sequence[str]:
    slots: Sequence[str] = getattr(column, "slots", ())
    return slots


def _correlations(
    made: _Rows, real: _Rows, splits: Splits
) -> tuple[Pair | None, tuple[str, str, float, float] | None]:
    """How far correlations are from the truth's, and the pair of columns that is worst."""
    apart = made.owners[:, None] < made.owners[None, :]
    if not apart.any():
        return None, None
    own, base = [], []
    total = np.zeros(apart.shape)
    for g, r, o in splits:
        truth = _ranked(real.entries[r])
        difference = np.abs(_ranked(made.entries[g]) - truth)
        total += difference
        own.append(difference[apart].mean())
        base.append(np.abs(_ranked(real.entries[o]) - truth)[apart].mean())
    a, b = np.unravel_index(int(np.argmax(np.where(apart, total, -1))), total.shape)
    worst = (
        made.columns[made.owners[a]].name,
        made.columns[made.owners[b]].name,
        float(_ranked(made.entries[:, [a, b]])[0, 1]),
        float(_ranked(real.entries[:, [a, b]])[0, 1]),
    )
    return Pair(float(np.mean(own)), float(np.mean(base))), worst


def _ranked(entries: Floats) -> Floats:
    """Correlations of ranks, ``(n, E) -> (E, E)``; 0 where an entry never changes."""
    ranks = rankdata(entries, axis=0)
    ranks = ranks - ranks.mean(0)
    length = np.sqrt(np.square(ranks).sum(0))
    ranks = ranks / np.where(length > 0, length, 1.0)
    return np.asarray(ranks.T @ ranks)


# --- all columns together -------------------------------------------------------------------------


def _joint(made: _Rows, real: _Rows, splits: Splits) -> dict[str, Pair]:
    # A split here is what a member is in training.
    truth, own, base = (
        torch.from_numpy(np.stack([rows.places[split[part]] for split in splits]))
        for part, rows in [(1, real), (0, made), (2, real)]
    )
    first, second = compare_records(truth, own), compare_records(truth, base)
    return {name: Pair(float(np.mean(first[name])), float(np.mean(second[name]))) for name in JOINT}
