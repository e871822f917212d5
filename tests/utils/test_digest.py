"""The checksum of a table."""

from __future__ import annotations

import pandas as pd

from anomgan.utils.digest import compute_digest


def test_the_same_table_has_the_same_digest() -> None:
    frame = pd.DataFrame({"size": range(30), "colour": ["red", "green", "blue"] * 10})
    assert compute_digest(frame) == compute_digest(frame.set_axis(range(100, 130)))
    changed = frame.copy()
    changed.loc[29, "colour"] = "red"
    others = [changed, frame.iloc[::-1], frame.rename(columns={"size": "mass"}), frame[:29]]
    assert len({compute_digest(each) for each in [frame, *others]}) == 5
    assert compute_digest(frame[["size"]].to_numpy()) == compute_digest(
        frame[["size"]].rename(columns={"size": 0})
    )
    images = frame[["size"]].to_numpy().reshape(5, 3, 2)
    assert compute_digest(images) != compute_digest(images.reshape(5, 2, 3))
