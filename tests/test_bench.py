import sys

import pandas as pd
import pytest

from anomgan.bench import speed


def test_usage_is_that_of_the_process():
    usage = speed.run(sys.executable, "-c", "x = bytearray(600_000_000)")
    assert usage.megabytes > 500
    with pytest.raises(RuntimeError, match="no such luck"):
        speed.run(sys.executable, "-c", "raise SystemExit('no such luck')")


def test_speed_data_are_as_long_as_asked_for(tmp_path):
    speed.write(tmp_path / "a.csv", 250, seed=0)
    assert pd.read_csv(tmp_path / "a.csv").shape == (250, speed.COLUMNS)
