"""The flavour: a model directory beside an ``MLmodel`` file, saved, logged and loaded."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from mlflow import pyfunc
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.models.model import MLMODEL_FILE_NAME, ModelInfo
from mlflow.models.utils import _save_example
from mlflow.utils.environment import _mlflow_conda_env, _PythonEnv

import anomgan.mlflow
from anomgan.errors import InputError
from anomgan.estimator import GANDetector, load
from anomgan.mlflow.pyfunc import PyfuncModel
from anomgan.mlflow.quiet import calm
from anomgan.mlflow.registry import fetched
from anomgan.mlflow.signature import requirements, signature
from anomgan.persistence import model_store as store

if TYPE_CHECKING:
    from mlflow.models import ModelInputExample, ModelSignature

FLAVOR_NAME = "anomgan"
DATA = "detector"
"""The model directory's name within a logged folder."""

EXAMPLES = 5
"""Generated records in the input example."""


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
    validate_serving_input: bool = True,
) -> None:
    """Write a folder that MLflow can log, register, serve and load.

    Args:
        detector: A fitted detector.
        path: A folder that doesn't exist or is empty.
        mlflow_model: What MLflow knows of the model so far.
        signature: By default the columns' own types; a column in which cells were missing in
            training is optional.
        input_example: By default a few generated records, so that nothing of the training data
            gets into the folder.
        pip_requirements: By default the installed versions, exactly.
        extra_pip_requirements: More of them.
        metadata: Whatever else is to be kept with the model.
        validate_serving_input: For MLflow, which tries the input example.

    Raises:
        InputError: If the folder can't be written.
        MlflowException: If there is something in it.
    """
    path = Path(path)
    if path.exists() and any(path.iterdir()):
        raise MlflowException.invalid_parameter_value(f"{path}: isn't empty; name another folder")
    path.mkdir(parents=True, exist_ok=True)
    model = Model() if mlflow_model is None else mlflow_model
    example = example_of(detector) if input_example is None else input_example
    detector.save(path / DATA)
    model.signature = signature_of(detector) if signature is None else signature
    if metadata is not None:
        model.metadata = metadata
    with calm():  # MLflow compares columns in a way that pandas warns of
        _save_example(model, example, str(path))
    pyfunc.add_to_model(
        model,
        loader_module="anomgan.mlflow",
        data=DATA,
        conda_env="conda.yaml",
        python_env="python_env.yaml",
    )
    model.add_flavor(
        FLAVOR_NAME,
        data=DATA,
        anomgan_version=version("anomgan"),
        format_version=store.FORMAT_VERSION,
        method=detector.method,
    )
    model.model_size_bytes = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    model.save(str(path / MLMODEL_FILE_NAME))
    pins = [*(pip_requirements or requirements()), *(extra_pip_requirements or [])]
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
    """Log a fitted detector to the active run, or to a new one.

    Args:
        detector: A fitted detector.
        name: The logged model's name.
        registered_model_name: If given, a version of this name is made, too.
        kwargs: Further arguments of :meth:`mlflow.models.Model.log` and :func:`save_model`.

    Returns:
        What MLflow knows of it; ``model_uri`` is what :func:`load_model` takes.
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
        device: Where to compute; by default what was asked for at fit.

    Raises:
        InputError: If there is no such model, MLflow can't reach it, it isn't anomgan's, or a newer
            or older anomgan logged it.
    """
    with fetched(model_uri) as folder:
        return load(folder, device=device)


def _load_pyfunc(path: str, model_config: dict[str, Any] | None = None) -> PyfuncModel:
    """For MLflow, which calls it with the model directory within the logged folder.

    Raises:
        MlflowException: If the model can't be read.
    """
    config = model_config or {}
    try:
        return PyfuncModel(load(path, device=config.get("device")))
    except InputError as error:
        raise MlflowException.invalid_parameter_value(str(error)) from error


def example_of(detector: GANDetector) -> Any:
    """A few generated records in the form that the model takes."""
    return detector.sample(EXAMPLES, random_state=0)


signature_of = signature
"""Under another name, since the arguments above are called as everywhere in MLflow."""
