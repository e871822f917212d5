from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomgan.bench.synthetic import make_table, write_csv


def test_what_is_written_is_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anomgan.bench.synthetic.MAX_BLOCK_CELLS", 30)  # ten rows of three
    made = make_table(25, 3, seed=1)
    write_csv(tmp_path / "a.csv", 25, 3, seed=1)
    found = pd.read_csv(tmp_path / "a.csv", dtype="float32").astype(float)
    pd.testing.assert_frame_equal(found, made)
    assert not np.array_equal(made, make_table(25, 3, seed=2))
