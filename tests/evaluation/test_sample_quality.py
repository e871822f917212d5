from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from anomgan import DataWarning, InputError
from anomgan.data.encoders.table import TableEncoder
from anomgan.evaluation.privacy import nearest_distance
from anomgan.evaluation.sample_quality import sample_quality


def table(rows: int, seed: int) -> pd.DataFrame:
    """Two numbers that go together, a category that goes with them, a count of its own."""
    rng = np.random.default_rng(seed)
    size = rng.normal(10, 2, rows)
    return pd.DataFrame(
        {
            "size": size,
            "weight": 3 * size + rng.normal(0, 0.3, rows),
            "class": np.where(size > 10, "large", "small"),
            "count": rng.poisson(5, rows),
        }
    )


TRAINING, HELD, FRESH = table(600, 0), table(300, 1), table(300, 2)
ENCODER = TableEncoder.fit(TRAINING)


def judged(generated: pd.DataFrame, training: pd.DataFrame | None = None, reference=HELD):
    """Quality and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = sample_quality(generated, reference, ENCODER, training=training)
    said = [str(w.message) for w in caught if issubclass(w.category, DataWarning)]
    assert said == found.warnings
    return found


def shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({name: rng.permutation(frame[name]) for name in frame})


def test_real_rows_are_as_good_as_real_rows():
    found = judged(FRESH, TRAINING)
    assert found.warnings == []
    for column in found.columns:
        assert column.distance.generated < column.distance.real + 0.08
    assert found.correlations.generated < 2 * found.correlations.real
    for name in ("coverage", "density", "two_sample"):
        pair = found.joint[name]
        assert pair.generated == pytest.approx(pair.real, abs=0.12)
    assert found.privacy.nearer.generated == pytest.approx(0.5, abs=0.1)


def test_an_exact_copy_of_the_training_rows_is_told():
    found = judged(TRAINING.sample(300, random_state=0), TRAINING)
    assert found.privacy.copies.generated == 1
    assert found.privacy.copies.real == 0
    assert found.privacy.copying
    assert any("copies of training rows" in sentence for sentence in found.warnings)


def test_copies_among_good_rows_are_told():
    mixed = pd.concat([TRAINING.sample(60, random_state=0), FRESH.head(240)])
    found = judged(mixed, TRAINING)
    assert found.privacy.copies.generated == pytest.approx(0.2)
    assert found.privacy.copying
    assert not found.privacy.close


def test_copies_with_a_little_noise_are_told():
    near = TRAINING.sample(300, random_state=0).assign(size=lambda d: d["size"] + 1e-4)
    found = judged(near, TRAINING)
    assert not found.privacy.copying
    assert found.privacy.close
    assert any("memorises" in sentence for sentence in found.warnings)


def test_copies_of_a_small_table_are_nearer_to_it_than_to_unseen_rows():
    small = TRAINING.head(150)
    found = judged(small, small)
    assert found.privacy.leaning
    assert found.privacy.nearer.generated > 0.9


def test_chance_repetitions_of_few_levels_are_no_copies():
    rng = np.random.default_rng(0)
    few = [
        pd.DataFrame({"a": rng.choice(["x", "y", "z"], n), "b": rng.choice(["u", "v"], n)})
        for n in (400, 200, 200)
    ]
    encoder = TableEncoder.fit(few[0])
    with pytest.warns(DataWarning, match="reference rows are training rows"):
        found = sample_quality(few[1], few[2], encoder, training=few[0])
    assert found.privacy.copies.generated == found.privacy.copies.real == 1
    assert not found.privacy.copying
    assert not found.privacy.close
    assert not found.privacy.leaning


def test_training_rows_as_reference_are_told():
    found = judged(FRESH, TRAINING, reference=TRAINING.head(200))
    assert any("reference rows are training rows" in sentence for sentence in found.warnings)


def test_shuffled_columns_have_right_marginals_and_wrong_joints():
    found = judged(shuffled(FRESH))
    for column in found.columns:
        assert column.distance.generated < column.distance.real + 0.08
    assert found.correlations.generated > 5 * found.correlations.real
    first, second, own, real = found.worst_pair
    assert {first, second} == {"size", "weight"}
    assert abs(own) < 0.2
    assert real > 0.95
    assert found.joint["two_sample"].generated > 0.75
    assert found.joint["two_sample"].real < 0.6


def test_moments_and_distances_are_in_the_users_units():
    moved = FRESH.assign(size=FRESH["size"] + 100, **{"class": "large"})
    found = judged(moved)
    [size] = [column for column in found.columns if column.name == "size"]
    assert size.mean.generated - size.mean.real == pytest.approx(100, abs=0.5)
    assert size.std.real == pytest.approx(2, abs=0.2)
    assert abs(size.skewness.real) < 0.4
    assert size.distance.generated == 1
    [kind] = [column for column in found.columns if column.name == "class"]
    assert kind.mean is None
    # Half of the real rows are small, none of the generated ones.
    assert kind.distance.generated == pytest.approx((HELD["class"] == "small").mean(), abs=0.05)


def test_missing_cells_count_as_a_level():
    gaps = TRAINING.assign(size=TRAINING["size"].where(TRAINING.index % 4 > 0))
    encoder = TableEncoder.fit(gaps)
    held = HELD.assign(size=HELD["size"].where(HELD.index % 4 > 0))
    found = sample_quality(FRESH, held, encoder)
    [size] = [column for column in found.columns if column.name == "size"]
    assert size.missing.generated == 0
    assert size.missing.real == 0.25
    assert size.distance.generated == pytest.approx(0.25, abs=0.05)


def test_same_seed_same_measures_and_plain_data():
    first, again = (sample_quality(FRESH, HELD, ENCODER, training=TRAINING) for _ in range(2))
    assert first == again
    state = json.loads(json.dumps(first.to_json(), allow_nan=False))
    assert state["rows"] == {
        "generated": 300,
        "reference": 300,
        "training": 600,
        "compared": 150,
    }
    assert list(first.table().index) == list(TRAINING.columns)
    assert first.table().loc["class", "kind"] == "category"


def test_a_single_column_has_no_correlations():
    encoder = TableEncoder.fit(TRAINING[["size"]])
    found = sample_quality(FRESH[["size"]], HELD[["size"]], encoder)
    assert found.correlations is None
    assert found.worst_pair is None


def test_too_few_rows_are_refused():
    with pytest.raises(InputError, match="the reference: 19 rows are too few"):
        sample_quality(FRESH, HELD.head(19), ENCODER)
    with pytest.raises(InputError, match="no column 'size'"):
        sample_quality(FRESH, HELD.drop(columns="size"), ENCODER)


def test_nearest_distances_of_equal_rows_are_zero():
    rows = np.random.default_rng(0).normal(1e4, 1, (50, 3))
    assert np.array_equal(nearest_distance(rows, rows), np.zeros(50))
    assert nearest_distance(
        np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [6.0, 8.0]])
    ) == pytest.approx(5)
