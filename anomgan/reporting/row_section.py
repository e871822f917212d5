"""The report's section on the most abnormal rows, one by one: scores, reasons, normal values."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from anomgan.data.encoders.image import ImageEncoder
from anomgan.errors import InputError
from anomgan.plotting.images import png_triptych, to_rgb
from anomgan.reporting.model_section import describe_column
from anomgan.reporting.scored_rows import ScoredRows

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector

MAX_SHOWN_COLUMNS = 12
"""Columns of a row that are shown, those that explain most first."""

MAX_SENTENCES = 2
"""Reasons that are given in words."""


def describe_top_rows(detector: GANDetector, scored: ScoredRows) -> list[dict[str, Any]]:
    """The most abnormal rows, for the template."""
    top = scored.top
    frame = scored.frame.iloc[top].reset_index(drop=True)
    # first_row=1: at row 0 the encoder would warn of unknown columns once more.
    # Rows of series are in windows of their neighbours.
    of_series = detector.encoder_.dependent_rows > 1
    encoded = scored.frame if of_series else frame
    values, report = detector.encoder_.transform(encoded, source=scored.source, first_row=1)
    aspects = detector.ensemble_.components(values)
    if report.windows is not None:
        aspects = {name: report.windows.to_rows(each)[top] for name, each in aspects.items()}
    reasons = (
        _explain_rows(detector, scored) if of_series else _explain(detector, frame, scored.source)
    )
    pictures = _draw_pictures(detector, values)
    conditions = [column.name for column in detector.encoder_.schema.conditions]
    rows = []
    for at, index in enumerate(top):
        lines = (
            _list_columns(detector, frame.iloc[at])
            if reasons is None
            else _list_reasons(reasons, at)
        )
        rows.append(
            {
                "name": scored.names[index],
                "score": scored.score[index],
                "p_value": scored.p_value[index],
                "probability": None if scored.probability is None else scored.probability[index],
                "flagged": scored.flagged[index],
                "abnormal": None if scored.labels is None else scored.labels[index],
                "aspects": [(name, values[at]) for name, values in aspects.items()],
                "given": [(name, _format_cell(frame.iloc[at][name])) for name in conditions],
                "sentence": "" if reasons is None else _sentence(reasons, at),
                "explained": reasons is not None,
                "picture": None if pictures is None else pictures[at],
                "cells": lines[:MAX_SHOWN_COLUMNS],
                "more": max(0, len(lines) - MAX_SHOWN_COLUMNS),
            }
        )
    return rows


def _explain_rows(detector: GANDetector, scored: ScoredRows) -> pd.DataFrame:
    """The same for rows of a series, which are numbered by their place among the top ones."""
    rows = np.sort(scored.top).astype(np.int64)
    lines = detector.explain_frame(scored.frame, rows=rows, source=scored.source).frame
    place = {int(row): at for at, row in enumerate(scored.top)}
    return lines.assign(row=lines["row"].map(place))


def _explain(detector: GANDetector, frame: pd.DataFrame, source: str) -> pd.DataFrame | None:
    """A line for each row and column; None for a model of pictures."""
    try:
        return detector.explain_frame(frame, source=source).frame
    except InputError:  # pictures have no columns
        return None


def _list_reasons(reasons: pd.DataFrame, row: int) -> list[dict[str, Any]]:
    """Columns by their contribution to the score, with observed and normal values."""
    lines: Any = reasons[reasons["row"] == row].sort_values("rank").to_dict("records")
    most = max(1e-12, *(line["contribution"] for line in lines))
    return [
        {
            "column": line["column"],
            "value": _format_cell(line["observed"]),
            "normal": _format_cell(line["expected"]),
            "part": line["contribution"],
            "width": round(100 * max(0.0, line["contribution"]) / most),
        }
        for line in lines
    ]


def _sentence(reasons: pd.DataFrame, row: int) -> str:
    lines = reasons[(reasons["row"] == row) & (reasons["contribution"] > 0)].sort_values("rank")
    return "; ".join(lines["sentence"].dropna()[:MAX_SENTENCES])


def _draw_pictures(detector: GANDetector, values: Any) -> list[str] | None:
    """Each picture, its reconstruction and anomaly map side by side, as ``data:`` URLs."""
    encoder, fitted = detector.encoder_, detector.ensemble_
    if not isinstance(encoder, ImageEncoder):
        return None
    originals = encoder.to_pictures(values)
    reconstructions = to_rgb(encoder.to_pictures(fitted.reconstruct(values)), like=originals)
    files = map(png_triptych, to_rgb(originals), reconstructions, fitted.anomaly_maps(values))
    return [f"data:image/png;base64,{base64.b64encode(png).decode()}" for png in files]


def _list_columns(detector: GANDetector, row: pd.Series[Any]) -> list[dict[str, Any]]:
    """Columns in the table's order, with what they held in training."""
    columns = detector.encoder_.schema.columns
    return [
        {"column": c.name, "value": _format_cell(row[c.name]), "normal": describe_column(c)}
        for c in columns
    ]


def _format_cell(cell: Any) -> str:
    if pd.isna(cell):
        return "missing"
    return f"{cell:.5g}" if isinstance(cell, float) else str(cell)
