"""The nearest normal record: a given one with the fewest cells changed that make it normal.

A generated record that is normal lends cells to the given one until the score says that it is
normal, too; then what isn't needed is given back.  Plain inversion wouldn't do: the generated
record that comes nearest to an abnormal one may be abnormal itself, as generators also fill the
gaps between what they learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anomgan.data.encoders.table import TableEncoder
from anomgan.explain.candidates import Pools
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.utils.types import Floats

Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]

SUSPECTS = 10
"""Columns of each record that are tried one by one: those without which it would come nearest to
normal ones."""

LENDERS = 3
"""Generated records, the nearest in all columns but one, that lend that one."""

HOPEFUL = 6
"""Pairs of a record and a generated one that are tried on where no single column is enough."""

NORMAL = 0.9
"""Quantile of calibration scores up to which a record counts as normal."""

GAP = 1e6
"""How unlike a cell is, in usual squared distances, that is missing where none was in training."""

AT_ONCE = 32
"""Records for which normal ones are sought together."""


@dataclass(frozen=True)
class Nearest:
    """Records beside the normal ones found for them.

    Attributes:
        values: The normal records, encoded, ``(n, D)``.
        changed: Which columns differ in them, ``(n, C)``.
        unlike: How unlike the columns are, logarithms of squared distances, ``(n, C)``.
        score: Scores of the normal records, ``(n,)``.
    """

    values: Floats
    changed: Bools
    unlike: Floats
    score: Floats


class Counterfactuals:
    """Finds normal records beside abnormal ones of a table.  All draws have fixed seeds.

    Attributes:
        columns: The C columns of the schema, in its order.
    """

    def __init__(self, encoder: TableEncoder, ensemble: FittedEnsemble) -> None:
        """Keep encoder and ensemble; records are generated when first needed."""
        self.encoder, self.ensemble = encoder, ensemble
        self.columns = [column.name for column in encoder.schema.columns]
        self._pools = Pools(encoder, ensemble)
        self._normal = np.quantile(ensemble.calibrator.scores, NORMAL)

    def mixed(self, x: Floats, made: Floats, gaps: Bools, changed: Bools) -> Floats:
        """Records with some columns of others.

        Args:
            x: The records, ``(n, D)``.
            made: The others, ``(n, D)``.
            gaps: In which columns each record lacks a cell although none was missing in training,
                ``(n, C)``.
            changed: Which columns to take from the other, ``(n, C)``.
        """
        owner, mixed = self._pools.owner, x.copy()
        judged = len(owner)
        mixed[:, :judged] = np.where(changed[:, owner], made[:, :judged], x[:, :judged])
        mixed[:, judged] = (gaps & ~changed).any(1)
        return mixed

    def nearest(self, values: Floats, gaps: Bools, score: Floats) -> Nearest:
        """Find normal records; one that is normal already stays as it is.

        Where generated records aren't normal, which happens with hardly trained networks, those
        found are no less so than the generated record they come from.

        Args:
            values: Encoded records, ``(n, D)``.
            gaps: In which columns each lacks a cell although none was missing in training,
                ``(n, C)``.
            score: Their scores, ``(n,)``.
        """
        shape = len(values), len(self.columns)
        near = Nearest(values.copy(), np.zeros(shape, bool), np.zeros(shape), score.copy())
        odd = np.flatnonzero((score > self._normal) | gaps.any(1))
        for start in range(0, len(odd), AT_ONCE):
            some = odd[start : start + AT_ONCE]
            search = self._search(values[some], gaps[some])
            search.alone()
            search.together()
            search.give_back()
            best, found, normal = search.best()
            near.values[some], near.score[some] = found, normal
            near.changed[some], near.unlike[some] = search.changed[best], search.unlike[best]
        return near

    def _search(self, x: Floats, gaps: Bools) -> _Search:
        """Have several generated records lend cells to each."""
        record, suspect, made, unlike = [], [], [], []
        for i, scaled in enumerate(self._pools.scaled(x).swapaxes(0, 1)):
            pool = self._pools.of(x[i, self.encoder.spec.record_size :])
            # The logarithm prefers few large differences to many small ones.
            logs = np.log1p(self._pools.distances(scaled[:, None], pool.scaled) / pool.usual)
            logs[:, gaps[i]] = np.log1p(GAP)
            without = logs.sum(1, keepdims=True) - logs
            for column in np.argsort(without.min(0), kind="stable")[:SUSPECTS]:
                nearest = np.argsort(without[:, column], kind="stable")[:LENDERS]
                record += [i] * len(nearest)
                suspect += [int(column)] * len(nearest)
                made.append(pool.values[nearest])
                unlike.append(logs[nearest])
        return _Search(
            self,
            x,
            gaps,
            np.array(record),
            np.array(suspect),
            np.concatenate(made),
            np.concatenate(unlike),
            self._normal,
        )


class _Search:
    """Pairs of a record and a generated one that lends it columns until it is normal.

    Attributes:
        record: The number of each pair's record, ``(N,)``, ascending.
        suspect: The column that the generated one is to lend first, ``(N,)``.
        made: The generated records, ``(N, D)``.
        unlike: How unlike the columns of the two are, ``(N, C)``.
        changed: Which columns are lent, ``(N, C)``; all at first.
        limit: The score up to which the record counts as normal, ``(N,)``.
        open: Pairs that may still be best, ``(N,)``.
    """

    def __init__(
        self,
        room: Counterfactuals,
        x: Floats,
        gaps: Bools,
        record: Indices,
        suspect: Indices,
        made: Floats,
        unlike: Floats,
        normal: float,
    ) -> None:
        self.room, self.x, self.gaps = room, x, gaps
        self.record, self.suspect, self.made, self.unlike = record, suspect, made, unlike
        self.changed = np.ones(unlike.shape, bool)
        self.limit = np.maximum(room.ensemble.score(made), normal)
        self.open = np.ones(len(made), bool)
        first = np.zeros(unlike.shape)
        first[np.arange(len(made)), suspect] = np.inf
        self._order = np.argsort(-(unlike + first), axis=1, kind="stable")

    def alone(self) -> None:
        """Lend single columns; where one is enough, pairs for which it isn't are given up."""
        pairs = np.arange(len(self.made))
        tried = np.zeros(self.changed.shape, bool)
        tried[pairs, self.suspect] = True
        score = self._score(pairs, tried)
        enough = score <= self.limit
        self.changed[enough] = tried[enough]
        order = np.lexsort([score, self.record])
        start = np.searchsorted(self.record, self.record)
        hopeful = np.empty(len(pairs), bool)
        hopeful[order] = pairs - start < HOPEFUL
        self.open = enough | (hopeful & ~np.isin(self.record, self.record[enough]))

    def together(self) -> None:
        """Elsewhere lend 2, 4, … columns, then the most unlike, until a record is normal."""
        rank = np.argsort(self._order, axis=1)
        waiting, count = np.flatnonzero(self.open & self.changed.all(1)), 2
        while len(waiting) and count < rank.shape[1]:
            tried = rank[waiting] < count
            normal = self._score(waiting, tried) <= self.limit[waiting]
            self.changed[waiting[normal]] = tried[normal]
            waiting, count = waiting[~normal], 2 * count

    def best(self) -> tuple[Indices, Floats, Floats]:
        """The best pair of each record, what the record has become, and its score.

        Few columns first, then the most normal record.
        """
        pairs = np.flatnonzero(self.open)
        found = self._mixed(pairs, self.changed[pairs])
        score = self.room.ensemble.score(found)
        order = np.lexsort([score, self.changed[pairs].sum(1), self.record[pairs]])
        first = order[np.unique(self.record[pairs][order], return_index=True)[1]]
        return pairs[first], found[first], score[first]

    def give_back(self) -> None:
        """Give columns back, the most alike first, as long as the record stays normal.

        Long runs of columns are tried at once, so that wide tables don't take long.
        """
        stacks = [
            _halves([int(column) for column in order[::-1] if changed[column]]) if is_open else []
            for order, changed, is_open in zip(self._order, self.changed, self.open, strict=True)
        ]
        while turns := [pair for pair, stack in enumerate(stacks) if stack]:
            which, tried = np.array(turns), self.changed[turns]
            runs = [stacks[pair].pop() for pair in turns]
            for row, run in zip(tried, runs, strict=True):
                row[run] = False
            normal = self._score(which, tried) <= self.limit[which]
            self.changed[which[normal]] = tried[normal]
            for at in np.flatnonzero(~normal):
                stacks[which[at]] += _halves(runs[at])

    def _score(self, which: Indices, changed: Bools) -> Floats:
        return self.room.ensemble.score(self._mixed(which, changed))

    def _mixed(self, which: Indices, changed: Bools) -> Floats:
        own = self.record[which]
        return self.room.mixed(self.x[own], self.made[which], self.gaps[own], changed)


def _halves(run: Sequence[int]) -> list[list[int]]:
    """A stack of both halves, the first on top; empty if there is nothing to halve."""
    half = len(run) // 2
    return [list(run[half:]), list(run[:half])] if half else []
