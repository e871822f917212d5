"""The Python examples of docs/mlflow.md, with a store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

# MLflow's evaluate and its data sets use what pandas 4 will drop.
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")

PAGE = Path(__file__).parents[2] / "docs" / "mlflow.md"


def test_python_blocks(detector: Any, records: Any, store: str) -> None:
    labelled = records(60, seed=4)
    labelled.loc[:9, "size"] = 100.0
    names: dict[str, Any] = {
        "__name__": "docs",
        "detector": detector,
        "table": labelled,
        "labelled": labelled.assign(y=[1] * 10 + [0] * 50),
    }
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), flags=re.M | re.S)
    assert len(blocks) >= 2
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), names)
    pd.testing.assert_frame_equal(
        names["detector"].components(labelled), detector.components(labelled)
    )
