"""Decimals and steps of numbers."""

import numpy as np
import pandas as pd
import pytest

from anomgan.data.encoders.table import TableEncoder
from anomgan.data.table.steps import find_step, snap_to_step


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1, 2, 4], (0, 1)),
        ([100, 250, 900], (0, 50)),
        ([0.1, 0.25, 3], (2, 5)),
        ([51.38, 54.59, 1035.21], (2, 1)),
        ([0.5, 1.5, 7.5], (1, 10)),
        ([1 / 3, 2 / 3, 1], (None, 1)),
        ([1e300, 1, 2], (None, 1)),
        ([7.25], (2, 1)),
    ],
)
def test_steps(numbers: list[float], expected: tuple[int | None, int]) -> None:
    assert find_step(np.array(numbers, dtype=np.float64)) == expected


def test_snapping() -> None:
    snapped = snap_to_step(np.array([0.51, 1.9, 3.02]), 0.5, 1, 10)
    assert snapped.tolist() == [0.5, 1.5, 3.5]


def test_decoded_numbers_look_like_those_of_training() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "price": rng.gamma(1, 20, 100).round(2),
            "pieces": rng.integers(1, 9, 100) * 6,
            "weight": rng.normal(size=100),
            "gap": np.where(rng.random(100) < 0.2, np.nan, rng.integers(0, 5, 100) / 2),
        }
    )
    encoder = TableEncoder.fit(frame)
    drawn = encoder.decode(3 * rng.normal(size=(500, encoder.spec.size)))
    for name in frame:
        cells, learnt = drawn[name].dropna(), frame[name].dropna()
        assert learnt.min() <= cells.min() <= cells.max() <= learnt.max()
    assert (drawn["price"] == drawn["price"].round(2)).all()
    assert (drawn["pieces"] % 6 == 0).all()
    assert (drawn["gap"].dropna() * 2 % 1 == 0).all()
    encoded = encoder.transform(frame)[0]
    pd.testing.assert_frame_equal(encoder.decode(encoded), frame)
