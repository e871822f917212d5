"""Counterfactuals: for an abnormal record, a normal one that differs in as few columns as possible.

A generated normal record lends cells to the given one until its score is normal; then cells that
aren't needed are given back.  The result of inversion wouldn't do: the generated record nearest to
an abnormal one may be abnormal itself, as generators also fill the gaps between training records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomgan.data.encoders.table import TableEncoder
from anomgan.explain.candidates import CandidatePools
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.utils.types import Bools, Floats

Indices = NDArray[np.intp]

MAX_SUSPECTS = 10
"""Columns of each record that are tried one by one: those without which it would be nearest to
normal ones."""

LENDERS = 3
"""Generated records that are tried for each suspect: the nearest in all other columns."""

MAX_PREFIX_PAIRS = 6
"""Pairs of a record and a generated one that are tried further where no single column suffices."""

NORMAL_QUANTILE = 0.9
"""Quantile of calibration scores up to which a record counts as normal."""

MISSING_DISTANCE = 1e6
"""Distance of a cell that is missing although none was in training, in mean squared distances of
neighbours."""

SEARCHED_ROWS = 32
"""Records that are searched for together."""


@dataclass(frozen=True)
class Counterfactuals:
    """Normal records beside n given ones.

    Attributes:
        values: The normal records, encoded, ``(n, D)``.
        changed: Which columns differ in them, ``(n, C)``.
        differences: Logarithms of the columns' squared distances, ``(n, C)``.
        score: Scores of the normal records, ``(n,)``.
    """

    values: Floats
    changed: Bools
    differences: Floats
    score: Floats


class CounterfactualFinder:
    """Finds counterfactuals of a table's records.  All draws have fixed seeds.

    Attributes:
        columns: The C columns of the schema, in its order.
    """

    def __init__(self, encoder: TableEncoder, ensemble: FittedEnsemble) -> None:
        """Keep encoder and ensemble; records are generated when first needed."""
        self.encoder, self.ensemble = encoder, ensemble
        self.columns = [column.name for column in encoder.schema.columns]
        self._pools = CandidatePools(encoder, ensemble)
        self._max_score = np.quantile(ensemble.calibrator.scores, NORMAL_QUANTILE)

    def mix(self, x: Floats, others: Floats, gaps: Bools, changed: Bools) -> Floats:
        """Records with some columns of others.

        Args:
            x: The records, ``(n, D)``.
            others: The others, ``(n, D)``.
            gaps: In which columns each record lacks a cell although none was missing in training,
                ``(n, C)``.
            changed: Which columns to take from the other, ``(n, C)``.
        """
        column_of, mixed = self._pools.column_of, x.copy()
        size = len(column_of)
        mixed[:, :size] = np.where(changed[:, column_of], others[:, :size], x[:, :size])
        mixed[:, size] = (gaps & ~changed).any(1)
        return mixed

    def find(self, values: Floats, gaps: Bools, score: Floats) -> Counterfactuals:
        """Find normal records; one that is normal already is its own.

        Where generated records aren't normal, which happens with hardly trained networks, those
        found are no less so than the generated record they come from.

        Args:
            values: Encoded records, ``(n, D)``.
            gaps: In which columns each lacks a cell although none was missing in training,
                ``(n, C)``.
            score: Their scores, ``(n,)``.
        """
        shape = len(values), len(self.columns)
        result = Counterfactuals(
            values.copy(), np.zeros(shape, bool), np.zeros(shape), score.copy()
        )
        abnormal = np.flatnonzero((score > self._max_score) | gaps.any(1))
        for start in range(0, len(abnormal), SEARCHED_ROWS):
            rows = abnormal[start : start + SEARCHED_ROWS]
            search = self._start_search(values[rows], gaps[rows])
            search.try_single()
            search.try_prefixes()
            search.prune()
            pairs, result.values[rows], result.score[rows] = search.best()
            result.changed[rows] = search.changed[pairs]
            result.differences[rows] = search.differences[pairs]
        return result

    def _start_search(self, x: Floats, gaps: Bools) -> _Search:
        """Pair each record with several generated ones."""
        record, suspect, lenders, differences = [], [], [], []
        for i, scaled in enumerate(self._pools.scale(x).swapaxes(0, 1)):
            pool = self._pools.get(x[i, self.encoder.spec.record_size :])
            # The logarithm prefers few large differences to many small ones.
            distances = self._pools.distances(scaled[:, None], pool.scaled)
            logs = np.log1p(distances / pool.neighbour_distances)
            logs[:, gaps[i]] = np.log1p(MISSING_DISTANCE)
            without = logs.sum(1, keepdims=True) - logs
            for column in np.argsort(without.min(0), kind="stable")[:MAX_SUSPECTS]:
                nearest = np.argsort(without[:, column], kind="stable")[:LENDERS]
                record += [i] * len(nearest)
                suspect += [int(column)] * len(nearest)
                lenders.append(pool.values[nearest])
                differences.append(logs[nearest])
        return _Search(
            self,
            x,
            gaps,
            np.array(record),
            np.array(suspect),
            np.concatenate(lenders),
            np.concatenate(differences),
            self._max_score,
        )


class _Search:
    """N pairs of a record and a generated one that lends it columns until it is normal.

    Attributes:
        record: The number of each pair's record, ``(N,)``, ascending.
        suspect: The column that the generated one lends first, ``(N,)``.
        lenders: The generated records, ``(N, D)``.
        differences: Logarithms of the columns' squared distances, ``(N, C)``.
        changed: Which columns are lent, ``(N, C)``; all at first.
        limit: The score up to which the record counts as normal, ``(N,)``.
        open: Pairs that may still be best, ``(N,)``.
    """

    def __init__(
        self,
        finder: CounterfactualFinder,
        x: Floats,
        gaps: Bools,
        record: Indices,
        suspect: Indices,
        lenders: Floats,
        differences: Floats,
        max_score: float,
    ) -> None:
        self.finder, self.x, self.gaps = finder, x, gaps
        self.record, self.suspect = record, suspect
        self.lenders, self.differences = lenders, differences
        self.changed = np.ones(differences.shape, bool)
        self.limit = np.maximum(finder.ensemble.score(lenders), max_score)
        self.open = np.ones(len(lenders), bool)
        first = np.zeros(differences.shape)
        first[np.arange(len(lenders)), suspect] = np.inf
        self._order = np.argsort(-(differences + first), axis=1, kind="stable")

    def try_single(self) -> None:
        """Lend single columns; of a record for which one suffices, close all other pairs."""
        pairs = np.arange(len(self.lenders))
        tried = np.zeros(self.changed.shape, bool)
        tried[pairs, self.suspect] = True
        score = self._score(pairs, tried)
        suffices = score <= self.limit
        self.changed[suffices] = tried[suffices]
        order = np.lexsort([score, self.record])
        start = np.searchsorted(self.record, self.record)
        best = np.empty(len(pairs), bool)
        best[order] = pairs - start < MAX_PREFIX_PAIRS
        self.open = suffices | (best & ~np.isin(self.record, self.record[suffices]))

    def try_prefixes(self) -> None:
        """Elsewhere lend the 2, 4, … most different columns until a record is normal."""
        rank = np.argsort(self._order, axis=1)
        pairs, count = np.flatnonzero(self.open & self.changed.all(1)), 2
        while len(pairs) and count < rank.shape[1]:
            tried = rank[pairs] < count
            normal = self._score(pairs, tried) <= self.limit[pairs]
            self.changed[pairs[normal]] = tried[normal]
            pairs, count = pairs[~normal], 2 * count

    def prune(self) -> None:
        """Give columns back, the most similar first, as long as the record stays normal.

        Long runs of columns are tried at once, so that wide tables don't take long.
        """
        stacks = [
            _halve([int(column) for column in order[::-1] if changed[column]]) if is_open else []
            for order, changed, is_open in zip(self._order, self.changed, self.open, strict=True)
        ]
        while turns := [pair for pair, stack in enumerate(stacks) if stack]:
            pairs, tried = np.array(turns), self.changed[turns]
            runs = [stacks[pair].pop() for pair in turns]
            for row, run in zip(tried, runs, strict=True):
                row[run] = False
            normal = self._score(pairs, tried) <= self.limit[pairs]
            self.changed[pairs[normal]] = tried[normal]
            for at in np.flatnonzero(~normal):
                stacks[pairs[at]] += _halve(runs[at])

    def best(self) -> tuple[Indices, Floats, Floats]:
        """The best pair of each record, the mixed record, and its score.

        Few columns first, then the most normal record.
        """
        pairs = np.flatnonzero(self.open)
        mixed = self._mix(pairs, self.changed[pairs])
        score = self.finder.ensemble.score(mixed)
        order = np.lexsort([score, self.changed[pairs].sum(1), self.record[pairs]])
        first = order[np.unique(self.record[pairs][order], return_index=True)[1]]
        return pairs[first], mixed[first], score[first]

    def _score(self, pairs: Indices, changed: Bools) -> Floats:
        return self.finder.ensemble.score(self._mix(pairs, changed))

    def _mix(self, pairs: Indices, changed: Bools) -> Floats:
        rows = self.record[pairs]
        return self.finder.mix(self.x[rows], self.lenders[pairs], self.gaps[rows], changed)


def _halve(run: Sequence[int]) -> list[list[int]]:
    """A stack of both halves, the first on top; empty if there is nothing to halve."""
    half = len(run) // 2
    return [list(run[half:]), list(run[:half])] if half else []
