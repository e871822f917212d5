"""Kinds of columns that the user names."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector, load
from anomgan.data.encoders.table import TableEncoder
from anomgan.data.table.options import TableOptions
from anomgan.errors import DataWarning, InputError
from anomgan.params import resolve_table_options

CODES = ["01003", "01001", "01002", "01003", "01001"] * 4
AMOUNTS = [1.5, 2.25, 3.0, 0.5, 2.0] * 4


def fit(frame: pd.DataFrame, **columns: str) -> TableEncoder:
    return TableEncoder.fit(frame, options=TableOptions.make(columns=columns))


def test_codes_are_levels_that_keep_their_zeros() -> None:
    frame = pd.DataFrame({"zip": CODES, "amount": AMOUNTS})
    assert TableEncoder.fit(frame).schema["zip"].kind == "numeric"
    encoder = fit(frame, zip="category")
    assert encoder.schema["zip"].kind == "category"
    assert encoder.decode(encoder.transform(frame)[0])["zip"].tolist() == CODES
    report = encoder.transform(frame.assign(zip="01999"))[1]
    assert report.unseen == {"zip": 20}


@pytest.mark.parametrize("dtype", ["int64", "float64", "Int32"])
def test_numbers_as_levels_come_back_as_numbers(dtype: str) -> None:
    frame = pd.DataFrame({"line": pd.Series([7, 3, 9, 3] * 5, dtype=dtype), "amount": AMOUNTS})
    encoder = fit(frame, line="category")
    restored = encoder.decode(encoder.transform(frame)[0])["line"]
    assert encoder.schema["line"].kind == "category"
    np.testing.assert_array_equal(restored.to_numpy(np.float64), frame["line"].astype("float64"))


def test_what_is_not_a_number_in_a_column_of_numbers_is_missing() -> None:
    cells = ["1.5", "broken", "2.5", "broken"] * 5
    frame = pd.DataFrame({"x": cells, "amount": AMOUNTS})
    encoder = fit(frame, x="number")
    report = encoder.transform(frame)[1]
    assert encoder.schema["x"].kind == "numeric"
    assert report.unreadable["x"].count == 10


def test_text_is_left_out_and_known_at_scoring() -> None:
    frame = pd.DataFrame({"note": ["a", "b", "a", "c", "b"] * 4, "amount": AMOUNTS})
    with pytest.warns(DataWarning, match=r"'note' \(text, as you say\)"):
        encoder = fit(frame, note="text")
    assert [column.name for column in encoder.schema.columns] == ["amount"]
    assert encoder.columns == ["amount", "note"]
    encoder.transform(frame)  # without a warning
    assert TableEncoder.from_json(encoder.to_json()) == encoder


def test_mistakes_name_the_column() -> None:
    frame = pd.DataFrame({"word": list("abcab") * 4, "amount": AMOUNTS})
    with pytest.raises(InputError, match="no column 'wrod' to read as category; it has: 'word'"):
        fit(frame, wrod="category")
    with pytest.raises(InputError, match=r"'word': no cell can be read as a number .*row 0: 'a'"):
        fit(frame, word="number")
    with pytest.raises(InputError, match="no kind 'zip'; choose one of: category, number"):
        fit(frame, word="zip")
    with pytest.raises(InputError, match="can't be a condition and number"):
        TableEncoder.fit(
            frame, conditions=["word"], options=TableOptions.make(columns={"word": "number"})
        )


def test_columns_of_arrays_go_by_position() -> None:
    def resolve(columns: object) -> TableOptions:
        names = ["x0", "x1"]
        return resolve_table_options(
            columns, None, None, None, None, names=names, by_label=False, source="X"
        )

    assert resolve({1: "category"}).kinds == {"x1": "category"}
    with pytest.raises(InputError, match="no column 2; it has 2"):
        resolve({2: "category"})
    with pytest.raises(InputError, match="must be a dict"):
        resolve(["x1"])


def test_an_estimator_keeps_the_kinds(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=60), rng.choice([3.0, 7.0, 40.0], 60)])
    settings = {"steps": 2, "members": 1, "checks": 0}
    detector = GANDetector(columns={1: "category"}, settings=settings, random_state=0).fit(X)
    detector.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    assert loaded.columns == {"x1": "category"}
    assert set(np.asarray(loaded.sample(30, random_state=0))[:, 1]) <= {3.0, 7.0, 40.0}
    np.testing.assert_array_equal(loaded.score_samples(X), detector.score_samples(X))
    loaded.fit(X)
