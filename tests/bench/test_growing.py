"""The measurement of growing: the same fit with and without, a line each."""

import numpy as np

from anomgan.bench import growing


def test_washers_are_bright_rings_on_cloth():
    picture = growing.make_washers(1, 0, 128)[0]
    row, column = np.unravel_index(np.argsort(picture.ravel())[-2000:], picture.shape)
    middle = np.array([row.mean(), column.mean()])
    far = np.hypot(row - middle[0], column - middle[1])
    assert far.min() > 8  # there is a hole
    assert far.max() < 64
    again = growing.make_washers(1, 0, 128)[0]
    assert np.array_equal(picture, again)


def test_a_line_for_each_fit(monkeypatch):
    monkeypatch.setattr(growing, "FIT_PICTURES", 40)
    monkeypatch.setattr(growing, "SCORED_PICTURES", 8)
    settings = {"steps": 6, "members": 1, "channels": 4, "hidden": 8, "latent": 2}
    lines = list(growing.compare_growing(16, 1, ["gan"], settings))
    assert len(lines) == 3
    cells = [line.strip("| ").split(" | ") for line in lines[1:]]
    assert [own[:3] for own in cells] == [["gan", "0", "off"], ["gan", "0", "on"]]
    for own in cells:
        assert float(own[3]) > 0
        assert all(0 <= float(area) <= 100 for area in own[-len(growing.SCORE_KINDS) :])
    assert cells[0][4:] != cells[1][4:]
