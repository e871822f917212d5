"""What a server is told and answers: nulls, and the columns that ``anomgan fit`` set aside."""

from __future__ import annotations

import json
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc import scoring_server

import anomgan.mlflow
from anomgan.mlflow.serving import RequestLimits, ServedModel


@pytest.fixture(scope="module")
def named(fit: Any, records: Any) -> Any:
    """A detector as ``anomgan fit --id name --label y --drop note`` leaves it."""
    model = fit(records(60))
    model.training_facts_["set_aside"] = {"id": "name", "label": "y", "drop": ["note"]}
    return model


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    full = {"size": 9.5, "count": 3, "colour": "red", "sound": True, "answer": "no", "gaps": 1.0}
    full["seen"] = "2024-03-01 10:00:00"
    return [{key: None if key == gap else cell for key, cell in full.items()} for gap in full]


def ask(model: Any, body: dict[str, Any]) -> list[dict[str, Any]]:
    """The answer of MLflow's scoring server, without the network."""
    served = ServedModel(model, RequestLimits())
    kind = "application/json"
    text = json.dumps(body, allow_nan=False)
    answer = scoring_server.invocations(text, kind, served, served.metadata.get_input_schema())
    predictions: list[dict[str, Any]] = json.loads(answer.response)["predictions"]
    return predictions


@pytest.mark.parametrize("form", ["records", "arrays", "inputs", "dataframe_records", "split"])
def test_null_is_a_missing_cell(detector: Any, rows: list[dict[str, Any]], form: str) -> None:
    names = list(rows[0])
    cells = [list(row.values()) for row in rows]
    body: dict[str, Any] = {
        "records": {"instances": rows},
        "arrays": {"instances": cells},
        "inputs": {"inputs": {name: [row[name] for row in rows] for name in names}},
        "dataframe_records": {"dataframe_records": rows},
        "split": {"dataframe_split": {"columns": names, "data": cells}},
    }[form]
    expected = detector.score_frame(pd.DataFrame(cells, columns=names, dtype=object))
    assert expected.report.missing == dict.fromkeys(names, 1)
    assert [row["score"] for row in ask(detector, body)] == expected.score.tolist()
    for row in rows:  # alone: nothing beside a null tells the column's type
        [answer] = ask(detector, {"instances": [row]})
        assert np.isfinite(answer["score"])


def test_the_identifier_is_echoed(
    named: Any, rows: list[dict[str, Any]], recwarn: pytest.WarningsRecorder
) -> None:
    expected = [row["score"] for row in ask(named, {"instances": rows})]
    for ids in ([f"pump {at}" for at in range(len(rows))], list(range(len(rows)))):
        told = [row | {"name": ids[at], "y": 0, "note": "x"} for at, row in enumerate(rows)]
        for form in ("instances", "dataframe_records"):
            answer = ask(named, {form: told})
            assert [row["name"] for row in answer] == ids
            assert next(iter(answer[0])) == "name"
            assert [row["score"] for row in answer] == expected
    assert not [each for each in recwarn if "name" in str(each.message)]
    assert "name" not in ask(named, {"instances": rows})[0]  # it may be left out
    answer = ask(named, {"instances": [[*row.values(), f"pump {9}"] for row in rows]})
    assert {row["name"] for row in answer} == {"pump 9"}


def test_the_identifier_passes_the_signature(named: Any, records: Any, tmp_path: Any) -> None:
    anomgan.mlflow.save_model(named, tmp_path / "model")
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    spec = loaded.metadata.signature.inputs.inputs[-1]
    assert (spec.name, spec.required) == ("name", False)
    frame = records(6, seed=1)
    told = frame.assign(name=[f"pump {at}" for at in range(6)])
    expected = loaded.predict(frame)
    found = loaded.predict(told, params={"explain": True})
    assert list(found) == ["name", "score", "p_value", "is_anomaly", "explanation"]
    assert found["name"].tolist() == told["name"].tolist()
    pd.testing.assert_frame_equal(found[list(expected)], expected)
