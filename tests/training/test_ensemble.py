import numpy as np

from anomgan.training.ensemble import split_rows


def test_split_holds_out_one_part_or_every_row_once():
    (held,) = split_rows(100, 1, 20, np.random.default_rng(0))
    assert len(set(held)) == 20
    folds = split_rows(101, 4, 0, np.random.default_rng(0))
    assert sorted(np.concatenate(folds)) == list(range(101))
    assert {len(f) for f in folds} == {25, 26}
