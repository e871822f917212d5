"""Why a record is abnormal: what each column adds to its score, and what would be normal instead.

The score's excess over that of a counterfactual, a normal record with few columns changed, is
attributed to these columns as Shapley values (Lundberg and Lee, "A unified approach to interpreting
model predictions", 2017): to each by what it adds to the scores of mixtures of the two records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from anomgan.data.encoders.table import TableEncoder
from anomgan.data.parse_report import ParseReport
from anomgan.data.table.cells import read_cells
from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.explain.counterfactual import CounterfactualFinder, Counterfactuals
from anomgan.explain.shapley import list_coalitions, shapley_values
from anomgan.explain.wording import describe_cell
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.utils.types import Bools, Floats

MAX_PLAYERS = 30
"""Upper bound on the columns that an excess is attributed to singly; further ones share a part."""

OTHER_COLUMNS = "(other columns)"
"""Name of these further columns together."""

SCORED_ROWS = 32
"""Rows whose mixtures are scored together."""

Contribution = tuple[list[int], float]
"""Columns and what they contribute together."""

TEXT_COLUMNS = ("column", "sentence")
EXPLANATION_COLUMNS = [
    "row", "rank", "column", "contribution", "observed", "expected", "sentence",
]  # fmt: skip
"""Columns of an explanation."""


@dataclass(frozen=True)
class Explanation:
    """Explanations of n rows.

    Attributes:
        frame: One line for each row and column, with `EXPLANATION_COLUMNS`.
        score: Scores of the rows, ``(n,)``; larger is more abnormal.
        p_value: Their conformal p-values, ``(n,)``.
        normal_score: Scores of their counterfactuals, ``(n,)``.
    """

    frame: pd.DataFrame
    score: Floats
    p_value: Floats
    normal_score: Floats


class Explainer:
    """Explains the scores of a table's rows.  Deterministic; rows don't depend on one another.

    Attributes:
        finder: Finds counterfactuals.
    """

    def __init__(self, encoder: TableEncoder, ensemble: FittedEnsemble) -> None:
        """Explain the ensemble's scores of tables that the encoder encodes."""
        self.encoder, self.ensemble = encoder, ensemble
        self.finder = CounterfactualFinder(encoder, ensemble)

    def __call__(
        self,
        frame: pd.DataFrame,
        *,
        encoded: tuple[Floats, ParseReport] | None = None,
        top: int | None = None,
        source: str = "the table",
    ) -> Explanation:
        """Explain n rows.

        Args:
            frame: A table with the training table's columns; others are ignored without a warning.
            encoded: The same rows encoded and their report, if the caller has these already.
            top: Columns to give of each row, those that contribute most; all by default.
            source: What messages call the table.
        """
        if encoded is None:
            # As if it weren't the first chunk, whose unknown columns give a warning.
            encoded = self.encoder.transform(frame, first_row=1, source=source)
        values, report = encoded
        observed = [_Cells(self.encoder, frame, at, source) for at in range(len(self.columns))]
        gaps = np.stack([column.gaps for column in observed], axis=1)
        score = self.ensemble.score(values)
        normal = self.finder.find(values, gaps, score)
        expected = self.encoder.decode(normal.values)
        raised = self.ensemble.raise_scores(score, report.changed_rows)
        constants = self._describe_constants(frame, report.changed_rows, raised - score)
        lines: list[dict[str, Any]] = []
        for i, contributions in enumerate(self._attribute(values, gaps, normal)):
            first = constants.get(i, [])[:top]
            lines += [line | {"row": i, "rank": rank} for rank, line in enumerate(first, 1)]
            rest = None if top is None else top - len(first)
            ranked = sorted(contributions, key=lambda part: -part[1])[:rest]
            for rank, (columns, contribution) in enumerate(ranked, 1 + len(first)):
                line: dict[str, Any] = {"row": i, "rank": rank, "contribution": contribution}
                if len(columns) > 1:
                    sentence = f"{len(columns)} other columns together"
                    lines.append(line | {"column": OTHER_COLUMNS, "sentence": sentence})
                    continue
                [at] = columns
                cells = observed[at]
                cell = expected[cells.name].iloc[i] if normal.changed[i, at] else cells[i]
                sentence = describe_cell(cells.name, cells[i], cell, oddity=cells.oddity(i))
                line |= {"column": cells.name, "observed": cells[i], "expected": cell}
                lines.append(line | {"sentence": sentence})
        table = pd.DataFrame(lines, columns=EXPLANATION_COLUMNS, dtype=object)
        numbers = {"row": "int64", "rank": "int64", "contribution": "float64"}
        table = table.astype(numbers | dict.fromkeys(TEXT_COLUMNS, "str"))
        p_value = self.ensemble.p_values(raised, values)
        return Explanation(table, raised, p_value, normal.score)

    def _describe_constants(
        self, frame: pd.DataFrame, changes: Mapping[str, Bools], excess: Floats
    ) -> dict[int, list[dict[str, Any]]]:
        """Row -> a line for each constant column that changed in it; they share the excess."""
        values = {column.name: column.value for column in self.encoder.schema.dropped}
        positions = self.encoder.schema.locate(frame, warn=False) if changes else {}
        count = np.sum(list(changes.values()), axis=0) if changes else np.zeros(len(frame))
        lines: dict[int, list[dict[str, Any]]] = {}
        for name, rows in changes.items():
            for row in np.flatnonzero(rows).tolist():
                observed, expected = frame.iloc[row, positions[name]], values[name]
                sentence = describe_cell(name, observed, expected, oddity="constant in training")
                line = {"column": name, "observed": observed, "expected": expected}
                line |= {"contribution": excess[row] / count[row], "sentence": sentence}
                lines.setdefault(row, []).append(line)
        return lines

    @property
    def columns(self) -> list[str]:
        """The columns that can contribute."""
        return self.finder.columns

    def _attribute(
        self, values: Floats, gaps: Bools, normal: Counterfactuals
    ) -> list[list[Contribution]]:
        """For each row the contributions of its columns; unchanged ones contribute 0."""
        result: list[list[Contribution]] = []
        columns = normal.changed.shape[1]
        for start in range(0, len(values), SCORED_ROWS):
            rows = range(start, min(start + SCORED_ROWS, len(values)))
            players = [_choose_players(normal.changed[i], normal.differences[i]) for i in rows]
            exchanged = [_exchanged_columns(row_players, columns) for row_players in players]
            sizes = [len(each) for each in exchanged]
            at = np.repeat(rows, sizes)
            mixed = self.finder.mix(
                values[at], normal.values[at], gaps[at], np.concatenate(exchanged)
            )
            worths = np.split(self.ensemble.score(mixed), np.cumsum(sizes)[:-1])
            for i, row_players, worth in zip(rows, players, worths, strict=True):
                shares = shapley_values(worth, len(row_players)).tolist()
                unchanged = np.flatnonzero(~normal.changed[i])
                rest: list[Contribution] = [([int(column)], 0.0) for column in unchanged]
                result.append([*zip(row_players, shares, strict=True), *rest])
        return result


def _choose_players(changed: Bools, differences: Floats) -> list[list[int]]:
    """Split the changed columns into players: single ones, the most different first, and a rest."""
    columns = np.flatnonzero(changed)
    columns = columns[np.argsort(-differences[columns], kind="stable")]
    rest = [int(column) for column in columns[MAX_PLAYERS:]]
    return [[int(column)] for column in columns[:MAX_PLAYERS]] + ([rest] if rest else [])


def _exchanged_columns(players: list[list[int]], columns: int) -> Bools:
    """Columns to exchange for each coalition of players that keep their cells, ``(S, C)``."""
    coalitions = list_coalitions(len(players))
    exchanged = np.zeros((len(coalitions), columns), bool)
    for at, player in enumerate(players):
        exchanged[:, player] = ~coalitions[:, [at]]
    return exchanged


class _Cells:
    """The cells of one column as they are shown.

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
        keep_raw = reading.unreadable | np.isinf(reading.values)
        if isinstance(column, CategoryColumn):
            self._unseen = column.is_unseen(reading.values)
            keep_raw = ~np.isnan(reading.values)
        restored = column.restore(np.where(keep_raw, np.nan, reading.values))
        self._cells = [
            raw_cell if keep else cell
            for raw_cell, cell, keep in zip(raw, restored, keep_raw.tolist(), strict=True)
        ]

    def __getitem__(self, row: int) -> Any:
        return self._cells[row]

    def oddity(self, row: int) -> str:
        """What is odd about a cell itself; empty if nothing is."""
        if self._unreadable[row]:
            return f"not {self._wanted}"
        return "never seen" if self._unseen[row] else ""
