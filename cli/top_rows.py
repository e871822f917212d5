"""``anomgan score --top``: the most abnormal records, with the reasons."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.console import show_table
from anomgan.cli.explained_rows import make_entries, to_json, to_json_value
from anomgan.cli.most_abnormal import MostAbnormal
from anomgan.data.readers.files import name_rows
from anomgan.estimator import GANDetector

REASONS = 3
"""Columns named for each record."""


def describe_top_rows(
    detector: GANDetector, found: MostAbnormal, flagged: Collection[int], *, source: str
) -> tuple[str, list[dict[str, Any]]]:
    """What records are called, and each as plain data: its name, results, and reasons in a table.

    Args:
        detector: What scored them.
        found: The records.
        flagged: Numbers of all flagged records.
        source: What messages call the file.
    """
    roles = ColumnRoles.from_detector(detector)
    named = roles.identifier is not None
    names = found.frame[roles.identifier] if named else name_rows(found.frame)
    reasons: list[list[dict[str, Any]]] = [[] for _ in range(len(names))]
    spec = detector.encoder_.spec
    if spec.grid is None and spec.window is None and len(names):
        explanation = detector.explain_frame(
            roles.drop_from(found.frame), top=REASONS, source=source
        )
        entries = list(make_entries(names.tolist(), explanation))
        reasons = [each["columns"] for each in to_json(str(names.name), entries)]
    label, rows = str(names.name), []
    results = found.results.itertuples(name=None)
    for name, (row, score, p_value), columns in zip(names, results, reasons, strict=True):
        numbers = {"score": score, "p_value": p_value, "is_anomaly": int(row in flagged)}
        rows.append({label: to_json_value(name), **numbers, "columns": columns})
    return label, rows


def show_top_rows(label: str, rows: list[dict[str, Any]]) -> None:
    """Print them as a table."""
    has_reasons = any(row["columns"] for row in rows)
    show_table(
        [label, "score", "p_value", "flagged", *(["why"] if has_reasons else [])],
        (
            [
                str(row[label]),
                f"{row['score']:.2f}",
                f"{row['p_value']:.3g}",
                "yes" if row["is_anomaly"] else "no",
                *(["; ".join(_list_reasons(row))] if has_reasons else []),
            ]
            for row in rows
        ),
        wrapped={"why"},
    )


def _list_reasons(row: dict[str, Any]) -> list[str]:
    """A sentence for each column that contributes."""
    return [each["sentence"] for each in row["columns"] if each["contribution"]]
