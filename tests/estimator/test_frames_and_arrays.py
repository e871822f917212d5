"""Tables of all kinds: names, order, gaps, and what teaches nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from anomgan import DataWarning, InputError


def test_order_of_columns_does_not_matter(mixed, on_frame):
    rows = mixed(30, seed=1)
    assert np.array_equal(
        on_frame.score_samples(rows), on_frame.score_samples(rows[rows.columns[::-1]])
    )


def test_missing_column_is_named(mixed, on_frame):
    with pytest.raises(InputError, match="X: no column 'kind'"):
        on_frame.predict(mixed().drop(columns="kind"))


def test_further_columns_are_ignored_with_one_warning(mixed, on_frame):
    rows = mixed(30, seed=1)
    with pytest.warns(DataWarning, match="'colour'") as warned:
        scores = on_frame.score_samples(rows.assign(colour="red"))
    assert len(warned) == 1
    assert np.array_equal(scores, on_frame.score_samples(rows))


def test_cells_that_can_not_be_read_are_told(mixed, on_frame):
    rows = mixed(30, seed=1).astype({"size": object})
    rows.iloc[3, 0] = "huge"
    with pytest.warns(DataWarning, match=r"X: column 'size': 1 cell can't be read .*'huge'"):
        on_frame.predict(rows)
    with pytest.warns(DataWarning, match="'huge'"):
        on_frame.components(rows)
    with pytest.raises(InputError, match=r"new\.csv: row 53, column 'size': 'huge' isn't a number"):
        on_frame.score_frame(rows, strict=True, first_row=50, source="new.csv")
    scored = on_frame.score_frame(rows)
    assert scored.report.unreadable["size"].count == 1


def test_chunks_score_as_the_whole(mixed, on_frame):
    rows = mixed(50, seed=1)
    whole = on_frame.score_frame(rows)
    parts = [on_frame.score_frame(rows[at : at + 20], first_row=at) for at in (0, 20, 40)]
    assert np.concatenate([p.score for p in parts]) == pytest.approx(whole.score, abs=1e-8)
    assert np.array_equal(-whole.score, on_frame.score_samples(rows))
    assert np.array_equal(whole.p_value, on_frame.p_values(rows))
    assert whole.report == parts[0].report + parts[1].report + parts[2].report


def test_a_table_without_rows_is_refused(numbers, mixed, on_frame, on_array):
    with pytest.raises(InputError, match="X: has no rows"):
        on_frame.predict(mixed()[:0])
    with pytest.raises(ValueError, match="0 sample"):
        on_array.predict(numbers()[:0])


def test_what_is_given_is_not_changed(tiny, numbers, mixed, on_frame, on_array):
    frame, array = mixed(), numbers()
    array[3, 1] = np.nan
    frame_before, array_before = frame.copy(deep=True), array.copy()
    tiny().fit(frame).predict(frame)
    tiny().fit(array).predict(array)
    pd.testing.assert_frame_equal(frame, frame_before)
    assert np.array_equal(array, array_before, equal_nan=True)


def test_names_are_kept_if_there_are_any(tiny, numbers, mixed, on_frame, on_array):
    assert list(on_frame.feature_names_in_) == list(mixed().columns)
    assert not hasattr(on_array, "feature_names_in_")
    refitted = tiny().fit(mixed()).fit(numbers())
    assert not hasattr(refitted, "feature_names_in_")
    assert refitted.n_features_in_ == 4


def test_an_array_for_a_frame_goes_by_position_with_scikit_learns_warning(mixed, on_frame):
    rows = mixed(30, seed=1)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        scores = on_frame.score_samples(rows.to_numpy())
    assert np.array_equal(scores, on_frame.score_samples(rows))


def test_a_frame_for_an_array_goes_by_position_with_scikit_learns_warning(numbers, on_array):
    with pytest.warns(UserWarning, match="X has feature names, but GANDetector was fitted without"):
        scores = on_array.score_samples(pd.DataFrame(numbers(), columns=list("dcba")))
    assert np.array_equal(scores, on_array.score_samples(numbers()))


def test_frames_without_names_go_by_their_numbers(tiny, numbers):
    detector = tiny().fit(pd.DataFrame(numbers()))
    scores = detector.score_samples(numbers())
    assert np.array_equal(detector.score_samples(pd.DataFrame(numbers())), scores)
    assert not hasattr(detector, "feature_names_in_")


def test_nan_counts_as_missing_and_infinity_is_refused(numbers, on_array):
    rows = numbers(10, seed=1)
    rows[0, 0] = np.nan
    assert np.isfinite(on_array.score_samples(rows)).all()
    rows[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        on_array.score_samples(rows)


def test_sparse_input_is_refused(tiny, numbers):
    with pytest.raises(TypeError, match="Sparse data was passed"):
        tiny().fit(scipy.sparse.csr_array(numbers()))


def test_columns_that_say_nothing_are_named(tiny, numbers):
    rows = np.c_[numbers(), np.ones(120)]
    with pytest.warns(DataWarning, match=r"X: columns left out: 'x4' \(constant 1\.0\)"):
        detector = tiny().fit(rows)
    assert detector.training_facts_["dropped"] == [{"name": "x4", "reason": "constant"}]
    assert np.array_equal(detector.sample(4, 0)[:, 4], np.ones(4))
    assert np.isfinite(detector.score_samples(rows)).all()


NUMBERS = np.random.default_rng(0).normal(size=(20, 4))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.ones((50, 3)), "X: no column to learn from"),
        (NUMBERS[:1], "X: n_samples=1;"),
        (NUMBERS[:4], "X: n_samples=4;"),
        (pd.DataFrame({"a": [[1], [2]] * 10}), "X: column 'a', row 0: the cell holds a list"),
        (pd.DataFrame(NUMBERS, columns=list("abca")), "X: .*'a'"),
    ],
)
def test_tables_that_teach_nothing_are_refused(tiny, table, message):
    with pytest.raises(InputError, match=message):
        tiny().fit(table)
