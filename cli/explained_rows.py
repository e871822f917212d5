"""Explanations of rows, as sentences, as a table, and as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from anomgan.utils.text import escape_control

if TYPE_CHECKING:
    import pyarrow as pa

    from anomgan.explain.explainer import Explanation

SCORES = ("score", "p_value", "normal_score")
"""Numbers of each explained row."""


def make_entries(names: list[Any], explanation: Explanation) -> Iterator[dict[str, Any]]:
    """For each row its name, scores and lines."""
    for (_, lines), name, score, p_value, normal_score in zip(
        explanation.frame.groupby("row", sort=True),
        names,
        explanation.score.tolist(),
        explanation.p_value.tolist(),
        explanation.normal_score.tolist(),
        strict=True,
    ):
        yield {
            "name": name,
            "score": score,
            "p_value": p_value,
            "normal_score": normal_score,
            "lines": lines.drop(columns="row"),
        }


def to_text(label: str, entries: list[dict[str, Any]]) -> Iterator[str]:
    """A paragraph of sentences for each row."""
    for entry in entries:
        yield (
            f"{label} {entry['name']}: score {entry['score']:.3g}, p-value {entry['p_value']:.2g}, "
            f"nearest normal row {entry['normal_score']:.3g}"
        )
        lines = [line for line in entry["lines"].to_dict("records") if line["contribution"]]
        for line in lines:
            yield escape_control(f"  {line['contribution']:+7.2f}  {line['sentence']}")
        if not lines:
            yield "           is normal as it is"


def to_table(label: str, entries: list[dict[str, Any]]) -> pa.Table:
    """A row for each explained row and column."""
    import pandas as pd

    from anomgan.cli.table_output import to_arrow_table

    parts = []
    for entry in entries:
        lines = entry["lines"].astype({"observed": object, "expected": object})
        for position, key in enumerate(("name", *SCORES)):
            lines.insert(position, label if key == "name" else key, entry[key])
        parts.append(lines)
    table = pd.concat(parts, ignore_index=True)
    for name in ("observed", "expected"):
        table[name] = table[name].map(str, na_action="ignore")
    return to_arrow_table({str(name): table[name] for name in table})


def to_json(label: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An object for each row."""
    objects = []
    for entry in entries:
        lines = [
            {key: to_json_value(cell) for key, cell in line.items()}
            for line in entry["lines"].to_dict("records")
        ]
        scores = {key: entry[key] for key in SCORES}
        objects.append({label: to_json_value(entry["name"]), **scores, "columns": lines})
    return objects


def to_json_value(cell: Any) -> Any:
    """Numbers, truth values and null as they are, everything else as text."""
    import numpy as np
    import pandas as pd

    if pd.isna(cell):
        return None
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, float) and not math.isfinite(cell):
        return str(cell)
    return cell if isinstance(cell, bool | int | float | str) else str(cell)
