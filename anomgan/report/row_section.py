"""What the page says of single rows: how abnormal, why, and what would be normal instead."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pandas as pd

from anomgan.data.encoders.image import ImageEncoder
from anomgan.errors import InputError
from anomgan.plotting.images import shown, triptych
from anomgan.report.model_section import holds
from anomgan.report.scored_rows import Batch

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector

MOST_CELLS = 12
"""Columns of a row that are shown, those that explain most first."""

SENTENCES = 2
"""Reasons that are told in words."""


def top_rows(detector: GANDetector, batch: Batch) -> list[dict[str, Any]]:
    """The most abnormal rows one by one, as the template wants them."""
    places = batch.top
    frame = batch.frame.iloc[places].reset_index(drop=True)
    # Not the first row of the table, of which unknown columns would be told once more.
    values, _ = detector.encoder_.transform(frame, source=batch.source, first_row=1)
    aspects = detector.ensemble_.components(values)
    why = _explained(detector, frame, batch.source)
    pictures = _pictures(detector, values)
    conditions = [column.name for column in detector.encoder_.schema.conditions]
    rows = []
    for at, place in enumerate(places):
        lines = _described(detector, frame.iloc[at]) if why is None else _reasons(why, at)
        rows.append(
            {
                "name": batch.names[place],
                "score": batch.score[place],
                "p_value": batch.p_value[place],
                "probability": None if batch.probability is None else batch.probability[place],
                "flagged": batch.flagged[place],
                "abnormal": None if batch.labels is None else batch.labels[place],
                "aspects": [(name, values[at]) for name, values in aspects.items()],
                "given": [(name, _text(frame.iloc[at][name])) for name in conditions],
                "sentence": "" if why is None else _sentence(why, at),
                "explained": why is not None,
                "picture": None if pictures is None else pictures[at],
                "cells": lines[:MOST_CELLS],
                "more": max(0, len(lines) - MOST_CELLS),
            }
        )
    return rows


def _explained(detector: GANDetector, frame: pd.DataFrame, source: str) -> pd.DataFrame | None:
    """Why each row is abnormal, a line for each row and column; None if the model can't say."""
    try:
        return detector.explain_frame(frame, source=source).frame
    except InputError:  # of pictures there are no columns to blame
        return None


def _reasons(why: pd.DataFrame, row: int) -> list[dict[str, Any]]:
    """Columns by what they add to the score, with what would be normal beside what is."""
    lines: Any = why[why["row"] == row].sort_values("rank").to_dict("records")
    most = max(1e-12, *(line["contribution"] for line in lines))
    return [
        {
            "column": line["column"],
            "value": _text(line["observed"]),
            "normal": _text(line["expected"]),
            "part": line["contribution"],
            "width": round(100 * max(0.0, line["contribution"]) / most),
        }
        for line in lines
    ]


def _sentence(why: pd.DataFrame, row: int) -> str:
    lines = why[(why["row"] == row) & (why["contribution"] > 0)].sort_values("rank")
    return "; ".join(lines["sentence"].dropna()[:SENTENCES])


def _pictures(detector: GANDetector, values: Any) -> list[str] | None:
    """Each picture, the nearest normal one and where they differ, as ``data:`` addresses."""
    encoder, fitted = detector.encoder_, detector.ensemble_
    if not isinstance(encoder, ImageEncoder):
        return None
    known, nearest = (
        shown(encoder.to_pictures(each)) for each in (values, fitted.reconstruct(values))
    )
    drawn = map(triptych, known, nearest, fitted.anomaly_maps(values))
    return [f"data:image/png;base64,{base64.b64encode(png).decode()}" for png in drawn]


def _described(detector: GANDetector, row: pd.Series[Any]) -> list[dict[str, Any]]:
    """Columns as they stand, with what they held in training."""
    columns = detector.encoder_.schema.columns
    return [{"column": c.name, "value": _text(row[c.name]), "normal": holds(c)} for c in columns]


def _text(cell: Any) -> str:
    if pd.isna(cell):
        return "missing"
    return f"{cell:.5g}" if isinstance(cell, float) else str(cell)
