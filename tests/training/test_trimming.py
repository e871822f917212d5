import numpy as np
import pytest
import torch

from anomgan import GANDetector
from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.params import resolve_config
from anomgan.training.trimming import trim_rows

SPEC = Spec.of([("a", "numeric", 1, "a"), ("b", "numeric", 1, "b")])


def clumped(rows=400, odd=40):
    """Normal rows, and at the end a tight clump of others far away."""
    rng = np.random.default_rng(0)
    clump = rng.normal([6, -6], 0.05, (odd, 2))
    return np.r_[rng.normal(size=(rows - odd, 2)), clump]


def test_rows_that_are_odd_together_are_left_out_first():
    rows = [torch.randperm(400, generator=torch.Generator().manual_seed(0))] * 2
    first, second = trim_rows(clumped(), SPEC, rows, 0.2)
    assert torch.equal(first, second)
    assert len(first) == 320
    assert first.max() < 360
    # What stays is in the order in which it was.
    assert torch.equal(first, rows[0][torch.isin(rows[0], first)])


def test_nothing_is_left_out_unless_asked_for():
    rows = [torch.arange(400)]
    assert torch.equal(trim_rows(clumped(), SPEC, rows, 0.0)[0], rows[0])


def test_a_rare_level_is_no_anomaly():
    spec = Spec.of([("a", "numeric", 1, "a"), ("m", "condition", 2, "m")])
    level = np.arange(400) < 20
    rows = np.random.default_rng(0).normal(50.0 * level, 1.0)
    values = np.c_[rows, level, ~level].astype(float)
    values[0, 0], values[399, 0] = 0.0, 50.0  # each of them normal for the other level
    (kept,) = trim_rows(values, spec, [torch.arange(400)], 0.1)
    assert (kept < 20).sum() == 18
    assert len(kept) == 18 + 342
    assert not torch.isin(torch.tensor([0, 399]), kept).any()


def test_two_rows_always_stay():
    assert len(trim_rows(clumped(), SPEC, [torch.arange(3)], 0.9)[0]) == 2


def test_a_contamination_leaves_out_twice_its_share_unless_a_setting_says_otherwise():
    def trim(contamination, settings=None):
        return resolve_config("gan", "fast", settings, 0.05, contamination).trim

    assert [trim(None), trim(0.05), trim(0.4)] == pytest.approx([0, 0.1, 0.5])
    assert trim(0.05, {"trim": 0}) == 0


def test_a_clump_in_the_training_rows_is_found_when_its_share_is_given():
    rows = clumped()
    small = {"steps": 60, "members": 2, "hidden": 32, "checks": 0}
    told, untold = (
        GANDetector(settings=small, contamination=share, random_state=0).fit(rows)
        for share in (0.1, None)
    )
    assert Config.make(settings=small).trim == 0
    flagged = told.predict(rows) == -1
    assert flagged[360:].all()
    assert flagged[:360].sum() <= 5
    assert (untold.predict(rows)[360:] == -1).sum() < 40
