"""Labels of many classes, of −1 and 1, and rows without a label."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan.cli.labels import find_abnormal_rows, read_labels, split_label
from anomgan.errors import InputError


def read(labels: list[Any], label: str = "y", **options: Any) -> list[bool]:
    frame = pd.DataFrame({"x": range(len(labels)), "y": labels})
    return read_labels(frame, label, source="f.csv", **options).abnormal.tolist()


def test_all_but_the_named_labels_are_abnormal() -> None:
    labels = ["ok", "neptune", "idle", "Smurf", "OK"]
    assert read(labels, "y=ok") == [False, True, True, True, False]
    assert read(labels, "y=ok,idle") == [False, True, False, True, False]
    assert read([0, 1, 2, 2], "y=2") == [True, True, False, False]
    with pytest.raises(
        InputError, match=r"no row of f\.csv is labelled 'fine'; labels are: 'idle'"
    ):
        read(labels, "y=fine")
    with pytest.raises(InputError, match="--label y=VALUE"):
        read(labels)


def test_a_column_whose_name_has_an_equals_sign() -> None:
    assert split_label("a=b", ["a=b", "c"]) == ("a=b", ())
    assert split_label("a=b", ["a", "c"]) == ("a", ("b",))


def test_minus_one_is_abnormal_unless_most_rows_have_it() -> None:
    assert read([1, 1, -1]) == [False, False, True]
    assert read(["-1.0", "1.0", "1.0"]) == [True, False, False]
    with pytest.raises(InputError, match="says -1 for most rows"):
        read([-1, -1, 1])
    assert read([-1, -1, 1], "y=-1") == [False, False, True]
    assert read([1, 1, 0]) == [True, True, False]


def test_rows_without_a_label_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    assert read([0, None, 1, None]) == [False, True]
    assert read(["no", "", " ", "yes"]) == [False, True]
    assert "f.csv: 2 rows left out: no label in 'y'" in caplog.text
    with pytest.raises(InputError, match="no row has a label"):
        read([None, None])
    frame = pd.DataFrame({"y": [0, None]})
    with pytest.raises(InputError, match="an empty cell"):
        find_abnormal_rows(frame, "y", source="f.csv")


def test_a_model_keeps_its_normal_labels(run: Any, tiny: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80), "kind": "ok"})
    table.loc[::8, ["a", "kind"]] = 9.0, "leak"
    table.loc[1::8, "kind"] = None
    table.to_csv(tmp_path / "t.csv", index=False)
    model = tmp_path / "model"
    done = run("fit", tmp_path / "t.csv", "--label", "kind=ok", "--model", model, *tiny)
    assert done.code == 0, done.err
    assert "10 rows left out: no label in 'kind'" in done.err
    assert "10 of 80 rows left out: marked abnormal in 'kind'" in done.err
    assert "60, besides 10 marked abnormal and 10 without a label" in done.err
    options = ["--model", model, "--bootstrap", 0, "--no-peers", "--json", "--by", "kind"]
    for label in ([], ["--label", "kind"], ["--label", "kind=ok"]):
        done = run("evaluate", tmp_path / "t.csv", *options, *label)
        assert done.code == 0, done.err
        facts = json.loads(done.out)
        assert (facts["rows"], facts["abnormal"]) == (70, 10)
