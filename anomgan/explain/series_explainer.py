"""Explain the scores of series' rows: which columns of the windows around them aren't normal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from anomgan.data.encoders.series import SeriesEncoder
from anomgan.data.parse_report import ParseReport
from anomgan.data.series.windows import Indices
from anomgan.explain.explainer import EXPLANATION_COLUMNS, TEXT_COLUMNS, Explanation
from anomgan.explain.wording import describe_cell
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.utils.types import Floats


class SeriesExplainer:
    """Explains rows by the most abnormal of the windows that hold them.

    Columns contribute by what the window's score falls by when those of the nearest window of
    training stand in for them, one at a time; so contributions needn't add up.

    Attributes:
        encoder: Encodes tables as windows.
        ensemble: Scores these.
    """

    def __init__(self, encoder: SeriesEncoder, ensemble: FittedEnsemble) -> None:
        """Explain the ensemble's scores of tables that the encoder encodes."""
        self.encoder, self.ensemble = encoder, ensemble

    def __call__(
        self,
        frame: pd.DataFrame,
        *,
        encoded: tuple[Floats, ParseReport] | None = None,
        top: int | None = None,
        source: str = "the table",
        rows: Indices | None = None,
    ) -> Explanation:
        """Explain some rows of a table.

        Args:
            frame: All rows that their windows reach to, with the training table's columns.
            encoded: Its windows and their report, if the caller has these already.
            top: Columns to give of each row, those that contribute most; all by default.
            source: What messages call the table.
            rows: Positions of the rows to explain; by default all that have a score.
        """
        if encoded is None:
            encoded = self.encoder.transform(frame, first_row=1, source=source)
        values, report = encoded
        windows = report.windows
        if windows is None:
            raise ValueError("a series' encoder reports windows")
        score_of_window = self.ensemble.score(values)
        score = windows.to_rows(score_of_window)
        wanted = np.arange(len(frame)) if rows is None else rows
        wanted = wanted[~np.isnan(score[wanted])]
        points = windows.rows[wanted]
        chosen = windows.find_largest(score_of_window, points)
        used, place = np.unique(chosen, return_inverse=True)
        contributions, expected, normal_score = self._attribute(values[used])
        steps = points - windows.starts[chosen]
        cells = self._decode(expected).iloc[place * self.encoder.layout.length + steps]
        positions = self.encoder.schema.locate(frame, source=source, warn=False)
        lines: list[dict[str, Any]] = []
        for number, (row, window) in enumerate(zip(wanted.tolist(), place.tolist(), strict=True)):
            shares = self._by_column(contributions[window])
            for rank, (name, share) in enumerate(shares[:top], 1):
                seen, normal = frame.iloc[row, positions[name]], cells[name].iloc[number]
                lines.append(
                    {
                        "row": row,
                        "rank": rank,
                        "column": name,
                        "contribution": share,
                        "observed": seen,
                        "expected": normal,
                        "sentence": describe_cell(name, seen, normal),
                    }
                )
        table = pd.DataFrame(lines, columns=EXPLANATION_COLUMNS, dtype=object)
        numbers = {"row": "int64", "rank": "int64", "contribution": "float64"}
        table = table.astype(numbers | dict.fromkeys(TEXT_COLUMNS, "str"))
        p_value = self.ensemble.p_values(score[wanted], values)
        return Explanation(table, score[wanted], p_value, normal_score[place])

    def _attribute(self, records: Floats) -> tuple[Floats, Floats, Floats]:
        """What each channel contributes, ``(m, C)``; nearest normal records; their scores."""
        expected = self.ensemble.recall(records)
        score = self.ensemble.score(records)
        channels, length = len(self.encoder.layout.names), self.encoder.layout.length
        contributions = np.empty((len(records), channels))
        for channel in range(channels):
            span = slice(channel * length, (channel + 1) * length)
            exchanged = records.copy()
            exchanged[:, span] = expected[:, span]
            contributions[:, channel] = score - self.ensemble.score(exchanged)
        return contributions.clip(min=0), expected, self.ensemble.score(expected)

    def _by_column(self, contributions: Floats) -> list[tuple[str, float]]:
        """The user's columns and what they contribute, the most first."""
        totals: dict[str, float] = {}
        for name, share in zip(self.encoder.layout.columns, contributions.tolist(), strict=True):
            totals[name] = totals.get(name, 0.0) + share
        return sorted(totals.items(), key=lambda item: -item[1])

    def _decode(self, records: Floats) -> pd.DataFrame:
        """The points of records as rows of the training table."""
        columns = list(self.encoder.rows.columns)
        return pd.DataFrame(self.encoder.restore(records, columns, as_frame=True))
