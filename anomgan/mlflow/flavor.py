"""The ``anomgan`` flavor: save, log and load a model directory beside an ``MLmodel`` file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from mlflow import pyfunc
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME, ModelInfo
from mlflow.models.utils import _save_example
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import AnyType
from mlflow.utils.environment import _mlflow_conda_env, _PythonEnv
from mlflow.utils.model_utils import _validate_and_copy_code_paths

import anomgan.mlflow
from anomgan.errors import InputError
from anomgan.estimator import GANDetector, load
from anomgan.mlflow.pyfunc import PyfuncModel
from anomgan.mlflow.quiet import quiet_mlflow
from anomgan.mlflow.registry import fetch_temporarily
from anomgan.mlflow.set_aside import find_identifier
from anomgan.persistence import model_store as store
from anomgan.plugins.records import list_origins
from anomgan.plugins.registry import Origin
from anomgan.score_weights import parse_score

if TYPE_CHECKING:
    from mlflow.models import ModelInputExample

    from anomgan.data.table.columns.column import Column

FLAVOR_NAME = "anomgan"
MODEL_DIR = "detector"
"""Name of the model directory within a logged model."""

EXAMPLE_ROWS = 5
"""Generated records in the input example."""

PACKAGES = (
    "anomgan",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "safetensors",
    "scikit-learn",
    "scipy",
    "torch",
)
"""The packages that scoring needs."""

OUTPUTS = Schema(
    [
        ColSpec(DataType.double, "score"),
        ColSpec(DataType.double, "p_value"),
        ColSpec(DataType.integer, "is_anomaly"),
        ColSpec(DataType.string, "explanation", required=False),
    ]
)
PARAMS = ParamSchema(
    [
        ParamSpec("alpha", DataType.double, None),
        ParamSpec("fdr", DataType.double, None),
        ParamSpec("explain", DataType.boolean, False),
    ]
)


def save_model(
    detector: GANDetector,
    path: str | Path,
    *,
    mlflow_model: Model | None = None,
    signature: ModelSignature | None = None,
    input_example: ModelInputExample | None = None,
    pip_requirements: list[str] | None = None,
    extra_pip_requirements: list[str] | None = None,
    metadata: dict[str, Any] | None = None,
    code_paths: list[str] | None = None,
    validate_serving_input: bool = True,
) -> None:
    """Save a detector in a folder that MLflow can log, register, serve and load.

    Args:
        detector: A fitted detector.
        path: A folder that doesn't exist or is empty.
        mlflow_model: MLflow's description of the model, to be completed.
        signature: Default: the types of the columns; columns with missing cells in training are
            optional.
        input_example: Default: a few generated records, so that the folder contains no training
            data.
        pip_requirements: Default: exactly the installed versions.
        extra_pip_requirements: Further requirements.
        metadata: Any data to store with the model.
        code_paths: Files and folders of Python code to store with it.  MLflow puts them on Python's
            path when it loads the model, and nothing more: a plug-in among them is run where
            ``ANOMGAN_PLUGINS`` names it.  Default: the files of the plug-ins that the model needs.
        validate_serving_input: Accepted because MLflow passes it; it tries the input example.

    Raises:
        InputError: If the folder can't be written.
        MlflowException: If it isn't empty.
    """
    path = Path(path)
    if path.exists() and any(path.iterdir()):
        raise MlflowException.invalid_parameter_value(f"{path}: isn't empty; name another folder")
    path.mkdir(parents=True, exist_ok=True)
    model = Model() if mlflow_model is None else mlflow_model
    if input_example is None:
        input_example = detector.sample(EXAMPLE_ROWS, random_state=0)
    detector.save(path / MODEL_DIR)
    model.signature = make_signature(detector) if signature is None else signature
    if metadata is not None:
        model.metadata = metadata
    with quiet_mlflow():  # MLflow compares columns in a way that pandas warns about
        _save_example(model, input_example, str(path))
    gan = detector.ensemble_.gan
    plugins = list_origins(gan.name, parse_score(gan.config.score))
    if code_paths is None:
        code_paths = [each.name for each in plugins if each.kind == "file"] or None
    pyfunc.add_to_model(
        model,
        code=_validate_and_copy_code_paths(code_paths, str(path)),
        loader_module="anomgan.mlflow",
        data=MODEL_DIR,
        conda_env="conda.yaml",
        python_env="python_env.yaml",
    )
    model.add_flavor(
        FLAVOR_NAME,
        data=MODEL_DIR,
        anomgan_version=version("anomgan"),
        format_version=store.FORMAT_VERSION,
        method=detector.method,
    )
    model.model_size_bytes = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    model.save(str(path / MLMODEL_FILE_NAME))
    pins = [*(pip_requirements or pin_requirements(plugins)), *(extra_pip_requirements or [])]
    (path / "requirements.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
    conda = _mlflow_conda_env(additional_pip_deps=pins, install_mlflow=False)
    (path / "conda.yaml").write_text(yaml.safe_dump(conda, sort_keys=False), encoding="utf-8")
    _PythonEnv.current().to_yaml(str(path / "python_env.yaml"))


def log_model(
    detector: GANDetector,
    name: str = "model",
    *,
    registered_model_name: str | None = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a fitted detector as a model of the active run, or of a new run.

    Args:
        detector: A fitted detector.
        name: Name of the logged model.
        registered_model_name: Name of a registered model to add a version to.
        kwargs: Further arguments of :meth:`mlflow.models.Model.log` and :func:`save_model`.

    Returns:
        MLflow's description; pass its ``model_uri`` to :func:`load_model`.
    """
    info: ModelInfo = Model.log(
        artifact_path=None,
        name=name,
        flavor=anomgan.mlflow,
        flavor_name=FLAVOR_NAME,
        registered_model_name=registered_model_name,
        detector=detector,
        **kwargs,
    )
    return info


def load_model(model_uri: str, *, device: str | None = None) -> GANDetector:
    """Load a logged or saved model as a detector.

    Args:
        model_uri: ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, ``runs:/RUN/NAME``, or a
            folder.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``; default: the ``device`` parameter of the fit.

    Raises:
        InputError: If there is no such model, MLflow can't reach it, it has another flavor, or a
            newer or older anomgan logged it.
    """
    with fetch_temporarily(model_uri) as folder:
        return load(folder, device=device)


def _load_pyfunc(path: str, model_config: dict[str, Any] | None = None) -> PyfuncModel:
    """Load the model directory of a logged model; called by ``mlflow.pyfunc.load_model``.

    Raises:
        MlflowException: If the model can't be read.
    """
    config = model_config or {}
    try:
        return PyfuncModel(load(path, device=config.get("device")))
    except InputError as error:
        raise MlflowException.invalid_parameter_value(str(error)) from error


def make_signature(detector: GANDetector) -> ModelSignature:
    """The model signature: columns or images, parameters, and the columns of the results."""
    if detector.encoder_.spec.grid is None:
        schema = detector.encoder_.schema
        columns = (*schema.columns, *schema.conditions)
        inputs: list[ColSpec | TensorSpec] = [
            ColSpec(_to_mlflow_type(c), c.name, required=not c.missing) for c in columns
        ]
        placing = detector.encoder_.placing_columns  # times of any type
        inputs += [ColSpec(AnyType(), name, required=False) for name in placing]
        if identifier := find_identifier(detector):
            inputs.append(ColSpec(AnyType(), identifier, required=False))
        return ModelSignature(Schema(inputs), OUTPUTS, PARAMS)
    generated = np.asarray(detector.sample(1, random_state=0))  # (1, H, W) or (1, H, W, C)
    # Of any height and width, because the encoder resizes images.
    images = TensorSpec(generated.dtype, (-1, -1, -1, *generated.shape[3:]))
    return ModelSignature(Schema([images]), OUTPUTS, PARAMS)


def _to_mlflow_type(column: Column) -> DataType | AnyType:
    """MLflow's type for a column.

    Dates, durations, declared categories and Booleans with missing cells become ``AnyType``:
    MLflow's own types would refuse time zones and dates as text, and read a missing Boolean as
    false.
    """
    if getattr(column, "form", ()) or getattr(column, "forms", ()):
        # Text such as "1,5", and plain numbers as well; times as numbers or text.
        return AnyType()
    if column.dtype.startswith(("category[", "datetime64", "timedelta64")):
        return AnyType()
    if column.kind == "boolean" or column.dtype in ("bool", "boolean"):
        words = getattr(column, "words", ("false", "true"))
        if words != ("false", "true"):
            return DataType.string
        return AnyType() if column.missing else DataType.boolean
    if column.kind == "category" or column.dtype == "str":
        return DataType.string
    is_integer = "int" in column.dtype.lower()
    return DataType.long if is_integer and not column.missing else DataType.double


def pin_requirements(plugins: Sequence[Origin] = ()) -> list[str]:
    """Exactly the installed versions of the packages that scoring needs, for pip."""
    names = [*PACKAGES, *(each.name for each in plugins if each.kind == "distribution")]
    # A local version such as 2.13.0+cpu is a build that only its own index has.
    return [f"{name}=={version(name).partition('+')[0]}" for name in names]
