"""Why a record is abnormal: what each column adds to its score, and what would be normal instead.

The score's excess over that of the nearest normal record is shared out among the columns in which
the two differ, as Shapley values (Lundberg and Lee, "A unified approach to interpreting model
predictions", 2017): each column by what it adds to mixtures of the two records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from anomgan.data.encoders.table import TableEncoder
from anomgan.data.table.cells import read_cells
from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.explain.counterfactual import Bools, Counterfactuals, Nearest
from anomgan.explain.shapley import coalitions, shapley
from anomgan.explain.wording import sentence
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.utils.types import Floats

PLAYERS = 30
"""Most columns among which an excess is shared out one by one; further ones share as one."""

OTHER_COLUMNS = "(other columns)"
"""Name under which these share."""

AT_ONCE = 32
"""Rows whose mixtures are scored together."""

Part = tuple[list[int], float]
"""Columns and what they contribute together."""

TEXT = ("column", "sentence")
EXPLANATION_COLUMNS = ["row", "rank", "column", "contribution", "observed", "expected", "sentence"]
"""Columns of an explanation."""


@dataclass(frozen=True)
class Explanation:
    """Explanations of n rows.

    Attributes:
        frame: One line for each row and column, with `EXPLANATION_COLUMNS`.
        score: Scores of the rows, ``(n,)``; larger is more abnormal.
        p_value: Their conformal p-values, ``(n,)``.
        normal_score: Scores of the normal rows beside them, ``(n,)``.
    """

    frame: pd.DataFrame
    score: Floats
    p_value: Floats
    normal_score: Floats


class Explainer:
    """Explains the scores of a table's rows.  Deterministic; rows don't depend on one another.

    Attributes:
        counterfactuals: Finds the nearest normal records.
    """

    def __init__(self, encoder: TableEncoder, ensemble: FittedEnsemble) -> None:
        """Explain what this detector says of tables that this encoder encodes."""
        self.encoder, self.ensemble = encoder, ensemble
        self.counterfactuals = Counterfactuals(encoder, ensemble)

    def __call__(
        self,
        frame: pd.DataFrame,
        *,
        values: Floats | None = None,
        top: int | None = None,
        source: str = "the table",
    ) -> Explanation:
        """Explain n rows.

        Args:
            frame: A table with the training table's columns; others are ignored without a warning.
            values: The same rows encoded, if the caller has encoded them already.
            top: Columns to give of each row, those that contribute most; all by default.
            source: What messages call the table.
        """
        if values is None:
            # As if it weren't the first chunk, whose unknown columns give a warning.
            values, _ = self.encoder.transform(frame, first_row=1, source=source)
        observed = [_Cells(self.encoder, frame, at, source) for at in range(len(self.columns))]
        gaps = np.stack([column.gaps for column in observed], axis=1)
        score = self.ensemble.score(values)
        near = self.counterfactuals.nearest(values, gaps, score)
        expected = self.encoder.decode(near.values)
        contributions = self._contributions(values, gaps, near)
        lines: list[dict[str, Any]] = []
        for i, parts in enumerate(contributions):
            ranked = sorted(parts, key=lambda part: -part[1])[:top]
            for rank, (columns, contribution) in enumerate(ranked, 1):
                line: dict[str, Any] = {"row": i, "rank": rank, "contribution": contribution}
                if len(columns) > 1:
                    told = f"{len(columns)} other columns together"
                    lines.append(line | {"column": OTHER_COLUMNS, "sentence": told})
                    continue
                [at] = columns
                cells = observed[at]
                wanted = expected[cells.name].iloc[i] if near.changed[i, at] else cells[i]
                text = sentence(cells.name, cells[i], wanted, odd=cells.odd(i))
                line |= {"column": cells.name, "observed": cells[i], "expected": wanted}
                lines.append(line | {"sentence": text})
        table = pd.DataFrame(lines, columns=EXPLANATION_COLUMNS, dtype=object)
        kinds = {"row": "int64", "rank": "int64", "contribution": "float64"} | dict.fromkeys(
            TEXT, "str"
        )
        p_value = self.ensemble.p_values(score, values)
        return Explanation(table.astype(kinds), score, p_value, near.score)

    @property
    def columns(self) -> list[str]:
        """The columns that can contribute."""
        return self.counterfactuals.columns

    def _contributions(self, values: Floats, gaps: Bools, near: Nearest) -> list[list[Part]]:
        """For each row what its columns contribute; those left unchanged nothing."""
        found: list[list[Part]] = []
        for start in range(0, len(values), AT_ONCE):
            rows = range(start, min(start + AT_ONCE, len(values)))
            players = [_players(near.changed[i], near.unlike[i]) for i in rows]
            taken = [_taken(own, near.changed.shape[1]) for own in players]
            each = np.repeat(rows, [len(some) for some in taken])
            mixed = self.counterfactuals.mixed(
                values[each], near.values[each], gaps[each], np.concatenate(taken)
            )
            score = self.ensemble.score(mixed)
            ends = np.cumsum([len(some) for some in taken])[:-1]
            for i, own, worth in zip(rows, players, np.split(score, ends), strict=True):
                shares = shapley(worth, len(own)).tolist()
                rest: list[Part] = [([int(c)], 0.0) for c in np.flatnonzero(~near.changed[i])]
                found.append([*zip(own, shares, strict=True), *rest])
        return found


def _players(changed: Bools, unlike: Floats) -> list[list[int]]:
    """The changed columns that share out a row's excess, mostly one by one."""
    blamed = np.flatnonzero(changed)
    blamed = blamed[np.argsort(-unlike[blamed], kind="stable")]
    rest = [int(column) for column in blamed[PLAYERS:]]
    return [[int(column)] for column in blamed[:PLAYERS]] + ([rest] if rest else [])


def _taken(players: list[list[int]], columns: int) -> Bools:
    """For each coalition of players that keep their own cells, the columns that don't."""
    who = coalitions(len(players))
    taken = np.zeros((len(who), columns), bool)
    for at, player in enumerate(players):
        taken[:, player] = ~who[:, [at]]
    return taken


class _Cells:
    """The cells of one column as people should see them.

    Attributes:
        name: The column.
        gaps: Where a cell is missing although none was in training, ``(n,)``.
    """

    def __init__(self, encoder: TableEncoder, frame: pd.DataFrame, at: int, source: str) -> None:
        column = encoder.schema.columns[at]
        self.name, self._wanted = column.name, column.expected
        raw = frame.iloc[:, encoder.schema.locate(frame, warn=False)[column.name]]
        reading = column.parse(read_cells(raw, source=source))
        self.gaps = np.isnan(reading.values) & (not column.missing)
        self._unreadable, self._unseen = reading.unreadable, np.zeros(len(frame), bool)
        as_given = reading.unreadable | np.isinf(reading.values)
        if isinstance(column, CategoryColumn):
            self._unseen = column.is_unseen(reading.values)
            as_given = ~np.isnan(reading.values)
        read = column.restore(np.where(as_given, np.nan, reading.values))
        self._cells = [
            given if own else cell
            for given, cell, own in zip(raw, read, as_given.tolist(), strict=True)
        ]

    def __getitem__(self, row: int) -> Any:
        return self._cells[row]

    def odd(self, row: int) -> str:
        """What is odd about a cell, whatever the others hold."""
        if self._unreadable[row]:
            return f"not {self._wanted}"
        return "never seen" if self._unseen[row] else ""
