import numpy as np
import pandas as pd

from anomgan.bench.protocol import Split, contaminate


def parts(odd):
    normal = pd.DataFrame({"x": np.arange(90.0)})
    new = pd.DataFrame({"x": np.arange(1000.0, 1100.0)})
    return Split(normal, new, np.r_[np.zeros(100 - odd, int), np.ones(odd, int)])


def test_the_share_of_abnormal_rows_is_what_was_asked_for():
    mixed = contaminate(parts(40), 0.1, seed=0)
    assert len(mixed.normal) == 100
    taken = set(mixed.normal["x"]) - set(range(90))
    assert len(taken) == 10
    assert taken <= set(range(1060, 1100))  # the abnormal ones
    assert set(mixed.new["x"]) == set(range(1000, 1100)) - taken
    assert mixed.label.sum() == 30


def test_at_least_half_of_the_abnormal_rows_stay_to_be_scored():
    mixed = contaminate(parts(6), 0.5, seed=0)
    assert len(mixed.normal) == 93
    assert mixed.label.sum() == 3


def test_each_seed_takes_others_and_nothing_taken_changes_nothing():
    first, again, other = (set(contaminate(parts(40), 0.1, seed).normal["x"]) for seed in (0, 0, 1))
    assert first == again != other
    assert len(contaminate(parts(40), 0.0, 0).normal) == 90
