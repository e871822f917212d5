"""What lies in a logged folder, and that what is loaded from it says the same."""

from __future__ import annotations

import json
import pickletools
import pydoc
import shutil
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.exceptions import MlflowException
from mlflow.types import DataType
from mlflow.types.schema import AnyType

import anomgan.mlflow
from anomgan import InputError
from anomgan.data.table.columns.numeric import NumericColumn
from anomgan.mlflow.flavor import _to_mlflow_type, pin_requirements
from anomgan.plugins.files import list_loaded
from anomgan.plugins.registry import Origin


@pytest.fixture(scope="module")
def saved(detector: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model"
    anomgan.mlflow.save_model(detector, path)
    return path


@pytest.fixture(scope="module")
def pyfunc(saved: Path) -> Any:
    return mlflow.pyfunc.load_model(str(saved))


def test_nothing_in_the_folder_is_a_pickle(saved: Path) -> None:
    files = {path.relative_to(saved).as_posix(): path for path in saved.rglob("*.*")}
    files |= {path.name: path for path in saved.iterdir() if path.is_file()}
    assert {"MLmodel", "detector/model.json", "detector/weights.safetensors"} <= files.keys()
    assert {path.suffix for path in files.values()} <= {
        "",
        ".json",
        ".safetensors",
        ".txt",
        ".yaml",
    }
    for path in files.values():
        with pytest.raises(ValueError), path.open("rb") as file:  # noqa: PT011
            list(pickletools.genops(file))
    about = yaml.safe_load((saved / "MLmodel").read_text())
    assert about["flavors"]["python_function"]["loader_module"] == "anomgan.mlflow"
    assert about["flavors"]["anomgan"]["method"] == "gan"


def test_requirements_are_exact(saved: Path) -> None:
    lines = (saved / "requirements.txt").read_text().split()
    assert f"anomgan=={version('anomgan')}" in lines
    assert f"torch=={version('torch').partition('+')[0]}" in lines
    assert all(line.count("==") == 1 for line in lines)
    conda = yaml.safe_load((saved / "conda.yaml").read_text())
    assert set(lines) <= set(conda["dependencies"][-1]["pip"])


def test_signature_follows_the_columns(pyfunc: Any) -> None:
    found = {column.name: column for column in pyfunc.metadata.signature.inputs.inputs}
    assert {name: column.type for name, column in found.items()} == {
        "size": DataType.double,
        "count": DataType.long,
        "colour": DataType.string,
        "sound": DataType.boolean,
        "answer": DataType.string,
        "gaps": DataType.double,
        "seen": AnyType(),
    }
    assert [name for name, column in found.items() if not column.required] == ["gaps"]
    assert [spec.name for spec in pyfunc.metadata.signature.params] == ["alpha", "fdr", "explain"]


def test_the_example_is_generated_and_can_be_scored(pyfunc: Any, detector: Any) -> None:
    example = pyfunc.input_example
    assert list(example.columns) == [c.name for c in detector.encoder_.schema.columns]
    made = detector.sample(5, random_state=0)
    expected = detector.score_frame(made).score
    np.testing.assert_array_equal(pyfunc.predict(example)["score"], expected)


def test_scores_are_those_of_the_detector(pyfunc: Any, detector: Any, records: Any) -> None:
    frame = records(60, seed=1)
    frame.loc[::7, "size"] = 99.0
    frame.index = frame.index + 1000
    scored = detector.score_frame(frame)
    found = pyfunc.predict(frame)
    assert list(found.columns) == ["score", "p_value", "is_anomaly"]
    assert found.index.equals(frame.index)
    np.testing.assert_array_equal(found["score"], scored.score)
    np.testing.assert_array_equal(found["p_value"], scored.p_value)
    np.testing.assert_array_equal(found["is_anomaly"], detector.predict(frame) == -1)
    assert 0 < found["is_anomaly"].sum() < len(frame)


def test_params(pyfunc: Any, records: Any) -> None:
    frame = records(60, seed=1)
    frame.loc[::7, "size"] = 99.0
    p_value = pyfunc.predict(frame)["p_value"]
    strict = pyfunc.predict(frame, params={"alpha": 0.3})["is_anomaly"]
    np.testing.assert_array_equal(strict, p_value <= 0.3)
    chosen = pyfunc.predict(frame, params={"fdr": 0.5})["is_anomaly"]
    ranked = np.sort(p_value)
    below = np.nonzero(ranked <= 0.5 * np.arange(1, 61) / 60)[0]
    limit = ranked[below[-1]] if len(below) else 0
    np.testing.assert_array_equal(chosen, p_value <= limit)


def test_explanations(pyfunc: Any, detector: Any, records: Any) -> None:
    frame = records(6, seed=1)
    frame.loc[2, "size"] = 99.0
    frame.index = frame.index[::-1]
    told = pyfunc.predict(frame, params={"explain": True})["explanation"]
    lines = detector.explain(frame, top=3)
    for row in range(6):
        own = lines[(lines["row"] == row) & (lines["contribution"] > 0)].sort_values("rank")
        assert told.iloc[row] == "; ".join(own["sentence"])
    assert "size" in told.iloc[2]


def test_pictures(fit: Any, tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (24, 16, 16), dtype=np.uint8)
    model = fit(pictures)
    anomgan.mlflow.save_model(model, tmp_path / "model")
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    [spec] = loaded.metadata.signature.inputs.inputs
    assert (spec.type, spec.shape) == (np.dtype("uint8"), (-1, -1, -1))
    found = loaded.predict(pictures[:5])
    np.testing.assert_array_equal(found["score"], -model.score_samples(pictures[:5]))
    for wrong in (np.array([["/etc/passwd"]]), pictures[0]):
        with pytest.raises(MlflowException, match="give pictures as an array of numbers"):
            loaded._model_impl.predict(wrong)  # what a server hands on
    with pytest.raises(MlflowException, match="the model is of pictures"):
        loaded.predict(pictures[:1], params={"explain": True})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"alpha": 0.0}, "params: alpha 0.0 must lie between 0 and 1"),
        ({"fdr": 2.0}, "params: fdr 2.0 must lie between 0 and 1"),
        ({"alpha": 0.1, "fdr": 0.1}, "alpha and fdr are two ways to flag rows"),
    ],
)
def test_wrong_params(pyfunc: Any, records: Any, params: Any, message: str) -> None:
    with pytest.raises(MlflowException, match=message) as caught:
        pyfunc.predict(records(5), params=params)
    assert caught.value.get_http_status_code() == 400


def test_an_optional_column_may_be_left_out(pyfunc: Any, records: Any) -> None:
    frame = records(20, seed=2)
    without = pyfunc.predict(frame.drop(columns="gaps"))
    pd.testing.assert_frame_equal(without, pyfunc.predict(frame.assign(gaps=np.nan)))


def test_dates_as_text_and_with_a_zone(pyfunc: Any, records: Any) -> None:
    frame = records(20, seed=2)
    expected = pyfunc.predict(frame)
    as_text = frame.assign(seen=frame["seen"].dt.strftime("%Y-%m-%dT%H:%M:%S"))
    zoned = frame.assign(seen=frame["seen"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"))
    pd.testing.assert_frame_equal(pyfunc.predict(as_text), expected)
    pd.testing.assert_frame_equal(pyfunc.predict(zoned), expected)


def test_an_unreadable_cell_is_refused(pyfunc: Any, records: Any) -> None:
    frame = records(20, seed=2)
    frame["seen"] = frame["seen"].astype(str)
    frame.loc[3, "seen"] = "yesterday"
    message = "the input: row 3, column 'seen': 'yesterday' isn't an ISO 8601 date or time"
    with pytest.raises(MlflowException, match=message):
        pyfunc.predict(frame)


def test_loading_gives_a_detector(saved: Path, detector: Any, records: Any) -> None:
    loaded = anomgan.mlflow.load_model(str(saved))
    frame = records(20, seed=3)
    np.testing.assert_array_equal(loaded.score_samples(frame), detector.score_samples(frame))
    assert loaded.training_facts_ == detector.training_facts_


def test_a_model_of_an_older_format(saved: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(saved, old)
    path = old / "detector" / "model.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps(about | {"format_version": 1}))
    message = r"written by an older anomgan \(format 1\); fit it again"
    with pytest.raises(InputError, match=message):
        anomgan.mlflow.load_model(str(old))
    with pytest.raises(MlflowException, match=message):
        mlflow.pyfunc.load_model(str(old))


def test_a_model_of_another_library(tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "MLmodel").write_text("flavors: {sklearn: {pickled_model: model.pkl}}\n")
    with pytest.raises(InputError, match="isn't a model of anomgan's but of sklearn"):
        anomgan.mlflow.load_model(str(folder))


def test_a_folder_that_holds_something_is_left_alone(detector: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(MlflowException, match="isn't empty"):
        anomgan.mlflow.save_model(detector, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_conditions_and_arrays(fit: Any, records: Any, tmp_path: Path) -> None:
    frame = records(80)
    conditioned = fit(frame, method="cgan", condition="colour")
    anomgan.mlflow.save_model(conditioned, tmp_path / "conditioned")
    found = mlflow.pyfunc.load_model(str(tmp_path / "conditioned")).predict(frame)
    np.testing.assert_array_equal(found["score"], conditioned.score_frame(frame).score)

    array = np.random.default_rng(0).normal(size=(60, 3))
    plain = fit(array)
    anomgan.mlflow.save_model(plain, tmp_path / "array")
    rows = pd.DataFrame(array, columns=["x0", "x1", "x2"])
    found = mlflow.pyfunc.load_model(str(tmp_path / "array")).predict(rows)
    np.testing.assert_array_equal(found["score"], -plain.score_samples(array))


def test_conditions_have_thresholds_of_their_own(by_machine: Any, machines: pd.DataFrame) -> None:
    model = anomgan.mlflow.pyfunc.PyfuncModel(by_machine)
    flagged = model.predict(machines)["is_anomaly"] == 1
    np.testing.assert_array_equal(flagged, by_machine.predict(machines) == -1)


def test_the_public_names_are_shown() -> None:
    names = dir(anomgan.mlflow)
    assert names == sorted(anomgan.mlflow.__all__)
    assert {"log_model", "load_model", "save_model", "autolog", "log_fit"} <= set(names)
    for name in names:
        assert getattr(anomgan.mlflow, name).__doc__
    text = pydoc.plain(pydoc.render_doc(anomgan.mlflow))
    assert "log_model(detector: 'GANDetector', name: 'str' = 'model'" in text
    with pytest.raises(AttributeError, match="has no attribute 'log_modell'"):
        anomgan.mlflow.log_modell  # noqa: B018


def test_numbers_with_decimal_commas_may_be_served_as_text_or_numbers() -> None:
    column = NumericColumn("x", "float64", False, 0.0, 1.0, form=(",", "", "€"))
    assert isinstance(_to_mlflow_type(column), AnyType)
    assert _to_mlflow_type(replace(column, form=())) == DataType.double


def test_a_plug_in_travels_as_code_and_runs_where_it_is_named(
    fit: Any, records: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(__file__).parents[2] / "docs" / "plugin-example" / "anomgan_lsgan.py"
    anomgan.load_plugin(source)
    detector = fit(records(60), method="lsgan")
    anomgan.mlflow.save_model(detector, tmp_path / "m")
    assert (tmp_path / "m" / "code" / source.name).read_bytes() == source.read_bytes()
    expected = detector.score_frame(records(9)).score
    [file] = list_loaded()
    file._forget()
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.setenv("ANOMGAN_PLUGINS", "")
    with pytest.raises(MlflowException, match=r"file 'anomgan_lsgan.py'; say where that is"):
        mlflow.pyfunc.load_model(str(tmp_path / "m"))
    monkeypatch.setenv("ANOMGAN_PLUGINS", source.name)
    served = mlflow.pyfunc.load_model(str(tmp_path / "m"))
    np.testing.assert_array_equal(served.predict(records(9))["score"], expected)


def test_a_plug_in_s_distribution_is_required() -> None:
    pins = pin_requirements([Origin("distribution", "pytest", "1.0"), Origin("file", "x.py")])
    assert pins[-1] == f"pytest=={version('pytest')}"
